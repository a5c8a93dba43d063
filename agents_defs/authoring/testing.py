"""Runs an agent in a test: no Kafka, no network, on the offline model or on a scripted one."""

from __future__ import annotations

from typing import Any

from agents import Model

from agents_defs.agent_spec import AgentSpec
from agents_defs.authoring.trial_journal import TrialJournal
from agents_defs.model_access import FixedAccess
from agents_defs.offline_model import OfflineModel
from agents_defs.registry import Registry
from agents_defs.run_order import DeltaKind, ModelCall, RunOrder, RunResult, SlowNotice, TripNotice
from agents_defs.runner import AgentRunner


class Unheard:
    """Nobody is told what happens."""

    def on_call(self, call: ModelCall) -> None:
        """It stands in the result, too."""

    def on_delta(self, kind: DeltaKind, data: dict[str, Any], turn: int, at_char: int) -> None:
        """Nobody watches."""

    def on_slow(self, notice: SlowNotice) -> None:
        """Nobody waits."""

    def on_trip(self, notice: TripNotice) -> None:
        """The run ends with a failure that says so."""


async def answer_of(spec: AgentSpec, question: str, model: Model | None = None, **order: Any) -> RunResult:
    """What the agent answers, and all that came of the question. Raises RunFailure as a run does.

    `model`: None is the offline model. `order`: other fields of the RunOrder, as tenant_id and session_items.
    """
    fields = {
        "run_id": "test",
        "request_id": "test",
        "tenant_id": "test",
        "timeout_s": spec.timeout_s,
        **order,
    }
    runner = AgentRunner(Registry([spec]), FixedAccess(model or OfflineModel()))
    return await runner.run(RunOrder(spec=spec, input=question, journal=TrialJournal(), **fields), Unheard())
