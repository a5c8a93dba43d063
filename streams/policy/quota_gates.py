"""A plan's quota as gates: one for each figure, in the calendar month of the quota's time zone."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final

from schemas.tenants import Quota
from streams.policy.gates import NANOS, Gate, Spending, What, nano_usd
from streams.policy.months import Period, month_of, period_of
from streams.policy.quotas import Measure, Used, with_overdraft
from streams.policy.windows import MonthWindow


class QuotaGates:
    """Works a month out once, and keeps it as long as it lasts."""

    def __init__(self, quota: Quota) -> None:
        self._zone: Final = quota.time_zone
        self._figures: Final = tuple(_figures(quota))
        self._period: Period | None = None
        self._windows: tuple[tuple[What, MonthWindow], ...] = ()

    def at(self, now: datetime, needs: Spending) -> tuple[Gate, ...]:
        """What a run has to pass now. What it needs nothing of does not stop it: a model may be free."""
        if self._period is None or now not in self._period:
            self._period = period_of(month_of(now, self._zone), self._zone)
            self._windows = tuple(self._windows_in(self._period))
        asked = ((window, 1 if what == "runs" else needs.of(what), what) for what, window in self._windows)
        return tuple(Gate(*one) for one in asked if one[1])

    def _windows_in(self, period: Period) -> "list[tuple[What, MonthWindow]]":
        ends_ms = round(period.end.timestamp() * 1000)
        return [
            (what, MonthWindow(limit, period.month.ordinal, ends_ms, said))
            for what, limit, said in self._figures
        ]


def bounded(used: Used, quota: Quota) -> Mapping[What, int]:
    """What was used of each figure that the quota bounds, in the units of gates."""
    amounts: dict[What, int] = {}
    for measure in Measure:
        if getattr(quota, measure.value) is not None:
            amount = used.of(measure)
            amounts[measure.value] = nano_usd(amount) if isinstance(amount, Decimal) else amount
    return amounts


def _figures(quota: Quota) -> "list[tuple[What, int, int]]":
    """Which, with and without overdraft; money in whole nano-USD, never more than there is."""
    found: list[tuple[What, int, int]] = []
    if quota.runs is not None:
        found.append(("runs", int(with_overdraft(quota.runs, quota.overdraft)), quota.runs))
    if quota.tokens is not None:
        found.append(("tokens", int(with_overdraft(quota.tokens, quota.overdraft)), quota.tokens))
    if quota.cost_usd is not None:
        cap = Decimal(with_overdraft(quota.cost_usd, quota.overdraft))
        found.append(("cost_usd", int(cap.scaleb(NANOS)), nano_usd(quota.cost_usd)))
    return found
