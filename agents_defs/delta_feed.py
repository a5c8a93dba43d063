"""Tells a listener what a streamed run says and does, as it happens."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agents.items import TResponseStreamEvent

    from agents_defs.run_order import RunListener

SUMMARY_CHARS = 200
_REASONING = {"response.reasoning_summary_text.delta", "response.reasoning_text.delta"}


class DeltaFeed:
    """Numbers the model turns of one run, and counts the characters of each turn's text.

    Turns below `turns_out` were told by an earlier attempt: of these nothing is told again.
    """

    def __init__(self, listener: RunListener, turns_out: int = 0, *, withhold: bool = False) -> None:
        self._listener = listener
        self._turns_out = turns_out
        self.said = False  # whether a reader was told a part of what the model says in this turn
        self._turn = -1
        self._agent: str | None = None
        self._chars = 0
        self._texts: list[str] = []  # of the current turn
        self._withhold = withhold  # texts are told when the run has its answer, and only that
        self._held: list[str] = []

    def turn_started(self, agent: str) -> None:
        """A model turn begins; the first turn of another agent tells of the hand-off."""
        self._turn += 1
        self._chars = 0
        self._texts = []
        self._held = []
        self.said = False
        self.passed_on(agent)

    def passed_on(self, agent: str) -> None:
        """The run goes on with this agent; what it says may not be for readers."""
        if self._agent is not None and self._agent != agent:
            self._tell("agent_changed", {"from": self._agent, "to": agent})
        self._agent = agent

    def model_said(self, event: TResponseStreamEvent) -> None:
        if event.type == "response.output_text.delta":
            self._text(event.delta)
        elif self.is_reasoning(event):
            self.thought(event.delta)  # type: ignore[union-attr, arg-type]  # `type` tells which event it is

    @staticmethod
    def is_reasoning(event: TResponseStreamEvent) -> bool:
        """Whether the model thinks aloud."""
        return event.type in _REASONING

    def thought(self, text: str) -> None:
        """A part of what it thinks."""
        if text and not self._withhold:
            self._tell("reasoning", {"text": text})
            self.said = True

    def whole(self, text: str) -> None:
        """A text that is not told by events: it is recorded, nobody's, or not as the model said it."""
        self._text(text)

    def tool_called(self, name: str, call_id: str, arguments: str) -> None:
        self._tell("tool_called", {"name": name, "call_id": call_id, "arguments": _parsed(arguments)})

    def tool_returned(self, call_id: str, ok: bool, output: Any) -> None:
        text = output if isinstance(output, str) else json.dumps(output, default=str, ensure_ascii=False)
        self._tell("tool_returned", {"call_id": call_id, "ok": ok, "summary": text[:SUMMARY_CHARS]})

    def approval_required(self, data: dict[str, Any]) -> None:
        self._tell("approval_required", data)

    def finished(self, output: Any) -> None:
        """Makes the text of the last turn equal to the output, whatever made the output.

        They differ where a tool's result ends the run, or where the model's last turn has several messages.
        """
        self._withhold, held = False, "".join(self._held)
        if held and (not isinstance(output, str) or held == output):
            self._text(held)
        if not isinstance(output, str) or "".join(self._texts) == output:
            return
        if self._chars:
            self._turn += 1
            self._chars = 0
        self._text(output)

    def _text(self, text: str) -> None:
        if text and self._withhold:
            self._held.append(text)
        elif text:
            self._tell("text", {"text": text})
            self.said = True
            self._texts.append(text)
            self._chars += len(text)

    def _tell(self, kind: Any, data: dict[str, Any]) -> None:
        if self._turn >= self._turns_out:
            self._listener.on_delta(kind, data, self._turn, self._chars)


def _parsed(arguments: str) -> Any:
    """The model's JSON, or its own text where that is no JSON."""
    try:
        return json.loads(arguments) if arguments else {}
    except ValueError:
        return arguments
