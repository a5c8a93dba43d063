"""What a tried run tells is shown once, however often it tells it, and nothing of it moves the cursor."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest

from app.authoring.trial_screen import TrialScreen


class Shown:
    """A screen, and what stands on it."""

    def __init__(self) -> None:
        self.out, self.err = StringIO(), StringIO()
        self.screen = TrialScreen(self.out, self.err)

    def say(self, text: str, turn: int, at_char: int) -> None:
        self.screen.on_delta("text", {"text": text}, turn, at_char)


@pytest.fixture
def shown() -> Shown:
    return Shown()


def test_text_that_a_replay_tells_again_is_not_shown_again(shown: Shown) -> None:
    shown.say("I open ", 0, 0)
    shown.say("the gate.", 0, 7)
    shown.say("I open the gate. Wait.", 0, 0)
    shown.say("Done.", 1, 0)
    shown.screen.finish("Done.")

    assert shown.out.getvalue() == "I open the gate. Wait.\nDone.\n"


def test_a_tool_is_told_once(shown: Shown) -> None:
    called = {"name": "level", "call_id": "c1", "arguments": {"place": "Linz"}}

    for _ in range(2):
        shown.screen.on_delta("tool_called", called, 0, 0)

    assert shown.err.getvalue() == '[tool level({"place":"Linz"})]\n'


def test_what_a_terminal_would_obey_is_made_harmless(shown: Shown) -> None:
    shown.say("\x1b[2Jgone", 0, 0)
    returned = {"call_id": "c1", "ok": False, "summary": "\x1b]0;x\x07"}
    shown.screen.on_delta("tool_returned", returned, 0, 0)

    assert "\x1b" not in shown.out.getvalue() + shown.err.getvalue()


@pytest.mark.parametrize(
    ("said", "output", "stands"),
    [
        ('{"metres":4.2}', {"metres": 4.2}, '{"metres":4.2}\n'),
        ("", {"metres": 4.2}, '{\n  "metres": 4.2\n}\n'),
    ],
)
def test_structured_output_stands_there_once(shown: Shown, said: str, output: Any, stands: str) -> None:
    if said:
        shown.say(said, 0, 0)

    shown.screen.finish(output)

    assert shown.out.getvalue() == stands
