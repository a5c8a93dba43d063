"""What the books serve: what they keep, how far they are, and whether they are ready."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from prometheus_client import CollectorRegistry

from app.adapters.checks import books_check
from app.adapters.health import Check
from app.adapters.prometheus_books import watch_books
from schemas.tenants import Quota
from streams.book_keepers import Keepers
from streams.books import Paid
from streams.policy.gaps import Gap
from streams.quota_keeper import QuotaKeeper
from streams.window_keeper import WindowKeeper
from tests.doubles.books import MemoryKafka, Session, SetClock
from tests.doubles.memory_claims import ClaimMemory
from tests.doubles.memory_windows import MemoryWindows
from tests.topology.test_quota_keeping import Workers

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
CALL = Paid("acme", "support", int(NOON.timestamp() * 1000), 600, Decimal("0.25"))


class Served:
    """Books that are kept, and their metrics."""

    def __init__(self) -> None:
        self.kafka, self.clock, self.memory = MemoryKafka(), SetClock(NOON), ClaimMemory()
        quotas = QuotaKeeper({"acme": Quota(tokens=1000)}.get, Workers(), self.clock, "agent.audit")
        windows = WindowKeeper(lambda _: (), MemoryWindows(self.memory), self.clock)
        self.session = Session(self.kafka, self.clock, quotas, windows)
        self.registry = CollectorRegistry()
        watch_books(self.registry, self.session.bookkeeper, Keepers(quotas, windows), self.clock.ms)

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"penstock_{name}", labels)


@pytest.fixture
def served() -> Served:
    return Served()


async def test_what_is_kept_and_read_is_told(served: Served) -> None:
    served.kafka.write(CALL)

    await served.session.settle()

    assert served.value("books_partitions") == 1
    assert served.value("books_tenants") == 1
    assert served.value("books_months") == 1
    assert served.value("books_entries_total", outcome="counted") == 1
    assert served.value("books_windows_published_total") == 1


async def test_each_alert_of_a_quota_is_counted_by_what_it_bounds_and_how_much(served: Served) -> None:
    served.kafka.write(CALL)

    await served.session.settle()

    assert served.value("quota_alerts_total", measure="tokens", percent="50") == 1
    assert served.value("quota_alerts_total", measure="tokens", percent="80") == 0
    assert served.value("quota_alerts_total", measure="runs", percent="100") == 0


async def test_how_far_they_are_behind_is_told_when_it_is_known(served: Served) -> None:
    before = served.value("books_behind_seconds")
    await served.session.settle()
    served.clock.advance(90)

    assert before is None
    assert served.value("books_behind_seconds") == 90


async def test_a_gap_is_told_until_it_is_filled(served: Served) -> None:
    served.memory.gaps[0] = Gap(served.clock.ms())
    await served.session.settle()
    seen = served.value("window_gaps"), served.value("window_gaps_filled_total")
    served.clock.advance(5)
    await served.session.settle()

    assert seen == (1, 0)
    assert (served.value("window_gaps"), served.value("window_gaps_filled_total")) == (0, 1)


async def test_they_are_ready_when_their_table_is_read(served: Served) -> None:
    bookkeeper = served.session.bookkeeper
    ready = books_check(bookkeeper)
    gained = ready()
    await bookkeeper.open()
    opened = ready()
    bookkeeper.revoked()

    assert gained == Check(False, "the table is being read")
    assert opened == Check(True, "1 open")
    assert ready() == Check(False, "no assignment yet, or a rebalance is under way")


async def test_whether_kafka_answers_is_what_it_did_last(served: Served) -> None:
    await served.session.settle()
    served.kafka.away = True
    await served.session.publish()
    away = served.session.bookkeeper.kafka_answers
    served.kafka.away = False
    await served.session.publish()

    assert (away, served.session.bookkeeper.kafka_answers) == (False, True)
