"""What workers count of the months' quotas, raised to what the topics say."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.adapters.redis_months import RedisMonths
from app.operators.quota_rebuild import Standing
from streams.policy.gates import Gate, What
from streams.policy.quota_gates import bounded
from streams.policy.windows import MonthWindow


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of a tenant of which workers counted less than its topics say."""

    tenant_id: str
    month: str
    what: What
    counted: int
    known: int

    def shown(self) -> str:
        """For people."""
        gate = Gate(MonthWindow(0, 0, 0), 0, self.what)
        counted, known = gate.shown(self.counted), gate.shown(self.known)
        return f"{self.tenant_id}, {self.month}: {counted} counted, {known} used"


async def differences(
    rows: Iterable[tuple[str, Standing]], months: RedisMonths, *, apply: bool
) -> list[Difference]:
    """Of all that have a quota. With `apply`, there is none any more afterwards."""
    found = []
    for tenant_id, standing in rows:
        known = bounded(standing.account.used, standing.quota)
        if not known:
            continue
        month = standing.account.period.month
        if apply:
            before = await months.raise_to(tenant_id, month.ordinal, known)
        else:
            before = await months.counted(tenant_id, month.ordinal, tuple(known))
        found += [
            Difference(tenant_id, str(month), what, before[what], amount)
            for what, amount in known.items()
            if before[what] < amount
        ]
    return found
