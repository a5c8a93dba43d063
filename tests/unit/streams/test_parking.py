"""The clockwork of parked requests: it sleeps until something is due, and wakes for what comes meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from streams.emission import Emissary
from streams.flow import Parcel, Record
from streams.observations import Observers
from streams.parked import Parked, ParkedPlace, ParkReason, encode_parked, parked_key
from streams.parking import Parking
from tests.doubles.hand_clock import HandClock
from tests.doubles.memory_outbox import NAMES


def nothing(*_: object) -> None:
    """Nobody was cancelled."""


class Bodies:
    """Knows the records by their offsets."""

    def __init__(self) -> None:
        self.records: dict[int, Parked] = {}

    async def fetch(self, places: Sequence[ParkedPlace]) -> Sequence[Parked | None]:
        return [self.records.get(place.offset) for place in places]


class Outbox:
    """Numbers what it is given."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self.next = 100

    async def publish(self, parcel: Parcel) -> int | None:
        self.next += 1
        return self.next


class Clockwork:
    """A parking with its loop running."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.bodies = Bodies()
        self.resumed: list[str] = []
        self.parking = Parking(
            Emissary(NAMES, 100_000), Outbox(self.bodies), self.bodies, self.clock, Observers()
        )
        self.parking.bind(lambda parked, _: self.resumed.append(parked.request_id), lambda _: None, nothing)

    def parked(self, number: int, due_s: float | None, **more: Any) -> Parked:
        record = Record("agent.requests", 0, number, 0, b"acme", b"{}")
        due_at = None if due_s is None else self.clock.at() + timedelta(seconds=due_s)
        made = Parked("acme", f"r-{number}", "sha", ParkReason.RETRY, record, self.clock.at(), due_at)
        return replace(made, **more)

    def told(self, parked: Parked, offset: int) -> None:
        """As at a takeover."""
        self.bodies.records[offset] = parked
        self.parking.lot.take(0, offset, parked_key("acme", parked.request_id), encode_parked(parked))


async def room() -> None:
    """There is always some."""


async def soon(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


@pytest.fixture
async def clockwork() -> AsyncIterator[Clockwork]:
    made = Clockwork()
    task = asyncio.create_task(made.parking.run(room))
    await asyncio.sleep(0)
    yield made
    task.cancel()


async def test_what_was_read_at_a_takeover_is_released_when_the_partition_opens(clockwork: Clockwork) -> None:
    clockwork.told(clockwork.parked(1, -1.0), 7)

    clockwork.parking.opened(0, 0)

    await soon(lambda: clockwork.resumed == ["r-1"])


async def test_what_is_parked_meanwhile_is_released_when_it_is_due(clockwork: Clockwork) -> None:
    clockwork.parking.opened(0, 0)
    parked = clockwork.parked(1, -1.0)
    berth = clockwork.parking.reserve(parked)
    assert berth is not None
    clockwork.bodies.records[101] = parked

    await clockwork.parking.park(berth, ())

    await soon(lambda: clockwork.resumed == ["r-1"])


async def test_nothing_is_released_before_its_partition_is_open(clockwork: Clockwork) -> None:
    clockwork.told(clockwork.parked(1, -1.0), 7)
    clockwork.parking.collect_due()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert clockwork.resumed == []

    clockwork.parking.opened(0, 0)

    await soon(lambda: clockwork.resumed == ["r-1"])


async def test_one_of_a_session_waits_until_all_before_it_came_again(clockwork: Clockwork) -> None:
    clockwork.told(clockwork.parked(5, -1.0, session_id="s"), 7)
    clockwork.parking.opened(0, 3)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert clockwork.resumed == []

    clockwork.parking.arrived(0, 5)

    await soon(lambda: clockwork.resumed == ["r-5"])


async def test_what_was_released_and_then_lost_is_not_resumed(clockwork: Clockwork) -> None:
    clockwork.told(clockwork.parked(5, -1.0, session_id="s"), 7)
    clockwork.parking.opened(0, 3)
    await asyncio.sleep(0)

    clockwork.parking.let_go(())
    clockwork.parking.arrived(0, 5)
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert clockwork.resumed == []


def test_a_tenant_is_looked_at_again_when_intake_has_passed_its_first_one() -> None:
    clockwork = Clockwork()
    looked_at: list[str] = []
    clockwork.parking.bind(lambda *_: None, looked_at.append, nothing)
    waiting = clockwork.parking.lot.put(clockwork.parked(7, None), 70)
    assert not clockwork.parking.passed(waiting)

    clockwork.parking.arrived(0, 6)
    assert looked_at == []
    clockwork.parking.arrived(0, 7)
    clockwork.parking.arrived(0, 8)

    assert looked_at == ["acme"]
    assert clockwork.parking.passed(waiting)
