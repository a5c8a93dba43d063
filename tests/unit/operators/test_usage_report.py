"""Usage, grouped: each call once, in its day, of its user, in bounded memory."""

import sqlite3
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from zoneinfo import ZoneInfo

import pytest

from app.client.record_filter import Raw
from app.operators.scratch import Scratch, digest_of, scratch
from app.operators.time_span import LocalDay, Span, month_named, span_of, span_of_month
from app.operators.usage_report import NAMED, NO_USER, NOT_KNOWN, By, Question, UsageReport, Zones
from app.operators.usage_sums import Sums, unpacked
from app.terminal.exits import Trouble
from schemas.usage import UsageState
from tests.doubles.used import AT, asked, plans, raw, report, usage

DAY = timedelta(days=1)


def tokens(found: UsageReport) -> dict[tuple[str, str], int]:
    """Settled ones, by tenant and name."""
    return {(tenant, name): sums.settled.tokens for tenant, name, sums in found.groups()}


@pytest.mark.parametrize(
    ("by", "names"),
    [
        (By.DAY, {("acme", "2026-11-21"): 24, ("globex", "2026-11-21"): 12}),
        (By.AGENT, {("acme", "support"): 12, ("acme", "billing"): 12, ("globex", "support"): 12}),
        (By.MODEL, {("acme", "small"): 12, ("acme", "large"): 12, ("globex", "small"): 12}),
        (By.TENANT, {("acme", ""): 24, ("globex", ""): 12}),
    ],
)
def test_calls_are_grouped_by_tenant_and_what_is_asked_for(by: By, names: dict[tuple[str, str], int]) -> None:
    records = [usage("a"), usage("b", agent="billing", model="large"), usage("c", "globex")]

    found = report(Question(by), *records)

    assert tokens(found) == names
    assert found.total.settled.tokens == 36


def test_all_figures_add_up_and_what_is_estimated_stands_apart() -> None:
    lost = usage("c", state=UsageState.UNKNOWN, input_tokens=100, cost_usd=Decimal("0.5"))

    found = report(Question(By.TENANT), usage("a"), usage("b", cost_usd=Decimal("0.002")), lost)

    settled, unknown = found.total.settled, found.total.unknown
    assert (settled.calls, settled.input_tokens, settled.output_tokens) == (2, 20, 4)
    assert (settled.cached_tokens, settled.reasoning_tokens) == (8, 2)
    assert settled.cost_usd == Decimal("0.012")
    assert (unknown.calls, unknown.tokens, unknown.cost_usd) == (1, 102, Decimal("0.5"))


def test_a_call_that_was_written_twice_counts_once_but_another_tenants_of_that_name_does() -> None:
    found = report(Question(By.TENANT), usage("a"), usage("a"), usage("a", "globex"))

    assert tokens(found) == {("acme", ""): 12, ("globex", ""): 12}
    assert found.repeated == 1


def test_a_day_begins_at_midnight_of_the_tenants_quota() -> None:
    known = plans(acme={"time_zone": "Asia/Kathmandu"}, globex={"runs": 1})
    at = datetime(2026, 11, 20, 18, 20, tzinfo=UTC)  # 00:05 in Kathmandu

    records = [usage("a", at=at), usage("b", "globex", at=at), usage("c", "initech", at=at)]
    found = report(Question(By.DAY), *records, known=known)

    assert [(tenant, name) for tenant, name, _ in found.groups()] == [
        ("acme", "2026-11-21"),
        ("globex", "2026-11-20"),
        ("initech", "2026-11-20"),
    ]


def test_a_span_of_days_is_of_the_tenants_own_days() -> None:
    known = plans(acme={"time_zone": "Pacific/Kiritimati"}, globex={"time_zone": "Etc/GMT+12"})
    span = Span(LocalDay(date(2026, 11, 21)), LocalDay(date(2026, 11, 22)))
    hours = [datetime(2026, 11, 20, tzinfo=UTC) + timedelta(hours=n) for n in range(72)]

    records = [usage(f"{t}{n}", t, at=at) for t in ("acme", "globex") for n, at in enumerate(hours)]
    found = report(Question(By.DAY, span=span), *records, known=known)

    assert [(tenant, name, sums.settled.calls) for tenant, name, sums in found.groups()] == [
        ("acme", "2026-11-21", 24),
        ("globex", "2026-11-21", 24),
    ]


def test_a_span_has_its_first_moment_and_not_its_last() -> None:
    span = Span(AT, AT + DAY)

    moments = [AT - timedelta(milliseconds=1), AT, AT + DAY - timedelta(milliseconds=1), AT + DAY]
    found = report(Question(By.TENANT, span=span), *(usage(str(at), at=at) for at in moments))

    assert found.total.settled.calls == 2


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12", "UTC"])
def test_where_reading_begins_nothing_of_the_span_lies_before(zone: str) -> None:
    span = span_of_month(month_named("2026-11"))

    first, last = span.within(ZoneInfo(zone))

    assert first is not None
    assert last is not None
    assert span.earliest is not None
    assert span.earliest <= first
    assert last - first == 30 * DAY


def test_days_and_how_long_ago_can_be_mixed() -> None:
    span = span_of("2026-11-20", "1h", AT)

    assert span.within(ZoneInfo("Europe/Berlin")) == (
        datetime(2026, 11, 19, 23, tzinfo=UTC),
        AT - timedelta(hours=1),
    )


def test_only_the_tenants_that_are_asked_for_count() -> None:
    found = report(Question(By.TENANT, frozenset({"acme"})), usage("a"), usage("b", "globex"))

    assert tokens(found) == {("acme", ""): 12}


def test_what_is_no_usage_record_is_skipped_and_told() -> None:
    found = report(Question(By.DAY))
    bad = [
        Raw("agent.usage", 0, 5, 0, b"acme", b"no json", ()),
        Raw("agent.usage", 0, 6, 0, b"acme", b'{"call_id": "x"}', ()),
        Raw("agent.usage", 0, 7, 0, b"acme", None, ()),
        raw(usage("a"), key=b"globex"),
        raw(usage("b", at=datetime(1, 1, 1, tzinfo=UTC))),
        raw(usage("c", at=datetime(9999, 12, 31, 23, tzinfo=UTC))),
    ]

    found.add_all(bad)

    assert found.skipped.count == 6
    assert found.skipped.first == "agent.usage 0@5"
    assert found.total == Sums()


def test_the_user_is_whoever_the_request_names() -> None:
    found = report(Question(By.USER))
    found.note_users([asked("r-1", "ann"), asked("r-2", None), asked("r-3", "-"), asked("r-1", "mallory")])
    found.note_users([asked("r-1", "bob", "globex")])

    calls = ["r-1/m0", "r-1/m1", "r-2/m0", "r-3/m0", "gone/m0"]
    found.add_all(raw(usage(call)) for call in calls)
    found.add_all([raw(usage("r-1/m0", "globex"))])

    assert tokens(found) == {
        ("acme", f"{NAMED}ann"): 24,
        ("acme", NO_USER): 12,
        ("acme", f"{NAMED}-"): 12,
        ("acme", NOT_KNOWN): 12,
        ("globex", f"{NAMED}bob"): 12,
    }
    assert found.strange_requests == 1


def test_requests_that_cannot_be_read_or_lie_about_their_tenant_name_nobody() -> None:
    found = report(Question(By.USER))
    liar = asked("r-1", "mallory")
    found.note_users(
        [
            Raw("agent.requests", 0, 1, 0, b"acme", b"\xff", ()),
            Raw("agent.requests", 0, 2, 0, b"acme", b'{"request_id": 5}', ()),
            Raw("agent.requests", 0, 3, 0, b"globex", liar.value, ()),
        ]
    )

    found.add_all([raw(usage("r-1/m0"))])

    assert tokens(found) == {("acme", NOT_KNOWN): 12}


def test_sums_that_do_not_fit_into_memory_are_the_same_from_the_disk() -> None:
    rng = Random(5)
    records = [
        usage(str(number), rng.choice(("acme", "globex")), model=f"m{rng.randrange(40):02}",
              state=rng.choice(list(UsageState)), cost_usd=Decimal(rng.randrange(10**9)).scaleb(-18),
              input_tokens=rng.randrange(10**6))
        for number in range(2000)
    ]  # fmt: skip
    question = Question(By.MODEL)
    roomy = UsageReport(question, Zones(None), Scratch())
    cramped = UsageReport(question, Zones(None), cramped_scratch := Scratch(most_groups=3))

    for found in (roomy, cramped):
        found.add_all(map(raw, records))

    assert len(cramped_scratch._groups) <= 3
    assert list(cramped.groups()) == list(roomy.groups())
    assert len(list(cramped.groups())) == 80
    assert sum(sums.settled.calls + sums.unknown.calls for _, _, sums in cramped.groups()) == 2000


def test_sums_of_any_size_are_packed_exactly() -> None:
    large = Sums()
    large.count(usage("a", input_tokens=2**63 - 1, cost_usd=Decimal("999999999999999.999999999999999999")))
    large.add(unpacked(large.packed()))

    again = unpacked(large.packed())

    assert again == large
    assert again.settled.input_tokens == 2**64 - 2
    assert again.settled.cost_usd == Decimal("1999999999999999.999999999999999998")


def test_words_are_not_run_together_in_a_digest() -> None:
    assert digest_of("ab", "c") != digest_of("a", "bc")
    assert digest_of("a", "b") == digest_of("a", "b")


def test_a_full_disk_is_told_in_one_line() -> None:
    with (
        pytest.raises(Trouble, match=r"there is no room for what is read \(database or disk is full\)"),
        scratch(),
    ):
        raise sqlite3.OperationalError("database or disk is full")
