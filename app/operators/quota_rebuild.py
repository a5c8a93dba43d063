"""The quotas of a month, computed anew from what the topics say, by the policy that keeps them. No I/O."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from app.client.record_filter import Raw
from app.operators.scratch import Scratch, digest_of
from app.operators.skipped import Skipped
from app.operators.terms_in_force import TermsInForce
from app.operators.usage_report import usage_of
from schemas.codec import Undecodable, decode
from schemas.invalid_fields import InvalidField
from schemas.responses import AgentResponse
from schemas.tenants import Quota
from schemas.usage import UsageRecord, UsageState
from streams.policy.months import Month, month_of, period_of
from streams.policy.quotas import (
    NO_QUOTA,
    NOTHING,
    Account,
    Entry,
    Outcome,
    QuotaState,
    Used,
    count,
    opened_in,
)

# The run in a call id ends with its generation; see the contract of usage records.
_GENERATION = re.compile(r"%2F(\d+)(?:\.\d+)?$", re.ASCII)
# Of runs that began in the month before and paid in this one, the outcome may be gone: read further back.
LONG_RUN = timedelta(days=8)
CALL, RUN = "call", "run"
FARTHEST: Final = ("Pacific/Kiritimati", "Etc/GMT+12")  # where days begin first and last


@dataclass(slots=True)
class Standing:
    """Of one tenant."""

    quota: Quota
    state: QuotaState
    estimated: Used = field(default=NOTHING)  # the part of it whose state is unknown

    @property
    def account(self) -> Account:
        """Of the month that was asked for."""
        return self.state.present


class QuotaRebuild:
    """Each call and each run counts once. `month` None: each tenant's present one."""

    def __init__(
        self,
        plans: TermsInForce,
        tenants: frozenset[str],
        month: Month | None,
        at: datetime,
        scratch: Scratch,
    ) -> None:
        self.tenants: Final = tenants
        self._plans: Final = plans
        self._keys: Final = frozenset(tenant.encode() for tenant in tenants)
        self._month: Final = month
        self._at: Final = at
        self._scratch: Final = scratch
        self._standings: dict[str, Standing] = {}
        self.skipped = Skipped()
        self.repeated = 0
        for tenant in tenants or plans.tenants:
            plan = plans.plan(tenant)
            if tenants or (plan.quota is not None):
                self._standing(tenant)

    @property
    def earliest(self) -> datetime:
        """What was written before matters for no tenant."""
        months = {self._month} if self._month else {month_of(self._at, zone) for zone in FARTHEST}
        return min(period_of(month, zone).start for month in months for zone in FARTHEST) - LONG_RUN

    def add_responses(self, records: Iterable[Raw]) -> None:
        """A batch: a request counts when it was admitted, whatever became of it."""
        for record in records:
            if self._keys and record.key not in self._keys:
                continue
            try:
                response = decode(AgentResponse, record.value)
            except (Undecodable, InvalidField):
                self.skipped.add(record)
                continue
            if response.tenant_id.encode() != record.key:
                self.skipped.add(record)
                continue
            if response.admitted_at is not None and not response.cached:
                run = digest_of(RUN, response.tenant_id, response.request_id, str(response.generation))
                self._enter(response.tenant_id, run, response.admitted_at, Used(runs=1))

    def add_usage(self, records: Iterable[Raw]) -> None:
        """A batch: calls, and runs whose outcome is no more or not yet there."""
        for record in records:
            if self._keys and record.key not in self._keys:
                continue
            usage = usage_of(record)
            if usage is None:
                self.skipped.add(record)
                continue
            self._add_call(usage)

    def standings(self) -> Iterator[tuple[str, Standing]]:
        """All tenants that have a quota or used something."""
        for tenant in sorted(self._standings):
            standing = self._standings[tenant]
            if tenant in self.tenants or standing.account.used != NOTHING or standing.quota != NO_QUOTA:
                yield tenant, standing

    def _add_call(self, usage: UsageRecord) -> None:
        used = Used(0, usage.input_tokens + usage.output_tokens, usage.cost_usd)
        call = digest_of(CALL, usage.tenant_id, usage.call_id)
        outcome = self._enter(usage.tenant_id, call, usage.at, used)
        if outcome is None:
            self.repeated += 1
            return
        if outcome is Outcome.COUNTED and usage.state is UsageState.UNKNOWN:
            standing = self._standing(usage.tenant_id)
            standing.estimated = standing.estimated.plus(used)
        run = digest_of(RUN, usage.tenant_id, usage.request_id, generation_of(usage.call_id))
        self._enter(usage.tenant_id, run, usage.at, Used(runs=1))

    def _enter(self, tenant_id: str, digest: bytes, at: datetime, used: Used) -> Outcome | None:
        """None: it was there before."""
        if not self._scratch.is_new(digest):
            return None
        standing = self._standing(tenant_id)
        entry = Entry(digest.hex(), at, used)
        standing.state, decision = count(
            standing.state, standing.quota, entry, now=standing.account.period.start
        )
        return decision.outcome

    def _standing(self, tenant_id: str) -> Standing:
        found = self._standings.get(tenant_id)
        if found is None:
            plan = self._plans.plan(tenant_id)
            quota = plan.quota or NO_QUOTA
            month = self._month or month_of(self._at, quota.time_zone)
            # All that was seen is in the scratch; the policy need not remember it, too.
            state = opened_in(month, quota, remembered=0)
            found = self._standings[tenant_id] = Standing(quota, state)
        return found


def generation_of(call_id: str) -> str:
    """Of the run that a call is of; 0 where the id does not say."""
    found = _GENERATION.search(call_id.partition("/")[0])
    return "0" if found is None else found[1]
