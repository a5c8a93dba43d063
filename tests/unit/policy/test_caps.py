"""Caps: which a request is counted under; who sits, who is turned away, whose turn it is next."""

from collections.abc import Mapping
from random import Random

import pytest

from schemas.tenants import Concurrency
from streams.policy.caps import LINE_MS, Bench, Cap, Filled, Seated, Seeker, caps_of, sit, stand_up

ASKED = Bench("acme", "support")
SHARED = Cap(Bench(agent="support"), 2)


def never() -> str:
    raise AssertionError("no model has a cap")


def test_a_request_is_counted_under_the_caps_that_are_about_it_the_shared_one_last() -> None:
    planned = Concurrency(runs=9, agents={"support": 3, "research": 1}, models={"gpt": 2, "other": 1})

    found = caps_of(planned, ASKED, lambda: "gpt", 5)

    assert found == (
        Cap(Bench("acme"), 9),
        Cap(ASKED, 3),
        Cap(Bench("acme", model="gpt"), 2),
        Cap(Bench(agent="support"), 5),
    )


def test_where_nothing_is_capped_nothing_is_asked() -> None:
    assert caps_of(None, ASKED, never, None) == ()
    assert caps_of(Concurrency(agents={"research": 1}), ASKED, never, None) == ()
    assert caps_of(Concurrency(models={"gpt": 1}), ASKED, lambda: "", None) == ()


@pytest.mark.parametrize(
    ("bench", "shown"),
    [
        (Bench("acme"), "runs"),
        (ASKED, "runs of the agent support"),
        (Bench("acme", model="gpt"), "runs with the model gpt"),
        (SHARED.bench, "runs of the agent support"),
    ],
)
def test_people_are_told_which_runs_are_counted(bench: Bench, shown: str) -> None:
    assert bench.shown == shown


class Hall:
    """Benches, and who asks for seats there."""

    def __init__(self) -> None:
        self.benches: Mapping[Bench, Seated] = {}
        self.now_ms = 1_000_000

    def asks(self, name: str, *caps: Cap, worker: str = "a", waits: bool = True) -> Filled | None:
        seeker = Seeker(name, worker, waits)
        self.benches, filled = sit(self.benches, caps or (SHARED,), seeker, self.now_ms)
        return filled

    def goes(self, name: str) -> None:
        self.benches = stand_up(self.benches, name)

    def on(self, bench: Bench) -> int:
        return len(self.benches.get(bench, Seated()).names)


def test_one_that_is_full_keeps_it_from_all_of_them() -> None:
    hall, mine = Hall(), Cap(Bench("acme"), 1)
    assert hall.asks("r-1", mine) is None

    assert hall.asks("r-2", Cap(ASKED, 5), mine, SHARED) == Filled(mine, 1)

    assert (hall.on(ASKED), hall.on(SHARED.bench)) == (0, 0)


def test_who_sits_and_asks_again_sits() -> None:
    hall, mine = Hall(), Cap(Bench("acme"), 1)
    assert hall.asks("r-1", mine) is None

    assert hall.asks("r-1", mine) is None
    assert hall.asks("r-1", mine, Cap(ASKED, 1)) is None
    assert (hall.on(Bench("acme")), hall.on(ASKED)) == (1, 1)


def test_a_free_seat_is_left_to_a_worker_that_came_before() -> None:
    hall, one = Hall(), Cap(Bench(agent="support"), 1)
    hall.asks("r-1", one)
    assert hall.asks("r-2", one, worker="b") == Filled(one, 1)
    hall.now_ms += 10
    assert hall.asks("r-3", one, worker="a") == Filled(one, 2)
    hall.goes("r-1")

    assert hall.asks("r-4", one, worker="a") == Filled(one, 1)
    assert hall.asks("r-5", one, worker="c") == Filled(one, 2)
    assert hall.asks("r-6", one, worker="b") is None


def test_with_more_free_seats_than_workers_before_it_nobody_waits() -> None:
    hall, three = Hall(), Cap(Bench(agent="support"), 3)
    for name in ("r-1", "r-2", "r-3"):
        hall.asks(name, three)
    assert hall.asks("r-4", three, worker="b") is not None
    hall.goes("r-1")
    hall.goes("r-2")

    assert hall.asks("r-5", three, worker="a") is None
    assert hall.asks("r-6", three, worker="a") is not None
    assert hall.asks("r-4", three, worker="b") is None


def test_a_worker_that_asks_no_more_keeps_nobody_waiting() -> None:
    hall, one = Hall(), Cap(Bench(agent="support"), 1)
    hall.asks("r-1", one)
    hall.asks("r-2", one, worker="b")
    hall.goes("r-1")
    hall.now_ms += LINE_MS
    assert hall.asks("r-3", one, worker="a", waits=False) is not None

    hall.now_ms += 1

    assert hall.asks("r-3", one, worker="a") is None


def test_who_does_not_wait_stands_in_no_line_and_heeds_it() -> None:
    hall, one = Hall(), Cap(Bench(agent="support"), 1)
    hall.asks("r-1", one)
    assert hall.asks("r-2", one, worker="b", waits=False) is not None
    hall.goes("r-1")
    assert hall.asks("r-3", one, worker="a") is None
    hall.asks("r-4", one, worker="b")
    hall.goes("r-3")

    assert hall.asks("r-5", one, worker="a", waits=False) is not None


def test_two_workers_with_work_for_ever_have_the_seats_in_turns() -> None:
    hall, three, rng = Hall(), Cap(Bench(agent="support"), 3), Random(1)
    runs: list[str] = []
    had = {"a": 0, "b": 0}
    for number in range(3000):
        hall.now_ms += rng.randint(0, 50)
        if runs and rng.random() < 0.05:
            hall.goes(runs.pop(rng.randrange(len(runs))))
        worker = "a" if rng.random() < 0.9 else "b"  # asks nine times as often
        if hall.asks(f"r-{number}", three, worker=worker) is None:
            runs.append(f"r-{number}")
            had[worker] += 1
        assert hall.on(three.bench) <= 3

    assert had["a"] + had["b"] > 100
    assert 0.3 < had["b"] / (had["a"] + had["b"]) <= 0.5
