"""New runs are held back while the loop is behind, and go on when it has caught up; a few always may."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from streams.pacing import ALWAYS, EACH_TICK, LATE_S, TICK_S, LoopPace


class HandLoop:
    """A loop whose time, and how late it is, the test sets."""

    def __init__(self) -> None:
        self.now = 100.0
        self.calls: list[tuple[float, Callable[..., None], tuple[Any, ...]]] = []

    def time(self) -> float:
        """Now."""
        return self.now

    def call_at(self, when: float, call: Callable[..., None], *arguments: Any) -> None:
        """To be called then."""
        self.calls.append((when, call, arguments))

    def turn(self, late_s: float = 0.0) -> None:
        """The next call, so much too late."""
        when, call, arguments = self.calls.pop(0)
        self.now = when + late_s
        call(*arguments)


class Queue:
    """Runs that wait to begin."""

    def __init__(self, pace: LoopPace, waiting: int) -> None:
        self.pace = pace
        self.waiting, self.running = waiting, 0

    def go_on(self) -> None:
        """As many as may."""
        while self.waiting and self.pace.allows(self.running):
            self.waiting -= 1
            self.running += 1
            self.pace.began(self.go_on)


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> HandLoop:
    made = HandLoop()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: cast(Any, made))
    return made


def test_a_loop_that_keeps_up_begins_so_many_each_tick_until_nobody_waits(loop: HandLoop) -> None:
    queue = Queue(LoopPace(), 2 * EACH_TICK + 1)
    queue.go_on()
    assert queue.running == EACH_TICK

    loop.turn()
    assert queue.running == 2 * EACH_TICK
    loop.turn(LATE_S * 0.9)
    assert queue.running == 2 * EACH_TICK + 1


def test_a_loop_that_is_behind_begins_none_until_it_has_caught_up(loop: HandLoop) -> None:
    queue = Queue(LoopPace(), 100)
    queue.go_on()

    for _ in range(5):
        loop.turn(LATE_S * 1.5)
    assert queue.running == EACH_TICK

    loop.turn()
    assert queue.running == 2 * EACH_TICK


def test_a_few_go_on_whatever_the_loop_says(loop: HandLoop) -> None:
    queue = Queue(LoopPace(), 100)
    queue.go_on()
    loop.turn(1.0)
    queue.running = 0

    queue.go_on()

    assert queue.running == ALWAYS


def test_nobody_looks_while_nobody_begins(loop: HandLoop) -> None:
    queue = Queue(LoopPace(), 1)
    queue.go_on()
    assert len(loop.calls) == 1

    loop.turn()

    assert loop.calls == []
    queue.waiting = 1
    queue.go_on()
    assert loop.calls[0][0] == loop.now + TICK_S
