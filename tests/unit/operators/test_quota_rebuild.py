"""A month's quotas from the topics: to the token, each call and each run once."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from app.client.record_filter import Raw
from app.operators.quota_rebuild import QuotaRebuild, generation_of
from schemas.responses import Status
from schemas.tenants import Quota
from schemas.usage import UsageState
from streams.policy.months import Month
from streams.policy.quotas import Entry, Measure, Used, count, opened, pass_time
from tests.doubles.used import AT, plans, raw, rebuild, response, usage

DAY = timedelta(days=1)
FIRST = datetime(2026, 10, 31, 23, tzinfo=UTC)  # of November in Berlin
BERLIN = {"tokens": 1000, "time_zone": "Europe/Berlin"}


def used(found: QuotaRebuild, tenant: str = "acme") -> Used:
    return dict(found.standings())[tenant].account.used


def test_the_month_is_that_of_the_tenants_zone_to_the_millisecond() -> None:
    found = rebuild(plans(acme=BERLIN), Month(2026, 11))
    last = datetime(2026, 11, 30, 23, tzinfo=UTC)
    edge = timedelta(milliseconds=1)

    found.add_usage(raw(usage(f"r/{at}", at=at)) for at in (FIRST - edge, FIRST, last - edge, last))

    assert used(found).tokens == 24


def test_each_tenant_has_its_own_present_month() -> None:
    new_year = datetime(2026, 12, 31, 12, tzinfo=UTC)
    known = plans(early={"time_zone": "Pacific/Kiritimati"}, late={"time_zone": "Etc/GMT+12"})
    found = QuotaRebuild(known, frozenset(), None, new_year, rebuild(known)._scratch)

    found.add_usage([raw(usage("a", "early", at=new_year)), raw(usage("a", "late", at=new_year))])

    months = {tenant: str(one.account.period.month) for tenant, one in found.standings()}
    assert months == {"early": "2027-01", "late": "2026-12"}
    assert used(found, "early") == used(found, "late") == Used(1, 12, Decimal("0.01"))


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12", "UTC"])
@pytest.mark.parametrize("month", [None, Month(2026, 3)])
def test_reading_begins_before_the_month_does_anywhere(zone: str, month: Month | None) -> None:
    found = rebuild(plans(acme={"time_zone": zone, "runs": 1}), month)

    (standing,) = dict(found.standings()).values()

    assert found.earliest <= standing.account.period.start - timedelta(days=8)


def test_a_call_that_is_written_twice_counts_once() -> None:
    found = rebuild(plans(acme=BERLIN))

    found.add_usage([raw(usage("r/m0")), raw(usage("r/m1")), raw(usage("r/m0"))])

    assert used(found) == Used(1, 24, Decimal("0.02"))
    assert found.repeated == 1


def test_a_run_counts_when_it_was_admitted_and_once_per_generation() -> None:
    found = rebuild(plans(acme=BERLIN))
    answers = [
        response("r-1"),
        response("r-1"),
        response("r-1", generation=1),
        response("limited", status=Status.REFUSED, admitted_at=None),
        response("cached", cached=True),
        response("guarded", status=Status.REFUSED),
        response("october", admitted_at=FIRST - DAY),
    ]

    found.add_responses(map(raw, answers))
    found.add_usage(
        raw(usage(call_id, request_id=request_id))
        for call_id, request_id in [
            ("acme%2Fr-1%2F0/m0.1", "r-1"),
            ("acme%2Foctober%2F0/m0.1", "october"),
        ]
    )

    assert used(found) == Used(3, 24, Decimal("0.02"))


def test_a_run_without_an_outcome_on_the_topic_counts_when_it_first_paid() -> None:
    found = rebuild(plans(acme=BERLIN))

    found.add_usage(
        raw(usage(call_id, request_id=request_id, at=at))
        for call_id, request_id, at in [
            ("acme%2Fold%2F0/m0.1", "old", AT),
            ("acme%2Fold%2F0/m1.1", "old", AT),
            ("acme%2Fold%2F1/m0.1", "old", AT),
            ("acme%2Fedge%2F0/m0.1", "edge", FIRST - DAY),
            ("acme%2Fedge%2F0/m1.1", "edge", FIRST + DAY),
        ]
    )

    assert used(found) == Used(2, 48, Decimal("0.04"))


@pytest.mark.parametrize(
    ("call_id", "generation"),
    [
        ("acme%2Fr-1%2F0/m0.1", "0"),
        ("acme%2Fr-1%2F12/billing:m3.2-4", "12"),
        ("acme%2Fr-1%2F2.7/m0.1", "2"),
        ("acme%2Fvery~0123456789abcdef/m0.1", "0"),
        ("another writer's", "0"),
        ("", "0"),
    ],
)
def test_a_call_id_says_the_generation(call_id: str, generation: str) -> None:
    assert generation_of(call_id) == generation


def test_what_is_estimated_counts_and_is_told_apart() -> None:
    found = rebuild(plans(acme=BERLIN))
    lost: Any = {"state": UsageState.UNKNOWN}

    found.add_usage([raw(usage("a")), raw(usage("b", **lost)), raw(usage("c", at=FIRST - DAY, **lost))])

    (standing,) = dict(found.standings()).values()
    assert standing.account.used.tokens == 24
    assert standing.estimated.tokens == 12


def test_tenants_with_a_quota_are_shown_though_they_used_nothing_and_others_where_they_did() -> None:
    found = rebuild(plans(acme=BERLIN, idle={"runs": 5}, free=None))

    found.add_usage([raw(usage("a", "unplanned")), raw(usage("b", "past", at=AT - 40 * DAY))])

    assert [tenant for tenant, _ in found.standings()] == ["acme", "idle", "unplanned"]


def test_of_some_tenants_only_these_are_computed() -> None:
    found = rebuild(plans(acme=BERLIN, globex=BERLIN), None, "acme", "nobody")

    found.add_responses([raw(response("r", "globex"))])
    found.add_usage([raw(usage("a")), raw(usage("b", "globex"))])

    assert [tenant for tenant, _ in found.standings()] == ["acme", "nobody"]


def test_what_cannot_be_read_is_skipped_and_told() -> None:
    found = rebuild(plans(acme=BERLIN))
    bad = Raw("agent.responses", 0, 1, 0, b"acme", b"{}", ())

    found.add_responses([bad, raw(response("r"), key=b"globex")])
    found.add_usage([bad, raw(usage("a"), key=b"globex")])

    assert found.skipped.count == 4
    assert used(found) == Used()


def test_the_rebuild_is_what_the_policy_counted_live_to_the_token() -> None:
    rng = Random(11)
    quota = Quota(tokens=100_000, time_zone="America/Havana")
    begin = datetime(2026, 10, 15, tzinfo=UTC)
    records = [
        usage(f"r{n}/m0", at=begin + timedelta(seconds=rng.randrange(60 * 86_400)),
              input_tokens=rng.randrange(500), cost_usd=Decimal(rng.randrange(10**6)).scaleb(-9))
        for n in range(1500)
    ]  # fmt: skip
    records.sort(key=lambda record: record.at)
    found = rebuild(plans(acme=quota.model_dump(mode="json")), Month(2026, 11))
    state = opened(quota, begin)
    alerts = []

    for record in records:
        paid = Used(0, record.input_tokens + record.output_tokens, record.cost_usd)
        skew = timedelta(seconds=rng.uniform(-5, 5))
        state, decision = count(state, quota, Entry(record.call_id, record.at, paid), record.at + skew)
        alerts += [alert.percent for alert in decision.alerts if alert.month == Month(2026, 11)]
        if record.at < datetime(2026, 12, 1, tzinfo=UTC):
            state, decision = count(state, quota, Entry(record.call_id, record.at, paid), record.at)
    rng.shuffle(records)
    found.add_usage(map(raw, records))

    state, _ = pass_time(state, quota, datetime(2026, 12, 14, tzinfo=UTC))
    live = state.before
    account = dict(found.standings())["acme"].account
    assert live is not None
    assert live.period == account.period
    assert (live.used.tokens, live.used.cost_usd) == (account.used.tokens, account.used.cost_usd)
    assert sorted(alerts) == sorted(share for what, share in account.alerted if what is Measure.TOKENS)
    assert account.used.tokens > 80_000
