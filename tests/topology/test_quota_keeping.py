"""The books keep the months of tenants with a quota: told once, kept over crashes, and told to workers."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from schemas.audit import AuditRecord
from schemas.codec import decode
from schemas.tenants import Quota
from streams.book_months import KEPT_FOR
from streams.books import Finished, Paid
from streams.ports import StoreUnavailable
from streams.quota_keeper import Known, QuotaKeeper
from tests.doubles.books import Crash, MemoryKafka, Session, SetClock

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
NOON_MS = int(NOON.timestamp() * 1000)
RUN = Finished("acme", "support", NOON_MS, "completed", queued_ms=20, run_ms=1_500, admitted_ms=NOON_MS)
CALL = Paid("acme", "support", NOON_MS, 100, Decimal("0.25"))
AUDIT = "agent.audit"
QUOTA = Quota(runs=10, tokens=1000, cost_usd=Decimal(5))


@dataclass
class Workers:
    """The store in which workers count, as far as it is told."""

    counted: dict[tuple[str, str, str], int] = field(default_factory=dict)
    knows: dict[int, bool] = field(default_factory=dict)
    away: bool = False
    breaks: bool = False  # it goes away after it was asked what it forgot
    flushed: bool = False  # it is emptied while it is told

    async def forgotten(self, partitions: Collection[int]) -> frozenset[int]:
        """Those of which it was not told."""
        self._require()
        found = frozenset(one for one in partitions if not self.knows.get(one))
        self.knows |= dict.fromkeys(found, False)
        return found

    async def raise_all(self, known: Collection[Known]) -> None:
        """At least so much counts from now on."""
        self.away = self.away or self.breaks
        self._require()
        for one in known:
            key = (one.tenant_id, str(one.month), one.what)
            self.counted[key] = max(one.amount, self.counted.get(key, 0))
        if self.flushed:
            self.emptied()

    async def told(self, partitions: Collection[int]) -> None:
        """It was."""
        self._require()
        self.knows |= {one: True for one in partitions if one in self.knows}

    def emptied(self) -> None:
        """All is forgotten."""
        self.counted, self.knows = {}, {}

    def _require(self) -> None:
        if self.away:
            raise StoreUnavailable("it is away")


@dataclass
class Place:
    """One deployment."""

    kafka: MemoryKafka = field(default_factory=MemoryKafka)
    clock: SetClock = field(default_factory=lambda: SetClock(NOON))
    workers: Workers = field(default_factory=Workers)
    quotas: dict[str, Quota] = field(default_factory=lambda: {"acme": QUOTA})

    def session(self) -> Session:
        keeper = QuotaKeeper(self.quotas.get, self.workers, self.clock, AUDIT)
        return Session(self.kafka, self.clock, keeper)

    def told(self) -> list[str]:
        """Of what was told that it is used up, by audit id."""
        return [decode(AuditRecord, one.value).audit_id for one in self.kafka.changelog if one.topic == AUDIT]


async def test_workers_are_told_what_is_used_of_the_month() -> None:
    place = Place()
    for entry in (RUN, CALL, CALL, replace(CALL, tenant_id="globex")):
        place.kafka.write(entry)

    await place.session().settle()

    assert place.workers.counted == {
        ("acme", "2026-11", "runs"): 1,
        ("acme", "2026-11", "tokens"): 200,
        ("acme", "2026-11", "cost_usd"): 500_000_000,
    }


async def test_a_store_that_was_emptied_is_told_all_of_it_again() -> None:
    place = Place()
    place.kafka.write(CALL)
    session = place.session()
    await session.settle()
    place.workers.emptied()

    await session.publish()

    assert place.workers.counted["acme", "2026-11", "tokens"] == 100


async def test_a_store_that_was_away_is_told_when_it_is_back() -> None:
    place = Place()
    place.kafka.write(CALL)
    session = place.session()
    place.workers.away = True
    await session.settle()
    place.workers.away = False

    await session.publish()

    assert place.workers.counted["acme", "2026-11", "tokens"] == 100


async def test_what_could_not_be_told_in_the_end_is_told_next_time() -> None:
    place = Place()
    place.kafka.write(CALL)
    session = place.session()
    place.workers.breaks = True
    await session.settle()
    place.workers.breaks = place.workers.away = False

    await session.publish()

    assert place.workers.counted["acme", "2026-11", "tokens"] == 100


async def test_a_store_that_is_emptied_while_it_is_told_is_told_again() -> None:
    place = Place()
    place.kafka.write(CALL)
    session = place.session()
    place.workers.flushed = True
    await session.settle()
    place.workers.flushed = False

    await session.publish()

    assert place.workers.counted["acme", "2026-11", "tokens"] == 100


async def test_a_store_that_forgot_nothing_is_left_alone() -> None:
    place = Place()
    place.kafka.write(CALL)
    session = place.session()
    await session.settle()

    place.kafka.write(CALL)
    await session.settle()

    assert place.workers.counted["acme", "2026-11", "tokens"] == 100  # workers have counted the other


async def test_who_is_only_refused_opens_no_month() -> None:
    place = Place()
    place.kafka.write(replace(RUN, status="refused", queued_ms=None, run_ms=None, admitted_ms=None))
    session = place.session()
    await session.settle()

    place.clock.advance(timedelta(minutes=10).total_seconds())
    await session.settle()

    assert session.bookkeeper.tenants == 0


async def test_a_raised_quota_is_told_of_anew_when_it_is_used_up() -> None:
    place = Place()
    place.quotas["acme"] = Quota(tokens=200)
    for _ in range(2):
        place.kafka.write(CALL)
    session = place.session()
    await session.settle()
    place.quotas["acme"] = Quota(tokens=500)
    for _ in range(3):
        place.kafka.write(CALL)
    await session.settle()

    told = [one.removeprefix("quota-acme-2026-11-tokens-") for one in place.told()]
    assert told == ["50-of-200", "80-of-200", "100-of-200", "80-of-500", "100-of-500"]


async def test_each_share_is_told_once_whatever_crashes() -> None:
    place = Place()
    for _ in range(5):
        place.kafka.write(CALL)
    await place.session().settle()
    assert place.told() == ["quota-acme-2026-11-tokens-50-of-1000"]

    for _ in range(5):
        place.kafka.write(CALL)
    place.kafka.dies_after = 1  # the first is told, the table does not know it yet
    try:
        await place.session().settle()
    except Crash:
        place.kafka.dies_after = None
    await place.session().settle()

    assert sorted(set(place.told())) == [
        "quota-acme-2026-11-cost_usd-50-of-5",
        "quota-acme-2026-11-tokens-100-of-1000",
        "quota-acme-2026-11-tokens-50-of-1000",
        "quota-acme-2026-11-tokens-80-of-1000",
    ]
    assert place.told().count("quota-acme-2026-11-tokens-50-of-1000") == 1


async def test_what_is_read_again_counts_once() -> None:
    place = Place()
    for _ in range(3):
        place.kafka.write(CALL)
    await place.session().settle()
    place.kafka.committed.clear()

    place.workers.emptied()
    await place.session().settle()

    assert place.workers.counted["acme", "2026-11", "tokens"] == 300


async def test_the_next_month_begins_with_nothing_and_the_last_one_is_forgotten_in_time() -> None:
    place = Place()
    place.kafka.write(CALL)
    session = place.session()
    await session.settle()
    place.clock.advance(timedelta(days=10).total_seconds())
    later = NOON_MS + 10 * 86_400_000
    place.kafka.write(replace(CALL, at_ms=later, tokens=7))
    await session.settle()

    place.workers.emptied()
    await session.publish()
    assert place.workers.counted["acme", "2026-12", "tokens"] == 7

    place.clock.advance(timedelta(minutes=10).total_seconds())
    await session.settle()
    assert session.bookkeeper.tenants == 1

    place.clock.advance((timedelta(days=31) + KEPT_FOR).total_seconds())
    await session.settle()
    assert session.bookkeeper.tenants == 0
    assert place.kafka.table().keys() == {b"#0"}


async def test_a_month_goes_on_while_its_quota_is_gone_and_ends_in_time() -> None:
    place = Place()
    place.kafka.write(CALL)
    session = place.session()
    await session.settle()
    quota = place.quotas.pop("acme")
    place.kafka.write(CALL)
    await session.settle()
    place.quotas["acme"] = quota
    place.workers.emptied()
    await session.publish()
    assert place.workers.counted["acme", "2026-11", "tokens"] == 200

    place.quotas.clear()
    place.clock.advance((timedelta(days=10) + KEPT_FOR).total_seconds())
    await session.settle()

    assert session.bookkeeper.tenants == 0


async def test_whoever_keeps_the_books_next_tells_what_was_not_told() -> None:
    place = Place()
    place.kafka.write(CALL)
    place.workers.away = True
    await place.session().settle()
    place.workers.away = False

    await place.session().settle()

    assert place.workers.counted["acme", "2026-11", "tokens"] == 100
