"""TenantPlan: what a tenant may do and how much of it; the value of the compacted tenants topic."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from schemas.fields import Count, Flag, Positive, Share, TenantId
from schemas.money import USD_PATTERN, Usd, format_usd, parse_usd
from schemas.record import WireRecord
from schemas.requests import OverLimit, Priority


class Measure(StrEnum):
    """What a limit counts; tokens are input and output, cached and reasoning included."""

    REQUESTS = "requests"
    TOKENS = "tokens"
    COST_USD = "cost_usd"


class Period(StrEnum):
    SECOND = "second"
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"

    @property
    def seconds(self) -> int:
        return _SECONDS[self]


_SECONDS = {Period.SECOND: 1, Period.MINUTE: 60, Period.HOUR: 3600, Period.DAY: 86400}


def _write_amount(amount: int | Decimal) -> int | str:
    return format_usd(amount) if isinstance(amount, Decimal) else amount


Amount = Annotated[
    int | Decimal,
    PlainSerializer(_write_amount, when_used="json"),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": USD_PATTERN}]}
    ),
]


class Limit(WireRecord):
    """At most `limit` of `what` in any sliding window of one `per`."""

    what: Measure
    per: Period
    limit: Amount
    """A whole number; for cost_usd a decimal string."""
    agent: str | None = None
    """Only requests to this agent count."""
    each_user: Flag = False
    """Each user of the tenant has the limit for itself."""

    @model_validator(mode="before")
    @classmethod
    def _type_of_amount(cls, data: Any) -> Any:
        if not isinstance(data, dict) or "limit" not in data or "what" not in data:
            return data
        return {**data, "limit": _read_amount(data["what"], data["limit"])}


def _read_amount(what: object, amount: object) -> int | Decimal:
    whole = isinstance(amount, int) and not isinstance(amount, bool)
    if what == Measure.COST_USD:
        if isinstance(amount, str):
            return parse_usd(amount)
        if whole or (isinstance(amount, Decimal) and amount.is_finite()):
            amount = Decimal(amount)  # type: ignore[arg-type]  # int or Decimal, as the line above found
    elif not whole:
        raise ValueError(f"limit: a limit of {what} is a whole number")
    if not isinstance(amount, int | Decimal) or amount < 0:
        raise ValueError('limit: must be at least 0; a limit of cost_usd is a decimal string such as "0.25"')
    return amount


class Concurrency(WireRecord):
    """Runs of the tenant under way at once, over all workers; an absent figure is no cap."""

    runs: Count | None = None
    """Of all agents together."""
    agents: dict[str, Count] = Field(default_factory=dict)
    """By the agent's name, all its versions together."""
    models: dict[str, Count] = Field(default_factory=dict)
    """By the model that the request names, or that its agent asks first."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.runs is None and not self.agents and not self.models:
            raise ValueError("must say how many there may be of runs, agents or models")
        return self


NOT_THE_SAME_EVERYWHERE = frozenset(("localtime", "posixrules", "Factory"))


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError("must be an IANA time zone such as Europe/Berlin") from error
    if name in NOT_THE_SAME_EVERYWHERE or name.startswith(("right/", "posix/")):
        raise ValueError("must be an IANA time zone that is the same everywhere, such as Europe/Berlin")
    return name


class Quota(WireRecord):
    """Per calendar month of `time_zone`; an absent figure is no bound."""

    runs: Count | None = None
    tokens: Count | None = None
    cost_usd: Usd | None = None
    time_zone: Annotated[str, AfterValidator(_known_zone)] = "UTC"
    overdraft: Share = 0.0
    """The share of each figure that may be used beyond it: 0.1 allows a tenth more."""


class Cache(WireRecord):
    """Present: equal requests of this tenant may be answered from earlier answers."""

    ttl_s: Positive = 3600


class Routing(WireRecord):
    """Which model answers where the request names none."""

    ladder: tuple[str, ...] = ()
    """Models in order of preference; the later ones are fallbacks."""
    downgrade_at: Share | None = None
    """The used share of the month's cost from which the first model of the ladder is skipped."""


class PersonalData(StrEnum):
    EMAIL = "EMAIL"
    PHONE = "PHONE"
    IBAN = "IBAN"
    CREDIT_CARD = "CREDIT_CARD"
    SSN = "SSN"
    NATIONAL_ID = "NATIONAL_ID"


class Redaction(WireRecord):
    """What is taken out of all that a model is told; the requester and tools get it as it was."""

    kinds: Annotated[tuple[PersonalData, ...], Field(min_length=1)] = tuple(PersonalData)


class Privacy(WireRecord):
    retention_days: Positive | None = None
    """How long sessions and journals of the tenant are kept; absent: as the deployment says."""
    redaction: Flag | Redaction = False
    """No model is told personal data: it gets placeholders, and they are put back into what it says.

    true: all kinds."""
    tracing: Flag = True
    """Inputs and outputs may go to the trace exporter."""

    @property
    def redacted(self) -> tuple[PersonalData, ...] | None:
        """The kinds of personal data that no model is told; None: all is told."""
        if isinstance(self.redaction, Redaction):
            return self.redaction.kinds
        return tuple(PersonalData) if self.redaction else None


class TenantPlan(WireRecord):
    """One per tenant, read whole by every worker; a tombstone returns the tenant to its tier's default."""

    keeps_unset: ClassVar[bool] = True

    tenant_id: TenantId
    tier: str = Field(default="free", min_length=1, max_length=64)
    """free, pro, enterprise, or one of your own."""
    paused: Flag = False
    weight: float = Field(default=1, strict=True, gt=0, le=1000, allow_inf_nan=False)
    """The tenant's share of a full worker, relative to the others'."""
    over_limit: OverLimit = OverLimit.REFUSE
    max_priority: Priority = Priority.INTERACTIVE
    agents: tuple[str, ...] | None = None
    """Absent: all; as with the three lists below."""
    models: tuple[str, ...] | None = None
    tools: tuple[str, ...] | None = None
    mcp_servers: tuple[str, ...] | None = None
    max_input_bytes: Positive | None = None
    max_output_tokens: Positive | None = None
    """Per model call."""
    limits: tuple[Limit, ...] = ()
    concurrency: Concurrency | None = None
    quota: Quota | None = None
    cache: Cache | None = None
    routing: Routing | None = None
    approvers: tuple[str, ...] | None = None
    """Who may approve; absent: whoever has the role."""
    privacy: Privacy = Field(default_factory=Privacy)
    secrets: dict[str, str] = Field(default_factory=dict)
    """Name to reference, never a secret itself."""

    def within(self, tier: Self) -> Self:
        """This plan, with what it leaves out taken from its tier's default plan."""
        return tier.model_copy(update={name: getattr(self, name) for name in self.model_fields_set})
