"""What `agent.usage` says of some tenants and some time, grouped. No I/O but its scratch."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from app.client.record_filter import Raw
from app.operators.scratch import Scratch, digest_of
from app.operators.skipped import Skipped
from app.operators.terms_in_force import TermsInForce
from app.operators.time_span import Span
from app.operators.usage_sums import Sums
from schemas.codec import Undecodable, decode, decode_object
from schemas.invalid_fields import InvalidField
from schemas.usage import UsageRecord

UTC_NAME = "UTC"
# Names of groups of which no user is the name; a user's own begins with NAMED.
NAMED, NO_USER, NOT_KNOWN = "=", "-", "?"


class By(StrEnum):
    """What calls are grouped by, beside their tenant."""

    DAY = "day"
    AGENT = "agent"
    MODEL = "model"
    USER = "user"
    TENANT = "tenant"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for. No tenants: all."""

    by: By = By.DAY
    tenants: frozenset[str] = frozenset()
    span: Span = field(default_factory=Span)

    @property
    def needs_zones(self) -> bool:
        """Whether the tenants' time zones matter."""
        return self.by is By.DAY or self.span.is_local


class Zones:
    """Tenants' time zones, as their plans say."""

    def __init__(self, plans: TermsInForce | None) -> None:
        self._plans: Final = plans

    def name_of(self, tenant_id: str) -> str:
        """The zone in which the tenant's days and months begin."""
        plan = None if self._plans is None else self._plans.plan(tenant_id)
        return UTC_NAME if plan is None or plan.quota is None else plan.quota.time_zone


def usage_of(record: Raw) -> UsageRecord | None:
    """None where it is none; days of years that no time zone has are none either."""
    try:
        usage = decode(UsageRecord, record.value)
    except (Undecodable, InvalidField):
        return None
    if usage.tenant_id.encode() != record.key or not 1970 <= usage.at.year <= 9990:
        return None
    return usage


class UsageReport:
    """Counts each call once."""

    def __init__(self, question: Question, zones: Zones, scratch: Scratch) -> None:
        self.question: Final = question
        self._zones: Final = zones
        self._scratch: Final = scratch
        self._keys: Final = frozenset(tenant.encode() for tenant in question.tenants)
        self._ends: dict[str, tuple[datetime | None, datetime | None]] = {}
        self.total = Sums()
        self.skipped = Skipped()
        self.repeated = 0
        self.strange_requests = 0  # calls of requests of which nothing is known any more

    def add_all(self, records: Iterable[Raw]) -> None:
        """A batch of the usage topic."""
        for record in records:
            if self._is_of_others(record):
                continue
            usage = usage_of(record)
            if usage is None:
                self.skipped.add(record)
            elif self._is_within(usage):
                self._count(usage)

    def note_users(self, records: Iterable[Raw]) -> None:
        """A batch of the requests topic: requests say who the user is, usage does not."""
        for record in records:
            if self._is_of_others(record):
                continue
            try:
                request = decode_object(record.value)
            except Undecodable:
                continue
            tenant, request_id, user = (request.get(name) for name in ("tenant_id", "request_id", "user_id"))
            # What no intake took ran nothing, so that no usage record names it.
            if isinstance(tenant, str) and isinstance(request_id, str) and tenant.encode() == record.key:
                name = user if isinstance(user, str) else None
                self._scratch.note_user(digest_of(tenant, request_id), name)

    def groups(self) -> Iterator[tuple[str, str, Sums]]:
        """Tenant, name and sums, in this order."""
        return self._scratch.groups()

    def _is_of_others(self, record: Raw) -> bool:
        return bool(self._keys) and record.key not in self._keys

    def _is_within(self, usage: UsageRecord) -> bool:
        zone = self._zones.name_of(usage.tenant_id)
        if zone not in self._ends:
            self._ends[zone] = self.question.span.within(ZoneInfo(zone))
        since, until = self._ends[zone]
        return (since is None or usage.at >= since) and (until is None or usage.at < until)

    def _count(self, usage: UsageRecord) -> None:
        if not self._scratch.is_new(digest_of(usage.tenant_id, usage.call_id)):
            self.repeated += 1
            return
        self.total.count(usage)
        self._scratch.group(usage.tenant_id, self._name(usage)).count(usage)

    def _name(self, usage: UsageRecord) -> str:
        match self.question.by:
            case By.DAY:
                zone = ZoneInfo(self._zones.name_of(usage.tenant_id))
                return usage.at.astimezone(zone).date().isoformat()
            case By.AGENT:
                return usage.agent
            case By.MODEL:
                return usage.model
            case By.USER:
                return self._user(usage)
            case By.TENANT:
                return ""

    def _user(self, usage: UsageRecord) -> str:
        found = self._scratch.user_of(digest_of(usage.tenant_id, usage.request_id))
        if found is None:
            self.strange_requests += 1
            return NOT_KNOWN
        return NO_USER if found[0] is None else NAMED + found[0]
