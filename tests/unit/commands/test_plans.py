"""What the commands that change plans say before they connect to anything, and where nobody answers."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app import cli


def run(*words: str, stdin: str | bytes | None = None) -> Result:
    nobody = {"PENSTOCK_KAFKA_BOOTSTRAP": "127.0.0.1:1"}
    return CliRunner().invoke(cli.app, ["tenants", *words], input=stdin, env=nobody)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No `.env` of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["set", "a b", "tier=pro"], "set: 'a b' is no tenant's id"),
        (["set", "acme"], "set: say what to set: FIELD=VALUE, --unset FIELD, or --file plan.yaml"),
        (["set", "acme", "pro"], "set: 'pro': write FIELD=VALUE"),
        (["set", "acme", "--unset", "quota.token"], "set: quota.token: quota has no such field"),
        (["set", "acme", "--file", "none.yaml"], "set: none.yaml cannot be read: No such file"),
        (["remove", "a b"], "remove: 'a b' is no tenant's id"),
        (["import", "none.yaml"], "import: none.yaml cannot be read: No such file"),
        (["diff", "none.yaml"], "diff: none.yaml cannot be read: No such file"),
        (["export", "a b"], "export: 'a b' is no tenant's id"),
        (["export"], "export: no Kafka answers at 127.0.0.1:1"),
        (["set", "acme", "tier=pro"], "set: no Kafka answers at 127.0.0.1:1"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(words: list[str], said: str) -> None:
    result = run(*words)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"penstock tenants {said}")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", ["import", "diff"])
def test_all_errors_of_a_file_are_told_by_line(command: str) -> None:
    result = run(command, "-", stdin="tenants:\n  acme: {teir: x}\n  b: {weight: 0}\n")

    assert (result.exit_code, result.stdout) == (2, "")
    assert [line.split(": ")[0] for line in result.stderr.splitlines()] == [
        "standard input:2",
        "standard input:3",
        f"penstock tenants {command}",
    ]
    assert result.stderr.endswith("nothing was done: standard input: 2 errors\n")


def test_of_a_great_many_errors_a_few_are_told() -> None:
    result = run("import", "-", stdin="tenants:\n" + "".join(f"  t{one}: 5\n" for one in range(30)))

    assert len(result.stderr.splitlines()) == 22
    assert "and 10 more\n" in result.stderr


def test_a_file_that_is_no_text_is_told() -> None:
    result = run("import", "-", stdin=b"tenants: {a: \xff}")

    assert result.exit_code == 2
    assert "standard input is not UTF-8 (byte 13): save it as UTF-8" in result.stderr


def test_a_byte_order_mark_is_no_error() -> None:
    assert "no Kafka answers" in run("import", "-", stdin=b"\xef\xbb\xbftenants: {}\n").stderr
