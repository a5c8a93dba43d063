"""The wire contract: every record that crosses Kafka."""

from schemas.audit import AuditRecord
from schemas.control import Command, ControlCommand
from schemas.dead_letters import DeadLetter, DeadLetterSource, Original, OriginalHeader
from schemas.deltas import Delta, DeltaKind
from schemas.failures import Code, Stage
from schemas.metrics import MetricsRecord, Percentiles, StatusCounts
from schemas.releases import Release, RollbackWhen, Shadow, VersionShare
from schemas.requests import AgentRequest, OverLimit, Parent, Priority
from schemas.responses import AgentResponse, Memory, ResponseError, RunSpan, Source, Status, UsageTotals
from schemas.tenants import Cache, Concurrency, Limit, Measure, Period, Privacy, Quota, Routing, TenantPlan
from schemas.usage import Purpose, UsageRecord, UsageState

__all__ = [
    "AgentRequest",
    "AgentResponse",
    "AuditRecord",
    "Cache",
    "Code",
    "Command",
    "Concurrency",
    "ControlCommand",
    "DeadLetter",
    "DeadLetterSource",
    "Delta",
    "DeltaKind",
    "Limit",
    "Measure",
    "Memory",
    "MetricsRecord",
    "Original",
    "OriginalHeader",
    "OverLimit",
    "Parent",
    "Percentiles",
    "Period",
    "Priority",
    "Privacy",
    "Purpose",
    "Quota",
    "Release",
    "ResponseError",
    "RollbackWhen",
    "Routing",
    "RunSpan",
    "Shadow",
    "Source",
    "Stage",
    "Status",
    "StatusCounts",
    "TenantPlan",
    "UsageRecord",
    "UsageState",
    "UsageTotals",
    "VersionShare",
]
