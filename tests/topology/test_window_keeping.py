"""The books know what counts in tenants' windows, and tell a store that was emptied, when they know all."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from streams.books import Finished, Paid, Source
from streams.policy.gaps import Gap
from streams.policy.gates import Rule
from streams.policy.windows import Counted, Per, Window
from streams.window_keeper import WindowKeeper
from tests.doubles.books import MemoryKafka, Session, SetClock
from tests.doubles.memory_claims import ClaimMemory
from tests.doubles.memory_windows import MemoryWindows

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
NOON_MS = int(NOON.timestamp() * 1000)
RUN = Finished("acme", "support", NOON_MS, "completed", queued_ms=20, run_ms=1_500, admitted_ms=NOON_MS)
CALL = Paid("acme", "support", NOON_MS, 100, Decimal("0.25"))
DAY, HOUR, MINUTE = Window(20, "day"), Window(5, "hour"), Window(3, "minute")
RULES = [
    Rule("requests", DAY),
    Rule("requests", MINUTE),
    Rule("requests", Window(9, "second")),
    Rule("tokens", HOUR),
    Rule("cost_usd", DAY, "support"),
    Rule("requests", HOUR, "research", each_user=True),
]
GAP = Gap(NOON_MS)


@dataclass
class Place:
    """One deployment."""

    kafka: MemoryKafka = field(default_factory=MemoryKafka)
    clock: SetClock = field(default_factory=lambda: SetClock(NOON))
    memory: ClaimMemory = field(default_factory=ClaimMemory)
    rules: dict[str, Sequence[Rule]] = field(default_factory=lambda: {"acme": RULES})

    def __post_init__(self) -> None:
        self.store = MemoryWindows(self.memory)

    def session(self) -> Session:
        keeper = WindowKeeper(lambda tenant: self.rules.get(tenant, ()), self.store, self.clock)
        return Session(self.kafka, self.clock, windows=keeper)

    def told(self, what: str, per: Per, agent: str = "", tenant: str = "acme") -> int:
        """What counts there."""
        counted = self.memory.windows.get((tenant, what, per, agent, None), Counted())
        return sum(counted.buckets.values())


async def filled(session: Session, place: Place) -> None:
    """Twice, as a gap is filled only by what was counted after it was seen."""
    place.memory.gaps.setdefault(0, GAP)
    for _ in range(2):
        await session.settle()
        place.clock.advance(5)


async def test_each_window_is_told_what_counts_there() -> None:
    place = Place()
    for entry in (RUN, RUN, CALL, replace(CALL, agent="research"), replace(RUN, agent="research")):
        place.kafka.write(entry)

    await filled(place.session(), place)

    assert place.told("requests", "day") == 3
    assert place.told("requests", "minute") == 3
    assert place.told("requests", "second") == 0
    assert place.told("tokens", "hour") == 200
    assert place.told("cost_usd", "day", "support") == 250_000_000
    assert place.told("requests", "hour", "research") == 1
    assert place.memory.gaps[0].told


async def test_what_was_not_admitted_does_not_count() -> None:
    place = Place()
    place.kafka.write(replace(RUN, status="refused", admitted_ms=None))

    await filled(place.session(), place)

    assert place.memory.windows == {}
    assert place.memory.gaps[0].told


async def test_a_request_counts_from_when_it_was_admitted_and_a_call_from_when_it_was_paid() -> None:
    place = Place()
    early = NOON_MS - 3 * 3_600_000
    place.kafka.write(replace(RUN, admitted_ms=early))

    await filled(place.session(), place)

    window = place.memory.windows["acme", "requests", "day", "", None]
    assert window == Counted({DAY.bucket(early): 1})


async def test_what_has_left_a_window_is_not_told() -> None:
    place = Place()
    place.kafka.write(replace(CALL, at_ms=NOON_MS - 2 * 3_600_000))
    place.kafka.write(CALL)

    await filled(place.session(), place)

    assert place.told("tokens", "hour") == 100
    assert place.told("cost_usd", "day", "support") == 500_000_000


async def test_nothing_is_told_before_all_is_counted_that_was_written_before_the_gap_was_seen() -> None:
    place = Place()
    place.memory.gaps[0] = GAP
    session = place.session()
    await session.settle()
    for _ in range(3):
        place.kafka.write(RUN)
    place.clock.advance(5)

    await session.publish()
    lagging = place.memory.gaps[0].told
    session.deliver(Source.RESPONSES, most=2)
    await session.bookkeeper.post()
    place.clock.advance(5)
    await session.publish()
    still_lagging = place.memory.gaps[0].told
    await session.settle()

    assert (lagging, still_lagging) == (False, False)
    assert place.memory.gaps[0].told
    assert place.told("requests", "day") == 3


async def test_a_gap_that_was_just_seen_is_not_filled_by_what_was_counted_before() -> None:
    place = Place()
    session = place.session()
    await session.settle()
    place.clock.advance(5)
    place.memory.gaps[0] = GAP

    await session.publish()

    assert not place.memory.gaps[0].told


async def test_books_that_cannot_see_how_far_there_is_to_read_tell_nothing() -> None:
    place = Place()
    session = place.session()
    await session.settle()
    place.kafka.away = True

    await filled(session, place)

    assert not place.memory.gaps[0].told


@pytest.mark.parametrize("per", ["hour", "day"])
async def test_books_of_the_next_session_know_the_windows(per: Per) -> None:
    place = Place()
    place.rules["acme"] = [Rule("tokens", Window(5, per))]
    place.kafka.write(CALL)
    await place.session().settle()

    await filled(place.session(), place)

    assert place.told("tokens", per) == 100


async def test_what_is_read_again_counts_once() -> None:
    place = Place()
    place.kafka.write(CALL)
    await place.session().settle()
    place.kafka.committed.clear()

    await filled(place.session(), place)

    assert place.told("tokens", "hour") == 100


async def test_a_store_that_is_away_is_told_when_it_is_back() -> None:
    place = Place()
    place.kafka.write(CALL)
    session = place.session()
    place.store.away = True
    await filled(session, place)
    place.store.away = False
    assert place.told("tokens", "hour") == 0

    await filled(session, place)

    assert place.told("tokens", "hour") == 100


async def test_a_tenant_is_kept_as_long_as_anything_is_in_its_windows() -> None:
    place = Place()
    place.kafka.write(CALL)
    place.kafka.write(RUN)
    session = place.session()
    await session.settle()

    place.clock.advance(3_600 * 23)
    await session.settle()
    assert session.bookkeeper.tenants == 1
    await filled(session, place)
    assert place.told("requests", "day") == 1

    place.clock.advance(3_600 * 2)
    await session.settle()
    assert session.bookkeeper.tenants == 0
    assert place.kafka.table().keys() == {b"#0"}


async def test_tenants_without_limits_have_no_spans() -> None:
    place = Place()
    place.kafka.write(replace(CALL, tenant_id="globex"))
    session = place.session()

    await filled(session, place)
    place.clock.advance(600)
    await session.settle()

    assert session.bookkeeper.tenants == 0
    assert place.memory.windows == {}
