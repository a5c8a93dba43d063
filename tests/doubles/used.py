"""Usage records, requests, responses and plans as `penstock usage` reads them."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson

from app.client.record_filter import Raw
from app.operators.quota_rebuild import QuotaRebuild
from app.operators.scratch import Scratch
from app.operators.terms_in_force import TermsInForce
from app.operators.usage_report import Question, UsageReport, Zones
from schemas.codec import encode
from schemas.responses import AgentResponse, Source, Status
from schemas.usage import Purpose, UsageRecord, UsageState
from streams.observations import Observers
from streams.options import LimitOptions
from streams.plans import Plans
from streams.policy.months import Month

AT = datetime(2026, 11, 21, 7, 0, tzinfo=UTC)


def usage(call_id: str, tenant_id: str = "acme", **changes: Any) -> UsageRecord:
    """A settled call of 10 + 2 tokens for a cent, of the request that the id begins with."""
    fields: dict[str, Any] = {
        "call_id": call_id,
        "request_id": call_id.partition("/")[0],
        "tenant_id": tenant_id,
        "agent": "support",
        "model": "small",
        "purpose": Purpose.AGENT,
        "state": UsageState.SETTLED,
        "input_tokens": 10,
        "cached_tokens": 4,
        "output_tokens": 2,
        "reasoning_tokens": 1,
        "cost_usd": Decimal("0.01"),
        "price_source": "list",
        "at": AT,
    }
    return UsageRecord(**(fields | changes))


def response(request_id: str, tenant_id: str = "acme", **changes: Any) -> AgentResponse:
    """Admitted and completed."""
    fields: dict[str, Any] = {
        "response_id": f"resp-{request_id}",
        "request_id": request_id,
        "request_sha256": "0" * 64,
        "tenant_id": tenant_id,
        "status": Status.COMPLETED,
        "admitted_at": AT,
        "finished_at": AT,
        "source": Source(topic="agent.requests", partition=0, offset=1),
    }
    return AgentResponse(**(fields | changes))


def raw(record: UsageRecord | AgentResponse, key: bytes | None = None) -> Raw:
    """As it is read."""
    return Raw("agent.usage", 0, 1, 0, key or record.tenant_id.encode(), encode(record), ())


def asked(request_id: str, user: str | None, tenant_id: str = "acme") -> Raw:
    """The request itself."""
    document = {"request_id": request_id, "tenant_id": tenant_id, "agent": "support", "input": "hello"}
    value = orjson.dumps(document if user is None else document | {"user_id": user})
    return Raw("agent.requests", 0, 1, 0, tenant_id.encode(), value, ())


def plans(**quotas: dict[str, Any] | None) -> TermsInForce:
    """One for each tenant named."""
    found = Plans(Observers())
    for tenant_id, quota in quotas.items():
        found.take(tenant_id.encode(), orjson.dumps({"tenant_id": tenant_id, "quota": quota}))
    return TermsInForce(LimitOptions(), found)


def report(question: Question, *records: UsageRecord, known: TermsInForce | None = None) -> UsageReport:
    """With all of them counted."""
    found = UsageReport(question, Zones(known), Scratch())
    found.add_all(map(raw, records))
    return found


def rebuild(known: TermsInForce, month: Month | None = None, *tenants: str) -> QuotaRebuild:
    """Nothing read yet."""
    return QuotaRebuild(known, frozenset(tenants), month, AT, Scratch())
