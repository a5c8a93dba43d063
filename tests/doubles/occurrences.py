"""One occurrence of each kind, as a worker that is asked 1 request reports them."""

from decimal import Decimal
from typing import Any

from agents_defs.run_order import ModelCall, SlowNotice, TripNotice
from schemas.failures import Code
from streams.observations import (
    BatchPublished,
    CallPaid,
    CommandDistrusted,
    DriftSeen,
    DuplicateSeen,
    Fault,
    GuardrailTripped,
    KeysRead,
    KeysUnread,
    LedgerRead,
    LimitRefused,
    Occurrence,
    OutcomeSealed,
    OwnershipChanged,
    ParkedUnreadable,
    PlanPassedOver,
    PlansRead,
    PlansUnread,
    PublishRetried,
    RecordRejected,
    RecordsSkipped,
    RequestDone,
    RequestParked,
    RunEnded,
    RunSlow,
    RunStarted,
    StoreAway,
)


def model_call(**changes: Any) -> ModelCall:
    """A paid call; `changes` replace its fields."""
    fields: dict[str, Any] = {
        "call_id": "acme/r-1/0.1/m1.1",
        "model": "gpt-5.4-mini",
        "agent": "Triage",
        "purpose": "agent",
        "state": "settled",
        "input_tokens": 120,
        "cached_tokens": 20,
        "output_tokens": 30,
        "reasoning_tokens": 5,
        "cost_usd": Decimal("0.0015"),
        "price_source": "genai-prices/1",
        "started": 10.0,
        "finished": 10.4,
    }
    return ModelCall(**(fields | changes))


ONE_RUN: tuple[Occurrence, ...] = (
    RunStarted("support", queued_s=0.002),
    CallPaid(model_call()),
    RunEnded("support", "completed", run_s=0.41),
    BatchPublished(parcels=3, records=7, seconds=0.006),
    RequestDone("support", "completed", None, dead_letter=False),
)
EVERY_KIND: tuple[Occurrence, ...] = (
    *ONE_RUN,
    RecordRejected(Code.UNDECODABLE, partition=3, offset=41),
    LimitRefused("acme", Code.LIMIT_REQUESTS),
    DuplicateSeen("acme", conflict=False),
    RunSlow("support", SlowNotice("run", "support", 30.0)),
    GuardrailTripped("support", TripNotice("injection", "input", "support", ("injection: override (0.97)",))),
    StoreAway("admission", back=False, reason="ConnectionError: refused"),
    OutcomeSealed("acme", "r-1", "it is sealed with the key 00ff, which is not there: add it"),
    OwnershipChanged((0, 1, 2), gained=(2,), lost=()),
    RequestParked("support", "approval"),
    ParkedUnreadable(partition=2, records=3, first_offset=17),
    RecordsSkipped(partition=2, offset=128),
    LedgerRead(partition=2, records=500, seconds=0.3),
    PlansRead(plans=10_000, seconds=0.4),
    PlanPassedOver("acme", Code.INVALID_FIELD, "paused: must be true or false"),
    PlansUnread("KafkaConnectionError()"),
    CommandDistrusted("acme", "pause", "the record has no signature"),
    KeysRead(keys=3, active=2),
    KeysUnread("keys.json: it is no JSON"),
    PublishRetried(parcels=4, reason="KafkaTimeoutError()"),
    DriftSeen("acme", "tokens", "month", "", more=-80),
    Fault("execution", "ValueError('boom')"),
)
