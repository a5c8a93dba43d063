"""What `penstock new agent` writes is sound: its own test, linters and `penstock agents check` say so."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app import cli
from app.authoring import scaffold
from app.authoring.scaffold import Home, in_checkout, in_folder, in_package
from app.terminal.exits import Trouble

ROOT = Path(__file__).parents[3]
RUNNER = CliRunner()
HOMES: dict[str, Callable[[Path], Home]] = {
    "checkout": in_checkout,
    "folder": in_folder,
    "package": lambda root: in_package(root, "weather"),
}


def run(*words: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    known = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HOME": str(folder), **environment}
    return subprocess.run(
        [sys.executable, "-m", *words], cwd=folder, env=known, capture_output=True, text=True, check=False
    )


@pytest.fixture(params=list(HOMES))
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    return HOMES[request.param](tmp_path)


@pytest.mark.parametrize("with_tool", [False, True])
def test_linters_find_nothing(home: Home, tmp_path: Path, with_tool: bool) -> None:
    scaffold.write("weather", home, with_tool=with_tool)
    (tmp_path / "pyproject.toml").touch()
    settings = ["--config", str(ROOT / "pyproject.toml"), "--config", "lint.extend-ignore=['S101']"]
    if home.imports.startswith("agents_defs"):
        settings += ["--config", "lint.isort.known-first-party=['agents_defs', 'app']"]

    found = run("ruff", "check", "--no-cache", *settings, ".", folder=tmp_path)
    formatted = run("ruff", "format", "--no-cache", "--diff", *settings[:2], ".", folder=tmp_path)

    assert found.returncode == 0, found.stdout
    assert formatted.returncode == 0, formatted.stdout


def test_the_type_checker_finds_nothing(tmp_path: Path) -> None:
    written = scaffold.write("weather", in_folder(tmp_path / "agents"), with_tool=True)
    files = [str(path) for path in written if path.suffix == ".py"]

    found = run("mypy", "--config-file", str(ROOT / "pyproject.toml"), *files, folder=ROOT)

    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize("kind", ["folder", "package"])
def test_its_own_test_passes(tmp_path: Path, kind: str) -> None:
    made = HOMES[kind](tmp_path)
    scaffold.write("weather", made, with_tool=True)

    ran = run("pytest", "-q", str(made.tests), folder=tmp_path)

    assert "4 passed" in ran.stdout, ran.stdout + ran.stderr


def test_the_check_finds_nothing_and_the_agent_answers(tmp_path: Path) -> None:
    scaffold.write("weather", in_folder(tmp_path), with_tool=True)
    environment = {"PENSTOCK_AGENTS_DIR": str(tmp_path)}

    checked = run("app", "agents", "check", "weather", "--json", folder=ROOT, **environment)
    tried = run("app", "agents", "try", "weather", "Look up rivers.", "--offline", folder=ROOT, **environment)

    assert (checked.returncode, checked.stdout) == (0, "")
    assert tried.returncode == 0
    assert "[tool look_up(" in tried.stderr


def test_in_a_checkout_nothing_is_touched_but_the_agents_folder_and_its_test(tmp_path: Path) -> None:
    written = scaffold.write("weather", in_checkout(tmp_path), with_tool=False)

    assert {str(path.relative_to(tmp_path)) for path in written} == {
        "agents_defs/agents/weather.py",
        "agents_defs/agents/weather.md",
        "tests/agents/test_weather.py",
    }


def test_nothing_is_written_over(home: Home) -> None:
    first = scaffold.write("weather", home, with_tool=False)
    first[0].write_text("mine")
    first[1].unlink()

    with pytest.raises(Trouble, match="is there already: nothing was written"):
        scaffold.write("weather", home, with_tool=True)

    assert first[0].read_text() == "mine"
    assert not first[1].exists()


@pytest.mark.parametrize(
    "name", ["", "Weather", "water level", "7up", "class", "test_it", "a" * 51, "a@b", "ä"]
)
def test_a_name_that_no_file_can_have_is_refused(name: str) -> None:
    with pytest.raises(Trouble, match="write lower case letters"):
        scaffold.check_name(name)


def test_a_registered_name_is_refused(tmp_path: Path) -> None:
    ran = RUNNER.invoke(cli.app, ["new", "agent", "support", "--dir", str(tmp_path)])

    assert ran.exit_code == 2
    assert "registered already by agents_defs/agents/support.py" in ran.stderr
    assert list(tmp_path.iterdir()) == []


def test_outside_of_a_checkout_one_says_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    ran = RUNNER.invoke(cli.app, ["new", "agent", "weather"])

    assert ran.exit_code == 2
    assert "say --dir for a folder of agents, or --package" in ran.stderr


def test_the_folder_of_the_settings_is_taken_outside_of_a_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path)

    ran = RUNNER.invoke(cli.app, ["new", "agent", "weather"], env={"PENSTOCK_AGENTS_DIR": "mine"})

    assert ran.exit_code == 0, ran.stderr
    assert ran.stdout.splitlines() == ["mine/weather.py", "mine/weather.md", "mine/tests/test_weather.py"]
