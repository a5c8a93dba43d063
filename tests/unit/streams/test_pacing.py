"""As many run as the loop keeps up with: more while its turns come in time, else less; a few always."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from streams.pacing import ALWAYS, ALWAYS_PER_S, EACH_LOOK, LATE_S, PROMPT_S, SERVED_S, TICK_S, LoopPace

SLOTS = 100
SECOND = int(1 / TICK_S)  # looks, of a loop that is never late


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

    def __init__(self, waiting: int) -> None:
        self.pace = LoopPace(SLOTS)
        self.waiting, self.running = waiting, 0
        self.prompt = False

    def go_on(self) -> None:
        """As many as may."""
        while self.waiting and self.running < SLOTS and self.pace.allows(self.running):
            self.waiting -= 1
            self.running += 1
            self.pace.began(self.go_on, prompt=self.prompt)

    def end(self, runs: int) -> None:
        """So many end, and others begin."""
        self.running -= runs
        self.go_on()


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> HandLoop:
    made = HandLoop()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: cast(Any, made))
    return made


@pytest.fixture
def slowed(loop: HandLoop) -> Queue:
    """Its loop was late for so long that only a few run."""
    queue = full(loop)
    while queue.running > ALWAYS:
        loop.turn(LATE_S * 1.5)
        queue.end(1)
    return queue


def full(loop: HandLoop, waiting: int = 10_000) -> Queue:
    """All slots are taken."""
    queue = Queue(waiting)
    queue.go_on()
    while queue.running < SLOTS:
        loop.turn()
    return queue


def test_a_loop_that_keeps_up_begins_so_many_with_each_look_until_nobody_waits(loop: HandLoop) -> None:
    queue = Queue(2 * EACH_LOOK + 1)
    queue.go_on()
    assert queue.running == EACH_LOOK

    loop.turn(LATE_S * 0.9)
    assert queue.running == 2 * EACH_LOOK
    loop.turn(LATE_S * 0.9)
    assert queue.running == 2 * EACH_LOOK + 1


def test_fewer_than_run_now_may_after_a_turn_that_is_late(loop: HandLoop) -> None:
    queue = Queue(10_000)
    queue.go_on()

    loop.turn(LATE_S * 1.5)
    queue.end(0)

    assert queue.running == EACH_LOOK


def test_fewer_run_after_each_turn_that_is_late_but_a_few_always(loop: HandLoop, slowed: Queue) -> None:
    for _ in range(SECOND):
        loop.turn(LATE_S * 1.5)
        slowed.end(1)

    assert ALWAYS <= slowed.running <= 2 * ALWAYS


def test_more_run_again_as_long_as_turns_come_in_time(loop: HandLoop, slowed: Queue) -> None:
    for _ in range(SECOND):
        loop.turn()
    after_a_second = slowed.running
    for _ in range(5 * SECOND // 2):
        if loop.calls:
            loop.turn()

    assert 2 * ALWAYS < after_a_second < 2 * ALWAYS + ALWAYS_PER_S
    assert slowed.running == SLOTS


@pytest.mark.parametrize("late_s", [PROMPT_S * 1.5, LATE_S * 0.9])
def test_turns_are_short_while_somebody_asks_for_little_beside_others(loop: HandLoop, late_s: float) -> None:
    queue = full(loop)
    queue.prompt = True
    queue.end(1)

    for _ in range(SECOND // 10):
        loop.turn(late_s)
        queue.end(1)

    assert queue.running < SLOTS


def test_turns_may_be_long_again_when_nobody_does(loop: HandLoop) -> None:
    queue = full(loop)
    queue.prompt = True
    queue.end(1)
    queue.prompt = False
    loop.now += SERVED_S
    for _ in range(3 * SECOND):
        loop.turn()
        queue.end(1)

    for _ in range(SECOND // 10):
        queue.end(1)
        loop.turn(LATE_S * 0.9)

    assert queue.running == SLOTS


def test_nobody_looks_while_nobody_begins_or_is_held_back(loop: HandLoop) -> None:
    queue = Queue(1)
    queue.go_on()
    assert len(loop.calls) == 1

    loop.turn()

    assert loop.calls == []
    queue.waiting = 1
    queue.go_on()
    assert loop.calls[0][0] == loop.now + TICK_S


def test_nobody_looks_while_all_slots_are_taken(loop: HandLoop) -> None:
    queue = full(loop)
    while loop.calls:
        loop.turn()

    assert not queue.pace.allows(SLOTS)
    assert loop.calls == []
    queue.end(1)
    assert queue.running == SLOTS


def test_a_few_go_on_between_two_looks(loop: HandLoop) -> None:
    queue = Queue(10_000)
    queue.go_on()
    queue.running = 0

    queue.go_on()

    assert queue.running == ALWAYS


def test_some_begin_each_second_however_late_the_loop_is(loop: HandLoop, slowed: Queue) -> None:
    began = loop.now

    while loop.now < began + 3:
        loop.turn(LATE_S * 3)

    assert slowed.running - ALWAYS == pytest.approx(3 * ALWAYS_PER_S, abs=ALWAYS)
