"""What `penstock sessions` says before it connects to anything, and where nobody answers."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app import cli

NOBODY = {
    "PENSTOCK_KAFKA_BOOTSTRAP": "127.0.0.1:1",
    "PENSTOCK_REDIS_URL": "redis://127.0.0.1:1/0",
}
ACME = ("--tenant", "acme")


def run(*words: str, **environment: str) -> Result:
    return CliRunner().invoke(cli.app, ["sessions", *words], env={**NOBODY, **environment})


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No `.env` of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show", "s", "--tenant", "a b"], "'a b': must be 1 to 128 characters"),
        (["export", *ACME], "say which session, or --user"),
        (["delete", *ACME], "say which session, or --user"),
        (["delete", "s", "--tenant", "a b"], "'a b': must be 1 to 128 characters"),
        (["delete", "s", *ACME, "--timeout", "x"], "--timeout: 'x' is no duration"),
        (["delete", "s", *ACME, "--yes"], "no Kafka answers at 127.0.0.1:1"),
        (["clean", "--older-than", "30d"], "PENSTOCK_SESSIONS_URL names no database"),
        (["list"], "PENSTOCK_REDIS_URL"),
        (["show", "s", *ACME], "PENSTOCK_REDIS_URL"),
        (["export", "s", *ACME], "PENSTOCK_REDIS_URL"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(words: list[str], said: str) -> None:
    result = run(*words)

    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--older-than", "soon"], "--older-than: 'soon' is no duration"),
        (["--older-than", "30d"], "say --yes"),
    ],
)
def test_nothing_is_cleaned_away_unless_it_is_meant(words: list[str], said: str, tmp_path: Path) -> None:
    result = run("clean", *words, PENSTOCK_SESSIONS_URL=f"sqlite:///{tmp_path / 's.db'}")

    assert result.exit_code == 2
    assert said in result.stderr


def test_keys_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    result = run("list", PENSTOCK_MEMORY_KEYS_FILE=str(tmp_path / "none"))

    assert result.exit_code == 2
    assert "PENSTOCK_MEMORY_KEYS_FILE" in result.stderr


def test_a_database_that_cannot_be_used_is_told_without_its_password() -> None:
    result = run("list", PENSTOCK_SESSIONS_URL="mysql://me:secret@db/penstock")

    assert result.exit_code == 2
    assert "PENSTOCK_SESSIONS_URL" in result.stderr
    assert "secret" not in result.stderr
