"""Outcomes as `penstock send` hears them."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson

from app.client.exchange import Heard
from app.client.outgoing import Outgoing
from schemas.codec import encode
from schemas.dead_letters import DeadLetter, DeadLetterSource, Original
from schemas.failures import Code
from schemas.responses import AgentResponse, ResponseError, Source, Status, UsageTotals

AT = datetime(2026, 11, 21, 7, 0, tzinfo=UTC)
REQUEST = Outgoing("acme", "r-1", b"{}", stream=False)


def response(**changes: Any) -> AgentResponse:
    """A completed one; `changes` replace its fields."""
    fields: dict[str, Any] = {
        "response_id": "resp_1",
        "request_id": "r-1",
        "request_sha256": "0" * 64,
        "tenant_id": "acme",
        "agent": "support",
        "agent_version": 1,
        "status": Status.COMPLETED,
        "output": "Order 7 is delivered.",
        "usage": UsageTotals(model_calls=2, input_tokens=100, output_tokens=20, cost_usd=Decimal("0.0012")),
        "models": ("gpt-5.4-mini",),
        "last_agent": "orders",
        "turns": 2,
        "attempts": 1,
        "started_at": AT,
        "finished_at": AT,
        "queued_ms": 3,
        "run_ms": 900,
        "source": Source(topic="agent.requests", partition=0, offset=1),
    }
    return AgentResponse(**{**fields, **changes})


def refused(code: Code = Code.LIMIT_REQUESTS, retry_after_ms: int | None = 12_000) -> AgentResponse:
    """One that never ran."""
    return response(
        status=Status.REFUSED,
        output=None,
        error=ResponseError.of(code, retry_after_ms=retry_after_ms),
        usage=UsageTotals(),
        models=(),
        turns=0,
        started_at=None,
        run_ms=0,
    )


def dead_letter(code: Code = Code.DUPLICATE_CONFLICT) -> DeadLetter:
    """Of the request above."""
    return DeadLetter(
        dead_letter_id="dl_1",
        code=code.value,
        stage="intake",
        retriable=False,
        message="used before",
        source=DeadLetterSource(topic="agent.requests", partition=0, offset=1),
        original=Original(),
        failed_at=AT,
    )


def heard(told: AgentResponse | DeadLetter, latency_s: float = 1.2, request: Outgoing = REQUEST) -> Heard:
    """As it came from Kafka."""
    return Heard(request, orjson.loads(encode(told)), told, latency_s)
