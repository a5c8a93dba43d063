"""Listener: collects what a run tells while it runs."""

from dataclasses import dataclass
from typing import Any

from agents_defs.run_order import DeltaKind, ModelCall, SlowNotice, TripNotice
from streams.deltas import DeltaFeed
from streams.observations import CallPaid, GuardrailTripped, Observer, RunSlow
from streams.ports import DeltaSink


@dataclass(slots=True)
class Listener:
    """Collects what a run tells: paid calls, deltas, warnings."""

    agent: str
    observer: Observer
    sink: DeltaSink
    feed: DeltaFeed | None
    calls: list[ModelCall]

    def on_call(self, call: ModelCall) -> None:
        """A model call was made."""
        self.calls.append(call)
        self.observer.observe(CallPaid(call))

    def on_delta(self, kind: DeltaKind, data: dict[str, Any], turn: int, at_char: int) -> None:
        """The run said something. That it asks people is said when it is parked, not before."""
        if self.feed is not None and kind != "approval_required":
            self.feed.add(kind, data, turn, at_char)
            self.sink.touch(self.feed)

    def on_slow(self, notice: SlowNotice) -> None:
        """Something takes long."""
        self.observer.observe(RunSlow(self.agent, notice))

    def on_trip(self, notice: TripNotice) -> None:
        """A guardrail stopped something."""
        self.observer.observe(GuardrailTripped(self.agent, notice))
