"""The command line as a whole."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from app import cli

RUNNER = CliRunner()


def test_every_command_of_the_table_is_there_and_loads() -> None:
    assert cli.available() == list(cli.COMMANDS)
    for name in cli.available():
        assert cli.load(name).name == name


@pytest.mark.parametrize("name", list(cli.COMMANDS))
def test_a_command_is_summed_up_by_its_module(name: str) -> None:
    said = cli.summary(name)

    assert said.endswith(".")
    assert said[0].isupper()
    assert said in " ".join(RUNNER.invoke(cli.app, ["--help"], env={"COLUMNS": "300"}).stdout.split())


def test_help_and_small_commands_do_not_load_the_agents_sdk() -> None:
    script = (
        "import sys; from typer.testing import CliRunner; from app import cli;"
        "runs = [CliRunner().invoke(cli.app, words) for words in (['-h'], ['version'], ['send', '-h'])];"
        "assert [run.exit_code for run in runs] == [0, 0, 0], runs;"
        "sys.exit('agents' in sys.modules or 'faust' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize("words", [["version"], ["--version"]])
def test_the_version_is_told(words: list[str]) -> None:
    result = RUNNER.invoke(cli.app, words)

    assert result.exit_code == 0
    assert result.stdout.startswith("penstock 0.")
    assert "aiokafka 0.14.0" in result.stdout


def test_a_misspelt_command_is_answered_with_the_right_one() -> None:
    result = RUNNER.invoke(cli.app, ["wrker"])

    assert result.exit_code == 2
    assert "Did you mean 'worker'" in result.stderr


def test_a_command_has_short_help_too() -> None:
    assert RUNNER.invoke(cli.app, ["topics", "create", "-h"]).exit_code == 0
