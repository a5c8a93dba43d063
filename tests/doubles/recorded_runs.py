"""Runs agents on scripted models and keeps all that they tell."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from agents import Agent, Model

from agents_defs.model_access import FixedAccess
from agents_defs.recovery import Recovery
from agents_defs.registry import AgentSpec, Registry
from agents_defs.retry_policy import RetryRules
from agents_defs.run_order import DeltaKind, ModelCall, RunOrder, RunResult, SlowNotice, TripNotice
from agents_defs.runner import AgentRunner

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@dataclass
class Recorder:
    """A listener that keeps everything."""

    calls: list[ModelCall] = field(default_factory=list)
    deltas: list[tuple[DeltaKind, dict[str, Any], int, int]] = field(default_factory=list)
    slow: list[SlowNotice] = field(default_factory=list)
    trips: list[TripNotice] = field(default_factory=list)

    def on_call(self, call: ModelCall) -> None:
        self.calls.append(call)

    def on_delta(self, kind: DeltaKind, data: dict[str, Any], turn: int, at_char: int) -> None:
        self.deltas.append((kind, data, turn, at_char))

    def on_slow(self, notice: SlowNotice) -> None:
        self.slow.append(notice)

    def on_trip(self, notice: TripNotice) -> None:
        self.trips.append(notice)

    def told(self, *kinds: DeltaKind) -> list[tuple[DeltaKind, dict[str, Any]]]:
        return [(kind, data) for kind, data, _, _ in self.deltas if kind in kinds]

    def text_of_last_turn(self) -> str:
        """As a reader of the deltas puts it together."""
        texts = [(turn, at_char, data["text"]) for kind, data, turn, at_char in self.deltas if kind == "text"]
        assembled = ""
        for turn, at_char, text in texts:
            if turn == texts[-1][0]:
                assert at_char == len(assembled)
                assembled += text
        return assembled


def order_for(spec: AgentSpec, asked: str | list[dict[str, Any]] = "hello", **changes: Any) -> RunOrder:
    """An order with nothing special about it."""
    values: dict[str, Any] = {
        "run_id": "run-1",
        "tenant_id": "acme",
        "request_id": "req-1",
        "spec": spec,
        "input": asked,
        "timeout_s": 30.0,
    }
    return RunOrder(**{**values, **changes})


def spec_of(build: Any, **changes: Any) -> AgentSpec:
    return AgentSpec(name="tested", version=1, build=build, **changes)


def one_try() -> Recovery:
    """A failed call is not made again."""
    return Recovery(retries=RetryRules(tries=1))


def runner_on(model: Model, recovery: Recovery | None = None) -> AgentRunner:
    return AgentRunner(Registry(), FixedAccess(model), recovery=recovery or one_try())


async def run_agent(agent: Any, model: Model, recorder: Recorder | None = None, **changes: Any) -> RunResult:
    """One run of the agent that `agent()` builds. Fields of the spec change that, others the order."""
    limits = {name: changes.pop(name) for name in tuple(changes) if name in AgentSpec.__dataclass_fields__}
    if "timeout_s" in limits:
        changes["timeout_s"] = limits.pop("timeout_s")
    if "max_turns" in limits:
        changes["max_turns"] = limits.pop("max_turns")
    spec = spec_of(agent, **limits)
    return await runner_on(model).run(order_for(spec, **changes), recorder or Recorder())


def plain_agent(**changes: Any) -> Agent[Any]:
    return Agent(name="plain", instructions="Answer.", **changes)
