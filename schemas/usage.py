"""UsageRecord: one paid model call; the value of the usage topic, the books."""

from enum import StrEnum

from schemas.fields import Count
from schemas.money import Usd
from schemas.record import WireRecord
from schemas.times import At


class Purpose(StrEnum):
    AGENT = "agent"
    GUARDRAIL = "guardrail"
    COMPACTION = "compaction"
    JUDGE = "judge"
    SHADOW = "shadow"


class UsageState(StrEnum):
    """`unknown`: in flight at a crash, so its figures are estimated."""

    SETTLED = "settled"
    UNKNOWN = "unknown"


class UsageRecord(WireRecord):
    call_id: str
    """Run, journal path, ordinal and try; the provider saw it as X-Client-Request-Id."""
    request_id: str
    tenant_id: str
    agent: str
    model: str
    purpose: Purpose
    state: UsageState
    input_tokens: Count
    cached_tokens: Count = 0
    """Part of input_tokens."""
    output_tokens: Count
    reasoning_tokens: Count = 0
    """Part of output_tokens."""
    cost_usd: Usd
    price_source: str
    """Where the price came from."""
    at: At
