"""The months of tenants with a quota, as the books keep them: what an entry adds, and how it is packed."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from schemas.money import format_usd
from schemas.tenants import Quota
from streams.books import Entry, Paid
from streams.policy import quotas
from streams.policy.months import Month, Period
from streams.policy.quotas import Account, Alert, Measure, QuotaState, Used

NO_IDS: Final = 0  # a book knows how far it has read, so ids need not be remembered
KEPT_FOR: Final = timedelta(days=31)  # after its end: for what comes late


def enter_month(
    state: QuotaState | None, quota: Quota, entry: Entry, now: datetime
) -> tuple[QuotaState | None, tuple[Alert, ...]]:
    """The month with this entry, and of what it is now to be told that so much is used.

    None as long as nothing was used: anybody may ask under any tenant's name, and be refused.
    """
    counted = _counted(entry)
    if state is None and counted is None:
        return None, ()
    state = state or quotas.opened(quota, now, NO_IDS)
    if counted is None:
        state, decision = quotas.pass_time(state, quota, now)
    else:
        state, decision = quotas.count(state, quota, quotas.Entry("", *counted), now)
    return state, decision.alerts


def _counted(entry: Entry) -> tuple[datetime, Used] | None:
    """When it was used, and how much: a run when it was admitted, a call when it was paid."""
    if isinstance(entry, Paid):
        return _moment(entry.at_ms), Used(0, entry.tokens, entry.cost_usd)
    return None if entry.admitted_ms is None else (_moment(entry.admitted_ms), Used(runs=1))


def is_over(state: QuotaState, now: datetime) -> bool:
    """Whether nothing can come any more that counts in it."""
    return now - state.present.period.end > KEPT_FOR


def pack_month(state: QuotaState) -> list[Any]:
    """In JSON's terms: lists instead of names."""
    before = None if state.before is None else _account(state.before)
    return [_account(state.present), before, _used(state.ahead)]


def unpack_month(packed: list[Any]) -> QuotaState:
    """The month again."""
    present, before, ahead = packed
    known = None if before is None else _unpack_account(before)
    return QuotaState(_unpack_account(present), known, _unpack_used(ahead), quotas.Recent(NO_IDS))


def _account(account: Account) -> list[Any]:
    period = account.period
    span = [period.month.ordinal, period.time_zone, period.start.timestamp(), period.end.timestamp()]
    told = sorted([measure.value, percent] for measure, percent in account.alerted)
    return [*span, _used(account.used), told]


def _unpack_account(packed: list[Any]) -> Account:
    ordinal, zone, start, end, used, told = packed
    month = Month(ordinal // 12, ordinal % 12 + 1)
    period = Period(month, zone, datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC))
    alerted = frozenset((Measure(measure), percent) for measure, percent in told)
    return Account(period, _unpack_used(used), alerted)


def _used(used: Used) -> list[Any]:
    return [used.runs, used.tokens, format_usd(used.cost_usd)]


def _unpack_used(packed: list[Any]) -> Used:
    runs, tokens, cost = packed
    return Used(runs, tokens, Decimal(cost))


def _moment(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
