"""Flags, verdicts, skipped records and the asking."""

from datetime import timedelta

import pytest
import typer

from app.operators.actor import this_person
from app.operators.flags import is_tenant_id, moment_ago, patience_s, silence_line
from app.operators.read_progress import ReadProgress
from app.operators.verdict_text import REFUSED, verdict
from app.terminal import consent
from app.terminal.exits import Exit, Trouble
from schemas.control import Command
from tests.doubles.operated import AT, audit


def test_a_moment_is_a_time_or_how_long_ago() -> None:
    assert moment_ago(None, "--since", AT) is None
    assert moment_ago("2h", "--since", AT) == AT - timedelta(hours=2)
    assert moment_ago("2026-11-21T07:00:00Z", "--since", AT) == AT
    with pytest.raises(Trouble, match="--until 'soon': write how long ago"):
        moment_ago("soon", "--until", AT)


def test_a_patience_is_a_duration() -> None:
    assert patience_s("1m30s") == 90
    with pytest.raises(Trouble, match="--timeout: 'x' is no duration"):
        patience_s("x")


@pytest.mark.parametrize(("text", "is_one"), [("acme", True), ("a b", False), ("", False), ("ä", False)])
def test_a_tenant_has_the_characters_of_the_contract(text: str, is_one: bool) -> None:
    assert is_tenant_id(text) is is_one


def test_silence_says_what_stands_and_where_to_look() -> None:
    assert "the command stands on the control topic" in silence_line(30, "acme")
    assert "7 commands stand" in silence_line(30, "acme", 7)
    assert silence_line(30, "acme").endswith("penstock tail audit --from 10m --tenant acme")


@pytest.mark.parametrize("code", REFUSED)
def test_a_refusal_says_its_code_and_what_to_do(code: str) -> None:
    told = verdict(Command.APPROVE, audit("a", outcome="refused", code=code))

    assert told == f"refused, {code}: {REFUSED[code]}"


def test_what_was_done_or_kept_is_told() -> None:
    assert verdict(Command.REJECT, audit("a")).startswith("rejected: the model is told")
    assert verdict(Command.CANCEL, audit("a", outcome="kept")).startswith("kept: no such request")
    assert verdict(Command.CANCEL, audit("a", outcome="refused", code="new_code")).startswith(
        "refused, new_code"
    )


def test_the_person_has_a_login_name_and_a_machine() -> None:
    login, _, host = this_person().partition("@")

    assert login
    assert host


def test_with_yes_nobody_is_asked_and_without_a_terminal_yes_is_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)

    assert consent.given("Sure?", yes=True)
    with pytest.raises(Trouble, match="say --yes"):
        consent.given("Sure?", yes=False)


@pytest.mark.parametrize("answer", [True, False])
def test_at_a_terminal_the_answer_decides(monkeypatch: pytest.MonkeyPatch, answer: bool) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(typer, "confirm", lambda *_, **__: answer)

    assert consent.given("Sure?", yes=False) is answer


def test_whoever_breaks_off_is_taken_at_their_word(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> bool:
        raise typer.Abort

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(typer, "confirm", interrupt)

    with pytest.raises(typer.Exit) as left:
        consent.given("Sure?", yes=False)
    assert left.value.exit_code == Exit.INTERRUPTED


def test_where_there_is_no_terminal_no_bar_is_shown() -> None:
    now = 0.0
    with ReadProgress("agent.audit", lambda: now) as progress:
        now = 100.0
        progress.add(5, 0.5)

        assert progress._bar is None


def test_reading_is_told_on_a_terminal_only_once_it_takes_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    with ReadProgress("agent.audit", lambda: now) as progress:
        monkeypatch.setattr(type(progress._console), "is_terminal", True)
        progress.add(5, 0.25)
        early = progress._bar
        now = 1.5
        progress.add(10, 0.75)

        assert early is None
        assert progress._bar is not None
        (task,) = progress._bar.tasks
        assert (task.description, task.percentage) == ("reading agent.audit: 15 records", 75)
