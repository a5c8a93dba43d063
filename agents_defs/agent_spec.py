"""AgentSpec: how one version of an agent is built, and the limits it runs under."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from agents_defs.memory.memory_spec import BY_DEFAULT, MemorySpec

if TYPE_CHECKING:
    from agents import Agent

OnUnknownCall = Literal["retry", "fail"]


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """How one version of an agent is built, and the limits it runs under."""

    name: str
    version: int
    build: Callable[[], Agent[Any]]  # a new graph each time: the agent and all that it can hand off to
    description: str = ""
    output_type: Any = None  # None: text
    timeout_s: float = 120.0  # of the whole run
    warn_after_s: float = 30.0  # of the run, and of each model call
    max_turns: int = 10
    max_cost_usd: Decimal | None = None  # of one run; a request can only lower it. None: no cap of the agent
    max_runs: int | None = None  # of this agent at once, over all workers and tenants; None: any number
    model_tier: str = "standard"  # small, standard or large: the provider maps it to a model
    call_timeout_s: float = 60.0  # of one model call
    tool_timeout_s: float = 30.0  # of one tool call, where the tool sets none
    on_unknown_call: OnUnknownCall = "retry"  # what to do about a model call in flight at a crash
    approval_valid_s: float = 7 * 86_400.0  # how long a tool call waits for a person's decision
    fallback_models: tuple[str, ...] = ()  # asked in this order when the model is unavailable
    output_tokens: int = 1000  # what an answer is thought to have at most, where nothing bounds it
    canned_answer: str | None = None  # where no model answers; JSON text with an output type
    guardrails: tuple[Any, ...] = ()  # Guards (guardrails/guard.py): of what is asked, and of any answer
    memory: MemorySpec = BY_DEFAULT  # of conversations and of facts about users
    sandboxed: bool = False  # its computer, shell and patch tools act in a sandbox, not on the worker

    @property
    def reference(self) -> str:
        return f"{self.name}@{self.version}"
