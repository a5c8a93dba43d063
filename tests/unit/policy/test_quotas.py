"""Quotas: counted in their month, told once, begun anew once, and what there is room for."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise, permutations
from random import Random
from typing import Any

import pytest

from schemas.failures import Code
from schemas.tenants import Quota
from streams.policy.months import Month
from streams.policy.quotas import (
    Alert,
    Decision,
    Entry,
    Measure,
    NoRoom,
    Outcome,
    QuotaState,
    Room,
    Used,
    check_room,
    count,
    opened,
    pass_time,
    with_overdraft,
)

NOW = datetime(2026, 11, 21, 7, tzinfo=UTC)
NOVEMBER, DECEMBER = Month(2026, 11), Month(2026, 12)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PLAN = Quota(runs=10, tokens=1000, cost_usd=Decimal("5"))


def paid(entry_id: str, tokens: int = 100, at: datetime = NOW, cost: str = "0") -> Entry:
    return Entry(entry_id, at, Used(tokens=tokens, cost_usd=Decimal(cost)))


def counted(
    state: QuotaState, entries: Iterable[Entry], quota: Quota = PLAN, now: datetime | None = None
) -> tuple[QuotaState, list[Decision]]:
    """All of them, each heard of when it was used, or at `now`."""
    decisions = []
    for entry in entries:
        state, decision = count(state, quota, entry, now or entry.at)
        decisions.append(decision)
    return state, decisions


def alerts_of(decisions: Iterable[Decision]) -> list[tuple[Measure, int]]:
    return [(alert.measure, alert.percent) for decision in decisions for alert in decision.alerts]


def test_runs_tokens_and_cost_add_up() -> None:
    run = Entry("run-1", NOW, Used(runs=1))

    state, _ = counted(opened(PLAN, NOW), [run, paid("a", 3, cost="0.1"), paid("b", 4, cost="0.2")])

    assert state.present.used == Used(1, 7, Decimal("0.3"))


def test_the_smallest_cost_on_the_wire_is_not_rounded_away_beside_the_largest() -> None:
    large, small = "999999999999999", "0.000000000000000001"

    state, _ = counted(opened(PLAN, NOW), [paid("a", cost=large), paid("b", cost=small)])

    assert state.present.used.cost_usd == Decimal(f"{large}.{small[2:]}")


def test_each_alert_is_given_once_when_its_share_is_reached() -> None:
    state, decisions = counted(opened(PLAN, NOW), [paid(f"c{n}", 100) for n in range(15)])

    told = [(n + 1, alert.percent) for n, one in enumerate(decisions) for alert in one.alerts]
    assert told == [(5, 50), (8, 80), (10, 100)]
    assert decisions[4].alerts == (Alert(NOVEMBER, Measure.TOKENS, 50, 500, 1000),)
    assert state.present.used.tokens == 1500


def test_one_call_may_reach_several_shares_of_several_measures() -> None:
    _, (decision,) = counted(opened(PLAN, NOW), [paid("a", 800, cost="7")])

    assert alerts_of([decision]) == [
        (Measure.TOKENS, 50),
        (Measure.TOKENS, 80),
        (Measure.COST_USD, 50),
        (Measure.COST_USD, 80),
        (Measure.COST_USD, 100),
    ]


def test_what_has_no_quota_has_no_alert() -> None:
    _, decisions = counted(opened(Quota(), NOW), [paid("a", 10**9, cost="1000000")], Quota())

    assert alerts_of(decisions) == []


def test_of_a_quota_of_nothing_the_first_use_is_told() -> None:
    none = Quota(tokens=0, runs=0)
    state, before = counted(opened(none, NOW), [paid("free", 0)], none)

    _, after = counted(state, [paid("a", 1)], none)

    assert alerts_of(before) == []
    assert alerts_of(after) == [(Measure.TOKENS, 50), (Measure.TOKENS, 80), (Measure.TOKENS, 100)]


def test_a_call_that_is_heard_of_again_counts_once() -> None:
    state, decisions = counted(opened(PLAN, NOW), [paid("a", 500), paid("b", 1), paid("a", 500)])

    assert state.present.used.tokens == 501
    assert [one.outcome for one in decisions] == [Outcome.COUNTED, Outcome.COUNTED, Outcome.REPEATED]
    assert alerts_of(decisions) == [(Measure.TOKENS, 50)]


def test_a_call_of_the_last_month_that_is_repeated_in_this_one_counts_once() -> None:
    late = paid("a", 5, datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC))
    state, _ = counted(opened(PLAN, NOW), [late])

    state, (again,) = counted(state, [late], now=late.at + HOUR)

    assert again.outcome is Outcome.REPEATED
    assert (state.present.used.tokens, state.before and state.before.used.tokens) == (0, 5)


@pytest.mark.parametrize("calls", [97, 98, 99, 100])
def test_the_latest_calls_are_remembered_and_no_more_than_so_many(calls: int) -> None:
    state, _ = counted(opened(PLAN, NOW, remembered=8), [paid(str(n), 1) for n in range(calls)])

    held = len(state.recent.young) + len(state.recent.old)
    latest = [count(state, PLAN, paid(str(n), 1), NOW)[1] for n in range(calls - 4, calls)]
    _, oldest = count(state, PLAN, paid("0", 1), NOW)

    assert held <= 8
    assert {one.outcome for one in latest} == {Outcome.REPEATED}
    assert oldest.outcome is Outcome.COUNTED


def test_in_whatever_order_calls_come_the_month_is_the_same() -> None:
    end = datetime(2026, 12, 1, tzinfo=UTC)
    entries = [
        paid("nov-1", 400, end - 3 * DAY),
        paid("nov-2", 500, end - timedelta(milliseconds=1)),
        paid("dec-1", 600, end),
        paid("dec-2", 7, end + HOUR),
    ]

    for order in permutations(entries):
        state, decisions = counted(opened(PLAN, end - DAY), order, now=end - HOUR)
        state, turned = pass_time(state, PLAN, end + DAY)

        assert state.present.used.tokens == 607
        assert state.before is not None
        assert state.before.used.tokens == 900
        assert sorted(alerts_of(decisions)) == [(Measure.TOKENS, 50), (Measure.TOKENS, 80)]
        assert turned.alerts == (Alert(DECEMBER, Measure.TOKENS, 50, 607, 1000),)
        assert turned.reset is not None


def test_what_came_too_early_counts_in_one_month_only() -> None:
    end = datetime(2026, 12, 1, tzinfo=UTC)
    state, _ = counted(opened(PLAN, NOW), [paid("early", 5, end)], now=end - HOUR)

    december, _ = pass_time(state, PLAN, end)
    january, _ = pass_time(december, PLAN, end + 31 * DAY)

    assert (december.present.used.tokens, january.present.used.tokens) == (5, 0)


def test_after_months_of_silence_nothing_of_then_is_left() -> None:
    end = datetime(2026, 12, 1, tzinfo=UTC)
    state, _ = counted(opened(PLAN, NOW), [paid("nov", 7), paid("early", 5, end)], now=end - HOUR)

    state, decision = pass_time(state, PLAN, end + 100 * DAY)

    assert decision.reset is not None
    assert (decision.reset.ended, decision.reset.used.tokens) == (NOVEMBER, 7)
    assert (decision.reset.begun, state.present.used, state.before) == (Month(2027, 3), Used(), None)


def test_what_comes_late_counts_in_its_own_month_which_tells_its_own_alerts() -> None:
    end = datetime(2026, 12, 1, tzinfo=UTC)
    state, _ = counted(opened(PLAN, NOW), [paid("nov", 700, NOW), paid("dec", 10, end)])

    state, (late,) = counted(state, [paid("late", 100, NOW)], now=end + HOUR)

    assert late.alerts == (Alert(NOVEMBER, Measure.TOKENS, 80, 800, 1000),)
    assert state.present.used.tokens == 10


@pytest.mark.parametrize("days", [-60, 12])
def test_what_is_of_no_month_that_is_kept_counts_nowhere(days: int) -> None:
    state, (decision,) = counted(opened(PLAN, NOW), [paid("a", 900, NOW + days * DAY)], now=NOW)

    assert (decision.outcome, decision.alerts) == (Outcome.OUTSIDE, ())
    assert state.present.used == Used()


def test_the_month_is_reset_once_whoever_hears_of_it_first() -> None:
    end = datetime(2026, 12, 1, tzinfo=UTC)
    state, _ = counted(opened(PLAN, NOW), [paid("nov", 900)])

    resets = []
    for step in (-HOUR, timedelta(0), timedelta(milliseconds=1), -HOUR, HOUR, 30 * DAY):
        state, decision = pass_time(state, PLAN, end + step)
        resets.append(decision.reset)

    (told,) = [reset for reset in resets if reset is not None]
    assert resets[1] is told
    assert (told.ended, told.used.tokens, told.begun) == (NOVEMBER, 900, DECEMBER)
    assert (state.present.used, state.present.period.month) == (Used(), DECEMBER)


@pytest.mark.parametrize(
    "zone",
    [
        "UTC",
        "Europe/Berlin",
        "America/Havana",
        "America/St_Johns",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "Pacific/Chatham",
        "Pacific/Kiritimati",
        "Etc/GMT+12",
    ],
)
def test_over_dst_and_years_ends_each_month_is_reset_and_alerts_once(zone: str) -> None:
    quota = Quota(tokens=48, time_zone=zone)
    at, last = datetime(2026, 9, 15, tzinfo=UTC), datetime(2028, 4, 15, tzinfo=UTC)
    state = opened(quota, at, remembered=0)
    resets, alerts, calls = [], [], 0
    while at < last:
        state, decision = count(state, quota, paid(str(calls), 1, at), at)
        resets += [decision.reset] if decision.reset else []
        alerts += [(alert.month, alert.percent) for alert in decision.alerts]
        at += 4 * HOUR
        calls += 1

    assert [str(reset.ended) for reset in resets[:5]] == [
        "2026-09", "2026-10", "2026-11", "2026-12", "2027-01",
    ]  # fmt: skip
    assert len(resets) == 19
    assert all(one.begun == other.ended for one, other in pairwise(resets))
    assert len(alerts) == len(set(alerts)) == 3 * 20
    assert sum(reset.used.tokens for reset in resets) + state.present.used.tokens == calls


def test_a_plan_with_another_zone_neither_repeats_nor_skips_a_month() -> None:
    rng, at = Random(7), NOW
    zones = ["Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu", "America/Havana", "UTC"]
    state, resets, total = opened(PLAN, at, remembered=0), [], 0

    while at < NOW + 800 * DAY:
        quota = Quota(tokens=10**9, time_zone=rng.choice(zones))
        state, decision = count(state, quota, paid(str(total), 1, at), at)
        resets += [decision.reset] if decision.reset else []
        assert decision.outcome is Outcome.COUNTED
        total += 1
        at += timedelta(hours=rng.randint(1, 40))

    assert len(resets) == 26
    assert all(reset.begun == reset.ended.following for reset in resets)
    assert sum(reset.used.tokens for reset in resets) + state.present.used.tokens == total


def test_a_quota_that_is_lowered_tells_at_the_next_call_and_a_raised_one_what_is_reached_anew() -> None:
    state, first = counted(opened(PLAN, NOW), [paid("a", 600)])

    state, lowered = counted(state, [paid("b", 1)], Quota(tokens=700))
    state, raised = counted(state, [paid("c", 900)], Quota(tokens=3000))
    _, full = counted(state, [paid("d", 1500)], Quota(tokens=3000))

    assert alerts_of(first) == [(Measure.TOKENS, 50)]
    assert alerts_of(lowered) == [(Measure.TOKENS, 80)]
    assert alerts_of(raised) == []
    assert alerts_of(full) == [(Measure.TOKENS, 80), (Measure.TOKENS, 100)]


def full(**changes: Any) -> tuple[QuotaState, Quota]:
    """9 runs, 990 tokens and 4.99 USD of 10, 1000 and 5 are used."""
    state, _ = counted(opened(PLAN, NOW), [Entry("r", NOW, Used(9)), paid("a", 990, cost="4.99")])
    return state, PLAN.model_copy(update=changes)


def test_what_fits_to_the_last_token_has_room() -> None:
    state, quota = full()

    after, verdict = check_room(state, quota, Used(1, 10, Decimal("0.01")), NOW)

    assert (after, verdict) == (state, Room())


@pytest.mark.parametrize(
    ("wanted", "code", "limit", "used"),
    [
        (Used(runs=2), Code.QUOTA_RUNS, 10, 9),
        (Used(1, tokens=11), Code.QUOTA_TOKENS, 1000, 990),
        (Used(1, cost_usd=Decimal("0.02")), Code.QUOTA_COST, Decimal(5), Decimal("4.99")),
    ],
)
def test_what_is_more_is_refused_until_the_next_month(
    wanted: Used, code: Code, limit: int | Decimal, used: int | Decimal
) -> None:
    state, quota = full()

    _, verdict = check_room(state, quota, wanted, NOW)

    until = datetime(2026, 12, 1, tzinfo=UTC) - NOW
    assert verdict == NoRoom(code, limit, used, until // timedelta(milliseconds=1), retriable=True)


def test_what_is_reserved_takes_room() -> None:
    state, quota = full()

    _, alone = check_room(state, quota, Used(1, 10), NOW)
    _, beside = check_room(state, quota, Used(1, 10), NOW, held=Used(0, 1))

    assert isinstance(alone, Room)
    assert isinstance(beside, NoRoom)
    assert beside.used == 991


def test_what_would_not_fit_into_an_empty_month_need_not_be_tried_again() -> None:
    state = opened(PLAN, NOW)

    _, verdict = check_room(state, PLAN, Used(1, 1001), NOW)

    assert isinstance(verdict, NoRoom)
    assert not verdict.retriable


def test_a_model_without_a_price_runs_although_the_cost_is_used_up() -> None:
    state, _ = counted(opened(PLAN, NOW), [paid("a", 1, cost="6")])

    _, free = check_room(state, PLAN, Used(1, 10), NOW)
    _, priced = check_room(state, PLAN, Used(1, 10, Decimal("0.000001")), NOW)

    assert isinstance(free, Room)
    assert isinstance(priced, NoRoom)


@pytest.mark.parametrize(
    ("limit", "overdraft", "cap"),
    [
        (1000, 0.0, 1000),
        (1000, 0.1, 1100),
        (100, 0.29, 129),  # 128 with binary fractions
        (15, 0.1, 16),
        (1000, 1.0, 2000),
        (Decimal("5"), 0.1, Decimal("5.5")),
        (Decimal("0.000000000000000001"), 0.5, Decimal("0.0000000000000000015")),
        (10**24, 0.1, 11 * 10**23),
    ],
)
def test_an_overdraft_is_an_exact_share(limit: int | Decimal, overdraft: float, cap: int | Decimal) -> None:
    assert with_overdraft(limit, overdraft) == cap


def test_an_overdraft_gives_room_and_alerts_are_of_the_quota_without_it() -> None:
    state, quota = full(overdraft=0.1)

    _, within = check_room(state, quota, Used(0, 110), NOW)
    _, beyond = check_room(state, quota, Used(0, 111), NOW)
    _, decisions = counted(state, [paid("b", 10)], quota)

    assert isinstance(within, Room)
    assert isinstance(beyond, NoRoom)
    assert (Measure.TOKENS, 100) in alerts_of(decisions)


def test_in_the_next_month_there_is_room_though_nobody_told_of_it_yet() -> None:
    state, quota = full()
    december = datetime(2026, 12, 1, tzinfo=UTC)

    after, verdict = check_room(state, quota, Used(1, 1000), december)
    _, turned = pass_time(after, quota, december)

    assert verdict == Room()
    assert turned.reset is not None
