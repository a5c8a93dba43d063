"""AgentRequest: what a producer asks for; the value of the requests topic."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema

from schemas.fields import AgentRef, Count, Flag, Identifier, Positive, RequestId, TenantId
from schemas.money import Usd
from schemas.record import WireRecord
from schemas.times import At


class Priority(StrEnum):
    INTERACTIVE = "interactive"
    STANDARD = "standard"
    BATCH = "batch"


class OverLimit(StrEnum):
    """What to do with a request that a full window cannot take now."""

    REFUSE = "refuse"
    WAIT = "wait"


def _validate_input(value: object) -> object:
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise ValueError("must be a string or a list of input items")
    for position, item in enumerate(value):
        if not isinstance(item, dict):
            raise ValueError(f"must hold JSON objects only; item {position} is none")
    return value


# The items stay plain: they belong to the model's API, which grows faster than any copy of it here.
Input = Annotated[
    str | list[dict[str, Any]],
    PlainValidator(_validate_input),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "object"}}]}),
]


MOST_METADATA = 16


def _few(value: object) -> object:
    """Said once, before each of a hundred thousand entries is looked at."""
    if isinstance(value, dict) and len(value) > MOST_METADATA:
        raise ValueError(f"must have at most {MOST_METADATA} entries")
    return value


class Parent(WireRecord):
    """The request on whose behalf an agent asked; honoured only where Penstock wrote it."""

    request_id: RequestId
    depth: Count
    """How many requests stand above this one."""
    path: Annotated[tuple[str, ...], Field(max_length=64)] = ()
    """The agents above this one, from the first to the one that asked."""


class AgentRequest(WireRecord):
    request_id: RequestId
    """Chosen by the producer: the idempotency key within the tenant."""
    tenant_id: TenantId
    """Equals the record's key."""
    agent: AgentRef
    """A registered agent, `support`, or one version of it, `support@3`."""
    input: Input
    """A text, or a list of Responses-API input items."""
    session_id: Identifier | None = None
    """The conversation: its requests share memory and run one at a time, in order."""
    user_id: Identifier | None = None
    """The end user, for audit and for limits per user."""
    stream: Flag = False
    """Whether deltas are published."""
    priority: Priority = Priority.STANDARD
    """At most what the plan allows; never reorders a session."""
    deadline: At | None = None
    """Past it the outcome is `expired`; judged when the outcome is decided."""
    not_before: At | None = None
    """Run no earlier than this."""
    over_limit: OverLimit | None = None
    """What to do when a window is full; absent: as the plan says."""
    model: Identifier | None = None
    """Only models that the plan allows."""
    max_turns: Positive | None = None
    """Hard cap of model turns for this run."""
    max_cost_usd: Usd | None = None
    """Hard cap of what this run may cost."""
    metadata: Annotated[dict[str, str], Field(max_length=MOST_METADATA), BeforeValidator(_few)] = Field(
        default_factory=dict
    )
    """Echoed in the response and put on the trace."""
    parent: Parent | None = None
    """Set by Penstock where an agent asks another through the stream."""
    created_at: At | None = None
    """The producer's clock."""

    @property
    def agent_name(self) -> str:
        return self.agent.partition("@")[0]

    @property
    def agent_pin(self) -> int | None:
        """The version that the producer asked for, if any."""
        pin = self.agent.partition("@")[2]
        return int(pin) if pin else None
