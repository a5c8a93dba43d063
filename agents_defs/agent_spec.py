"""AgentSpec: how one version of an agent is built, and the limits it runs under."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agents import Agent


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
    model_tier: str = "standard"  # small, standard or large: the provider maps it to a model
    call_timeout_s: float = 60.0  # of one model call
    tool_timeout_s: float = 30.0  # of one tool call, where the tool sets none

    @property
    def reference(self) -> str:
        return f"{self.name}@{self.version}"
