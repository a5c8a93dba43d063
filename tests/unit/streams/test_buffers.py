"""Allowances: how much of each tenant may wait in memory."""

import pytest

from streams.buffers import Allowance
from streams.lanes import Lanes
from streams.options import FlowOptions
from streams.policy.fair_share import Demand


def fill(lanes: Lanes[int], allowance: Allowance, tenant: str) -> int:
    entered = 0
    while allowance.room(lanes, tenant) > 0:
        lanes.enter(None, entered, Demand(tenant))
        entered += 1
    return entered


def full(slots: int) -> Lanes[int]:
    lanes: Lanes[int] = Lanes(slots)
    for number in range(slots):
        lanes.enter(None, number, Demand("running"))
        lanes.start()
    return lanes


def test_whoever_comes_after_a_flood_finds_room() -> None:
    allowance = Allowance.of(FlowOptions(max_in_flight=1_000, max_held=2_000))
    lanes = full(1_000)

    entered = [fill(lanes, allowance, f"t-{number}") for number in range(4)]

    assert entered == pytest.approx([484, 242, 121, 62], abs=2)


def test_free_slots_are_anybody_s() -> None:
    allowance = Allowance.of(FlowOptions(max_in_flight=10, max_held=20))

    assert fill(Lanes(10), allowance, "acme") >= 10


def test_the_setting_bounds_the_buffer() -> None:
    allowance = Allowance.of(FlowOptions(max_in_flight=10, max_held=1_000, tenant_buffer=7))

    assert fill(full(10), allowance, "acme") == 7


@pytest.mark.parametrize(("in_flight", "held"), [(1, 1), (1, 2), (10, 10), (4, 5)])
def test_the_smallest_worker_has_room_for_one(in_flight: int, held: int) -> None:
    allowance = Allowance.of(FlowOptions(max_in_flight=in_flight, max_held=held))

    assert fill(full(in_flight), allowance, "acme") >= 1
