"""AgentResponse: the one terminal record of a request; the value of the responses topic."""

from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from typing import Any, Self

from pydantic import Field

from schemas.failures import Code, Stage, failure
from schemas.fields import Count, Flag, Milliseconds
from schemas.money import Usd
from schemas.record import WireRecord
from schemas.text import Prose
from schemas.times import At


class Status(StrEnum):
    """How a request ended; all five are terminal."""

    COMPLETED = "completed"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Memory(StrEnum):
    """What became of the conversation's memory: there was none, it was kept, or it was lost."""

    NONE = "none"
    KEPT = "kept"
    LOST = "lost"


class Source(WireRecord):
    """Where the request stood."""

    topic: str
    partition: Count
    offset: Count


class ResponseError(WireRecord):
    code: str
    """One of the codes of the failure table; a newer writer may know more of them."""
    message: Prose
    """What happened and what can be done about it."""
    retriable: Flag
    """Whether sending it again, under a new request_id, may succeed."""
    retry_after_ms: Milliseconds | None = None
    stage: Stage

    @classmethod
    def of(
        cls,
        code: Code,
        message: str | None = None,
        *,
        retry_after_ms: int | None = None,
        retriable: bool | None = None,
    ) -> Self:
        """The row of the failure table, said more closely where the caller knows more."""
        row = failure(code)
        return cls(
            code=code.value,
            message=message or row.sentence,
            retriable=row.retriable if retriable is None else retriable,
            retry_after_ms=retry_after_ms,
            stage=row.stage,
        )


class UsageTotals(WireRecord):
    """The sum over all paid model calls of the request."""

    model_calls: Count = 0
    input_tokens: Count = 0
    cached_tokens: Count = 0
    """Part of input_tokens."""
    output_tokens: Count = 0
    reasoning_tokens: Count = 0
    """Part of output_tokens."""
    cost_usd: Usd = Decimal(0)


class RunSpan(WireRecord):
    """One stretch during which the request ran; a parked one has several."""

    start: At
    end: At


class AgentResponse(WireRecord):
    response_id: str
    """Derived from tenant_id, request_id and generation."""
    generation: Count = 0
    """0; an operator's replay opens the next."""
    request_id: str
    request_sha256: str
    """Of the request's canonical JSON (RFC 8785) without created_at."""
    tenant_id: str
    agent: str | None = None
    agent_version: int | None = None
    session_id: str | None = None
    status: Status
    output: Any = None
    """A text, or JSON where the agent has an output type."""
    error: ResponseError | None = None
    usage: UsageTotals = Field(default_factory=UsageTotals)
    models: tuple[str, ...] = ()
    """The models that answered, in order of their first call."""
    last_agent: str | None = None
    turns: Count = 0
    attempts: Count = 0
    degraded: Flag = False
    """A fallback answered."""
    cached: Flag = False
    memory: Memory = Memory.NONE
    admitted_at: At | None = None
    started_at: At | None = None
    finished_at: At
    queued_ms: Milliseconds | None = None
    run_ms: Milliseconds | None = None
    runs: tuple[RunSpan, ...] = ()
    """Start and end of each run of this request."""
    metadata: dict[str, str] = Field(default_factory=dict)
    trace_id: str | None = None
    source: Source


def response_id(tenant_id: str, request_id: str, generation: int) -> str:
    """The same for the same outcome on every worker. A length stands before each part: none can run over."""
    tenant, request = tenant_id.encode(), request_id.encode()
    parts = b"%d:%b%d:%b%d" % (len(tenant), tenant, len(request), request, generation)
    return "resp_" + sha256(parts).hexdigest()[:32]
