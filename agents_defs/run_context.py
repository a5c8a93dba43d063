"""What tools, guardrails and instructions of an agent learn about the run they work for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RunContext:
    """Reaches a tool as `RunContextWrapper[RunContext].context`. Scope every data access by `tenant_id`."""

    run_id: str
    request_id: str
    tenant_id: str
    user_id: str | None
    agent: str  # as ordered: "support@1"
    attempt: int
    metadata: Mapping[str, str]
