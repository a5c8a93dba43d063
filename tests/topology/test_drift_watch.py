"""The books compare with what workers count, a few tenants at a time, and tell what differs for good."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from schemas.tenants import Quota
from streams.books import Finished, Paid, TenantBook
from streams.drift_watch import MOST, Bounds, DriftWatch
from streams.observations import DriftSeen
from streams.policy.gates import Rule
from streams.policy.months import month_of
from streams.policy.windows import Counted, Window
from streams.quota_keeper import QuotaKeeper
from streams.window_keeper import WindowKeeper
from tests.doubles.books import MemoryKafka, Session, SetClock
from tests.doubles.memory_claims import ClaimMemory
from tests.doubles.memory_windows import MemoryWindows
from tests.doubles.observed import Observed
from tests.topology.test_quota_keeping import Workers

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
NOON_MS = int(NOON.timestamp() * 1000)
MONTH = month_of(NOON, "UTC").ordinal
DAY = Window(50, "day")
RUN = Finished("acme", "support", NOON_MS, "completed", queued_ms=20, run_ms=1_500, admitted_ms=NOON_MS)
CALL = Paid("acme", "support", NOON_MS, 100, Decimal("0.25"))
ROUND_S = 15 * 60


@dataclass
class Place:
    """One deployment."""

    kafka: MemoryKafka = field(default_factory=MemoryKafka)
    clock: SetClock = field(default_factory=lambda: SetClock(NOON))
    memory: ClaimMemory = field(default_factory=ClaimMemory)
    observed: Observed = field(default_factory=Observed)
    quotas: dict[str, Quota] = field(default_factory=lambda: {"acme": Quota(tokens=1000, runs=10)})
    rules: dict[str, list[Rule]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.store = MemoryWindows(self.memory)
        bounds = Bounds(self.quotas.get, lambda tenant: self.rules.get(tenant, []))
        self.watch = DriftWatch(bounds, self.store, self.clock, self.observed)
        quotas = QuotaKeeper(self.quotas.get, Workers(), self.clock, "agent.audit")
        windows = WindowKeeper(bounds.rules, self.store, self.clock)
        self.session = Session(self.kafka, self.clock, quotas, windows, self.watch)

    def workers_count(self, what: str, amount: int, per: str = "month", bucket: int = MONTH) -> None:
        self.memory.windows["acme", what, per, "", None] = Counted({bucket: amount})

    async def rounds(self, number: int = 2) -> None:
        """So many, each somewhat longer than things take to settle."""
        for _ in range(number):
            await self.session.settle()
            self.clock.advance(ROUND_S + 5)


async def test_workers_that_forgot_a_part_of_a_month_are_told_of_once() -> None:
    place = Place()
    for entry in (CALL, CALL, RUN):
        place.kafka.write(entry)
    place.workers_count("tokens", 120)
    place.workers_count("runs", 1)

    await place.rounds(4)

    assert (place.watch.tenants, place.watch.tokens) == (1, 80)
    assert place.observed.of(DriftSeen) == [DriftSeen("acme", "tokens", "month", "", -80)]


async def test_what_is_held_by_what_is_under_way_is_no_drift() -> None:
    place = Place()
    for amount in (500, 900, 1000):
        place.kafka.write(CALL)
        place.workers_count("tokens", amount)
        place.workers_count("runs", 0)
        await place.rounds(1)

    assert place.watch.compared == 3
    assert place.watch.tenants == 0
    assert place.observed.of(DriftSeen) == []


async def test_what_is_held_by_nobody_is_drift_when_nothing_moves_any_more() -> None:
    place = Place()
    place.kafka.write(CALL)
    place.workers_count("tokens", 400)

    await place.rounds(2)
    found = place.watch.tokens
    place.workers_count("tokens", 100)
    await place.rounds(2)

    assert found == 300
    assert (place.watch.tenants, place.watch.tokens) == (0, 0)


async def test_a_days_window_is_compared_as_well() -> None:
    place = Place(quotas={}, rules={"acme": [Rule("requests", DAY)]})
    for _ in range(5):
        place.kafka.write(RUN)
    place.workers_count("requests", 3, "day", DAY.bucket(NOON_MS))

    await place.rounds(2)

    assert place.observed.of(DriftSeen) == [DriftSeen("acme", "requests", "day", "", -2)]
    assert place.watch.tokens == 0


async def test_what_was_held_for_one_bucket_earlier_than_it_was_paid_is_no_drift() -> None:
    place = Place(quotas={}, rules={"acme": [Rule("tokens", DAY)]})
    place.kafka.write(CALL)
    place.workers_count("tokens", 100, "day", DAY.bucket(NOON_MS) - 1)

    await place.rounds(110)

    assert place.watch.compared > 50
    assert place.observed.of(DriftSeen) == []


async def test_books_that_are_behind_are_compared_with_nothing() -> None:
    place = Place()
    place.kafka.write(CALL)
    await place.session.settle()
    before = place.watch.compared
    place.kafka.away = True
    place.clock.advance(ROUND_S + 5)

    await place.rounds(2)

    assert place.watch.compared == before


async def test_a_store_that_is_away_is_compared_when_it_is_back() -> None:
    place = Place()
    place.kafka.write(CALL)
    place.store.away = True
    await place.rounds(2)
    place.store.away = False

    await place.rounds(2)

    assert place.watch.tokens == 100


async def test_tenants_without_bounds_are_not_asked_for() -> None:
    place = Place(quotas={})
    place.kafka.write(CALL)

    await place.rounds(2)

    assert place.watch.compared == 0
    assert sum(place.store.asked) == 0


async def test_who_comes_to_books_without_tenants_is_compared_within_a_minute() -> None:
    place = Place()
    await place.session.settle()
    place.clock.advance(31)
    place.kafka.write(CALL)

    await place.session.settle()

    assert place.watch.compared == 1


async def test_many_tenants_are_spread_over_the_round() -> None:
    place = Place()
    names = [f"t-{number}" for number in range(3000)]
    place.quotas |= dict.fromkeys(names, Quota(tokens=5))
    await place.session.settle()
    books = {name: TenantBook(name, 0, {}) for name in names}
    for book in books.values():
        place.session.bookkeeper._keepers.enter(book, Paid(book.tenant_id, "a", NOON_MS, 1, Decimal(0)))
    watch = DriftWatch(Bounds(place.quotas.get, lambda _: []), place.store, place.clock, place.observed)
    place.store.asked.clear()

    for _ in range(ROUND_S // 5):
        await watch.look({0: place.clock.ms()}, books)
        place.clock.advance(5)

    assert watch.compared == 3000
    assert max(place.store.asked) <= MOST
    assert sum(1 for asked in place.store.asked if asked) > 60
