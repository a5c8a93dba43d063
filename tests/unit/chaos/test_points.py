"""Named points: what a worker does at each, and how it is told."""

import signal
from pathlib import Path

import pytest

from tests.chaos import points
from tests.chaos.points import NOTHING, Order, Step, Trap


@pytest.fixture
def signals(monkeypatch: pytest.MonkeyPatch) -> list[signal.Signals]:
    sent: list[signal.Signals] = []
    monkeypatch.setattr("os.kill", lambda _, number: sent.append(number))
    return sent


class Door:
    def __init__(self) -> None:
        self.opened: list[str] = []

    def open(self) -> str:
        self.opened.append("open")
        return "opened"

    async def open_later(self) -> str:
        self.opened.append("later")
        return "opened later"


def test_every_step_is_one_of_the_product() -> None:
    """A method that was renamed would not be crashed any more, and nobody would notice."""
    assert points.missing() == []


def test_each_step_has_a_point_before_and_one_after_it() -> None:
    names = [point.name for point in points.points()]

    assert len(names) == len(set(names)) == 2 * len(points.STEPS)
    assert {"before decide", "after decide"} <= set(names)


def test_a_step_that_the_product_does_not_have_is_told() -> None:
    assert Step("nonsense", "app.worker:Worker.no_such_method").resolve() is None
    assert Step("nonsense", "app.no_such_module:Worker.start").resolve() is None


def test_the_order_is_carried_out_at_its_point_and_pass_only(
    tmp_path: Path, signals: list[signal.Signals]
) -> None:
    path = tmp_path / "w.order"
    trap = Trap(path)
    Order("before ack", "die", passes=2).write(path)

    trap.spring("after ack")
    trap.spring("before ack")
    assert signals == []
    trap.spring("before ack")
    trap.spring("before ack")

    assert signals == [signal.SIGKILL]


def test_to_freeze_is_to_stop(tmp_path: Path, signals: list[signal.Signals]) -> None:
    path = tmp_path / "w.order"
    Order("after claim", "freeze").write(path)

    Trap(path).spring("after claim")

    assert signals == [signal.SIGSTOP]


def test_an_order_that_was_withdrawn_is_not_carried_out(
    tmp_path: Path, signals: list[signal.Signals]
) -> None:
    path = tmp_path / "w.order"
    trap = Trap(path)
    Order("before ack", "die", passes=2).write(path)
    trap.spring("before ack")

    NOTHING.write(path)
    trap.spring("before ack")

    assert signals == []


async def test_a_wrapped_step_passes_both_points_and_does_what_it_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed: list[str] = []
    trap = Trap(tmp_path / "w.order")
    monkeypatch.setattr(trap, "spring", passed.append)
    door = Door()

    said = points._wrapped(Door.open, "open", trap)(door)
    later = await points._wrapped(Door.open_later, "open later", trap)(door)

    assert (said, later) == ("opened", "opened later")
    assert passed == ["before open", "after open", "before open later", "after open later"]
    assert door.opened == ["open", "later"]
