"""Quotas of a calendar month: what was used, what there is room for, who is to be told, when it begins anew.

What counts is when it was used (`at`), so the order in which it is heard of does not matter; `now` only says
which month it is. The month's time zone is the one that the plan had when the month began. No clock, no I/O.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import ROUND_FLOOR, Context, Decimal
from enum import StrEnum
from typing import Final

from schemas.failures import Code
from schemas.tenants import Quota
from streams.policy.months import Month, Period, month_of, period_after, period_of

ALERT_PERCENTS: Final = (50, 80, 100)
REMEMBERED: Final = 1024
NO_QUOTA: Final = Quota()
CLOCKS_DIFFER: Final = timedelta(days=1)  # more is no difference of clocks any more

# The usual 28 digits would round sums of what the wire allows: 15 digits and 18 behind the point.
EXACT: Final = Context(prec=60)

Amount = int | Decimal


class Measure(StrEnum):
    """What a quota bounds; the names of its fields."""

    RUNS = "runs"
    TOKENS = "tokens"
    COST_USD = "cost_usd"


CODES: Final = {
    Measure.RUNS: Code.QUOTA_RUNS,
    Measure.TOKENS: Code.QUOTA_TOKENS,
    Measure.COST_USD: Code.QUOTA_COST,
}


@dataclass(frozen=True, slots=True)
class Used:
    """Amounts of all that is bounded."""

    runs: int = 0
    tokens: int = 0
    cost_usd: Decimal = Decimal(0)

    def plus(self, other: "Used") -> "Used":
        """Both together, exactly."""
        return Used(
            self.runs + other.runs,
            self.tokens + other.tokens,
            EXACT.add(self.cost_usd, other.cost_usd),
        )

    def of(self, measure: Measure) -> Amount:
        """One of the amounts."""
        amount: Amount = getattr(self, measure.value)
        return amount


NOTHING: Final = Used()


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that was used: a paid call under its call id, a started run under an id of its own."""

    entry_id: str
    at: datetime
    used: Used


@dataclass(frozen=True, slots=True)
class Alert:
    """So much of the month's quota is used; given once for each month, measure and percentage."""

    month: Month
    measure: Measure
    percent: int
    used: Amount
    limit: Amount


@dataclass(frozen=True, slots=True)
class Reset:
    """A month is over, another one is counted from here on."""

    ended: Month
    used: Used
    begun: Month


@dataclass(frozen=True, slots=True)
class Account:
    """One month of one tenant."""

    period: Period
    used: Used = NOTHING
    alerted: frozenset[tuple[Measure, int]] = frozenset()


@dataclass(frozen=True, slots=True)
class Recent:
    """Ids of the latest entries: at least `most` // 2 of them, at most `most`."""

    most: int = REMEMBERED
    young: frozenset[str] = frozenset()
    old: frozenset[str] = frozenset()

    def __contains__(self, entry_id: str) -> bool:
        return entry_id in self.young or entry_id in self.old

    def plus(self, entry_id: str) -> "Recent":
        """One more; the oldest half is forgotten when there are too many."""
        if self.most < 2:
            return self
        if len(self.young) >= self.most // 2:
            return replace(self, young=frozenset((entry_id,)), old=self.young)
        return replace(self, young=self.young | {entry_id})


@dataclass(frozen=True, slots=True)
class QuotaState:
    """What is kept of one tenant: this month, the last one for what comes late, and what comes too early."""

    present: Account
    before: Account | None = None
    ahead: Used = NOTHING
    recent: Recent = field(default_factory=Recent)


class Outcome(StrEnum):
    """What became of an entry."""

    COUNTED = "counted"
    REPEATED = "repeated"  # it was counted before
    AHEAD = "ahead"  # another clock is in the next month already: it counts when that begins
    OUTSIDE = "outside"  # of a month before the last one, or of days to come: it counts nowhere


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows from an entry, or from the time: each alert and each reset is told once."""

    outcome: Outcome | None = None
    alerts: tuple[Alert, ...] = ()
    reset: Reset | None = None


@dataclass(frozen=True, slots=True)
class Room:
    """The month's quota allows it."""


@dataclass(frozen=True, slots=True)
class NoRoom:
    """The month's quota, with its overdraft, does not allow it."""

    code: Code
    limit: Amount
    used: Amount
    retry_after_ms: int  # until the next month
    retriable: bool  # False: it would not fit into an empty month either


def opened(quota: Quota, now: datetime, remembered: int = REMEMBERED) -> QuotaState:
    """A tenant of which nothing is known. `remembered`: ids of entries, by which repeated ones are known.

    Who reads a source that may repeat older ones must itself know how far it has read.
    """
    return opened_in(month_of(now, quota.time_zone), quota, remembered)


def opened_in(month: Month, quota: Quota, remembered: int = REMEMBERED) -> QuotaState:
    """The same, in a month of one's choice."""
    return QuotaState(Account(period_of(month, quota.time_zone)), recent=Recent(remembered))


def pass_time(state: QuotaState, quota: Quota, now: datetime) -> tuple[QuotaState, Decision]:
    """Begin the next month when it is time; a clock that goes back does not bring a month back."""
    ended = state.present
    if now < ended.period.end:
        return state, Decision()
    period = period_after(ended.period, now, quota.time_zone)
    alerts: tuple[Alert, ...] = ()
    if period.month == ended.period.month.following:
        begun, alerts = _enter(Account(period), state.ahead, quota)
        state = replace(state, present=begun, before=ended, ahead=NOTHING)
    else:  # nothing was heard of the tenant for more than a month
        state = replace(state, present=Account(period), before=None, ahead=NOTHING)
    return state, Decision(alerts=alerts, reset=Reset(ended.period.month, ended.used, period.month))


def count(state: QuotaState, quota: Quota, entry: Entry, now: datetime) -> tuple[QuotaState, Decision]:
    """Count an entry in the month that it is of, once."""
    state, passed = pass_time(state, quota, now)
    if entry.entry_id in state.recent:
        return state, replace(passed, outcome=Outcome.REPEATED)
    state = replace(state, recent=state.recent.plus(entry.entry_id))
    present, before = state.present, state.before
    outcome = Outcome.COUNTED
    alerts: tuple[Alert, ...] = ()
    if entry.at in present.period:
        present, alerts = _enter(present, entry.used, quota)
        state = replace(state, present=present)
    elif before is not None and entry.at in before.period:
        before, alerts = _enter(before, entry.used, quota)
        state = replace(state, before=before)
    elif present.period.end <= entry.at < present.period.end + CLOCKS_DIFFER:
        outcome = Outcome.AHEAD
        state = replace(state, ahead=state.ahead.plus(entry.used))
    else:
        outcome = Outcome.OUTSIDE
    return state, replace(passed, outcome=outcome, alerts=passed.alerts + alerts)


def check_room(
    state: QuotaState, quota: Quota, wanted: Used, now: datetime, held: Used = NOTHING
) -> tuple[QuotaState, Room | NoRoom]:
    """Whether so much more may be used. `held`: what is reserved and not yet counted.

    What wants nothing of a measure is not stopped by it: a model without a price runs although the month's
    cost is used up. The reset that may lie between is told by the next `pass_time` or `count`.
    """
    current, _ = pass_time(state, quota, now)
    used = current.present.used.plus(held)
    for measure in Measure:
        limit: Amount | None = getattr(quota, measure.value)
        asked = wanted.of(measure)
        if limit is None or not asked:
            continue
        cap = with_overdraft(limit, quota.overdraft)
        if used.plus(wanted).of(measure) > cap:
            left = current.present.period.end - now
            retry_after_ms = max(1, -(-left // timedelta(milliseconds=1)))
            return state, NoRoom(CODES[measure], limit, used.of(measure), retry_after_ms, asked <= cap)
    return state, Room()


def with_overdraft(limit: Amount, overdraft: float) -> Amount:
    """What may be used in the end; of runs and tokens whole ones."""
    # By way of its text: 0.1 means a tenth, and not the binary fraction next to it.
    share = EXACT.add(Decimal(1), Decimal(str(overdraft)))
    cap = EXACT.multiply(Decimal(limit), share)
    return int(cap.to_integral_value(ROUND_FLOOR)) if isinstance(limit, int) else cap


def reached(used: Amount, limit: Amount, percent: int) -> bool:
    """Whether so many per cent are used; of nothing nothing is."""
    return used > 0 and EXACT.multiply(Decimal(used), Decimal(100)) >= EXACT.multiply(
        Decimal(limit), Decimal(percent)
    )


def _enter(account: Account, used: Used, quota: Quota) -> tuple[Account, tuple[Alert, ...]]:
    used = account.used.plus(used)
    account = replace(account, used=used, alerted=_still(account.alerted, used, quota))
    alerts = tuple(_due(account, quota))
    if alerts:
        given = account.alerted | {(alert.measure, alert.percent) for alert in alerts}
        account = replace(account, alerted=given)
    return account, alerts


def _still(
    alerted: frozenset[tuple[Measure, int]], used: Used, quota: Quota
) -> frozenset[tuple[Measure, int]]:
    """What was told and still holds: a quota that was raised is told of anew when it is used up."""
    if not alerted:
        return alerted
    limits = {measure: getattr(quota, measure.value) for measure in Measure}
    return frozenset(
        (measure, percent)
        for measure, percent in alerted
        if limits[measure] is not None and reached(used.of(measure), limits[measure], percent)
    )


def _due(account: Account, quota: Quota) -> Iterator[Alert]:
    for measure in Measure:
        limit: Amount | None = getattr(quota, measure.value)
        used = account.used.of(measure)
        for percent in ALERT_PERCENTS:
            if limit is None or (measure, percent) in account.alerted:
                continue
            if reached(used, limit, percent):
                yield Alert(account.period.month, measure, percent, used, limit)
