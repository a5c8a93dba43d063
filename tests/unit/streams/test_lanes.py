"""Lanes: one of a session at a time, in order; everybody else as slots allow."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from schemas.requests import Priority
from streams.lanes import FEW, Lanes
from streams.policy.fair_share import Demand

DEMAND = Demand("acme")


def drain(lanes: Lanes[str]) -> list[str]:
    started = []
    while (item := lanes.start()) is not None:
        started.append(item)
    return started


def test_items_without_a_session_start_in_arrival_order() -> None:
    lanes: Lanes[str] = Lanes(slots=10)
    for item in "abc":
        lanes.enter(None, item, DEMAND)

    assert drain(lanes) == ["a", "b", "c"]


def test_one_of_a_session_runs_at_a_time_and_in_order() -> None:
    lanes: Lanes[str] = Lanes(slots=10)
    for item in ("a1", "a2", "a3"):
        lanes.enter("a", item, DEMAND)

    started = []
    while (now := drain(lanes)) != []:
        started.append(now)
        lanes.leave("a", DEMAND, 0)

    assert started == [["a1"], ["a2"], ["a3"]]


def test_sessions_do_not_wait_for_each_other() -> None:
    lanes: Lanes[str] = Lanes(slots=10)
    for item in ("a1", "a2", "b1"):
        lanes.enter(item[0], item, DEMAND)

    assert drain(lanes) == ["a1", "b1"]


def test_slots_bound_what_runs_and_whoever_leaves_makes_room() -> None:
    lanes: Lanes[str] = Lanes(slots=2)
    for item in "abc":
        lanes.enter(None, item, DEMAND)
    assert drain(lanes) == ["a", "b"]

    lanes.leave(None, DEMAND, 0)

    assert drain(lanes) == ["c"]
    assert lanes.running == 2


def test_a_session_that_is_empty_again_is_forgotten() -> None:
    lanes: Lanes[str] = Lanes(slots=2)
    for number in range(1000):
        lanes.enter(f"session {number}", "x", DEMAND)
        lanes.start()
        lanes.leave(f"session {number}", DEMAND, 0)

    assert lanes._waiting == {}
    assert (lanes.running, lanes.held) == (0, 0)


def test_who_asks_for_little_goes_before_who_has_much_waiting() -> None:
    lanes: Lanes[str] = Lanes(slots=10)
    for number in range(FEW + 3):
        lanes.enter(None, f"flood {number}", Demand("flood"))
    lanes.enter(None, "a", Demand("a"))

    assert (lanes.modest("flood"), lanes.modest("a")) == (False, True)
    assert [lanes.start(modest=True) for _ in range(2)] == ["a", None]
    assert lanes.start() == "flood 0"


def test_who_is_alone_asks_for_little_beside_nobody() -> None:
    lanes: Lanes[str] = Lanes(slots=10)
    for number in range(2):
        lanes.enter(None, f"a {number}", Demand("a"))

    assert (lanes.modest("a"), lanes.modest_beside_others("a")) == (True, False)
    lanes.enter(None, "b", Demand("b"))
    assert lanes.modest_beside_others("a")


def test_who_runs_much_more_than_others_does_not_ask_for_little() -> None:
    lanes: Lanes[str] = Lanes(slots=20)
    for number in range(13):
        lanes.enter(None, f"busy {number}", Demand("busy"))
        lanes.start()
    for tenant in ("a", "b"):
        lanes.enter(None, tenant, Demand(tenant))
        lanes.start()
    lanes.enter(None, "busy too", Demand("busy"))

    assert not lanes.modest("busy")
    assert lanes.start(modest=True) is None
    for _ in range(11):
        lanes.leave(None, Demand("busy"), 0)
    assert lanes.start(modest=True) == "busy too"


def test_of_runs_that_have_ended_nothing_is_remembered() -> None:
    lanes: Lanes[str] = Lanes(slots=2)
    for tenant in ("a", "b"):
        lanes.enter(None, tenant, Demand(tenant))
        lanes.start()
        lanes.leave(None, Demand(tenant), 0)

    assert lanes._runs_of == {}


class LanesMachine(RuleBasedStateMachine):
    """Whatever comes and goes: slots, order and exclusion hold, and nobody is left behind."""

    def __init__(self) -> None:
        super().__init__()
        self.lanes: Lanes[tuple[Any, int]] = Lanes(slots=3)
        self.running: list[tuple[Any, int]] = []
        self.waiting: dict[Any, list[int]] = {}
        self.entered = 0

    @rule(session=st.sampled_from([None, "a", "b"]))
    def enter(self, session: str | None) -> None:
        self.lanes.enter(session, (session, self.entered), DEMAND)
        self.waiting.setdefault(session, []).append(self.entered)
        self.entered += 1

    @rule()
    def start(self) -> None:
        item = self.lanes.start()
        if item is None:
            free = len(self.running) < 3
            busy = {session for session, _ in self.running}
            startable = [
                key for key, left in self.waiting.items() if left and (key is None or key not in busy)
            ]
            assert not (free and startable)
            return
        session, number = item
        assert self.waiting[session].pop(0) == number
        assert session is None or session not in {key for key, _ in self.running}
        self.running.append(item)

    @rule(which=st.integers(0, 2))
    def leave(self, which: int) -> None:
        if self.running:
            session, _ = self.running.pop(which % len(self.running))
            self.lanes.leave(session, DEMAND, 0)

    @invariant()
    def counts_hold(self) -> None:
        assert self.lanes.running == len(self.running) <= 3
        assert self.lanes.held == len(self.running) + sum(map(len, self.waiting.values()))


TestLanes = LanesMachine.TestCase
TestLanes.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)


def test_priorities_never_reorder_a_session() -> None:
    lanes: Lanes[str] = Lanes(slots=1)
    batch = Demand("acme", priority=Priority.BATCH)
    interactive = Demand("acme", order=1, priority=Priority.INTERACTIVE)
    lanes.enter("s", "first", batch)
    lanes.enter("s", "second", interactive)
    lanes.enter(None, "other", interactive)

    started = []
    while (item := lanes.start()) is not None:
        started.append(item)
        lanes.leave(None if item == "other" else "s", interactive, 0)

    assert started.index("first") < started.index("second")


def test_tenants_take_turns() -> None:
    lanes: Lanes[str] = Lanes(slots=4)
    for number in range(100):
        lanes.enter(None, f"flood-{number}", Demand("flood", 500, number))
    lanes.enter(None, "other", Demand("other", 500))

    assert "other" in drain(lanes)


def test_who_waits_is_counted_by_tenant() -> None:
    lanes: Lanes[str] = Lanes(slots=1)
    acme, globex = Demand("acme"), Demand("globex")
    for number in range(3):
        lanes.enter("s", f"a-{number}", acme)
    lanes.enter(None, "g", globex)
    assert (lanes.waiting_of("acme"), lanes.waiting_of("globex"), lanes.waiting, lanes.free) == (3, 1, 4, 1)

    lanes.start()
    lanes.evict("s")

    assert (lanes.waiting_of("acme"), lanes.waiting_of("globex"), lanes.waiting, lanes.free) == (0, 1, 1, 0)
