"""What one run of an agent takes in, tells while it runs, and gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, Protocol

from agents_defs.questions import DEEPEST
from schemas.money import format_usd

if TYPE_CHECKING:
    from agents_defs.agent_spec import AgentSpec
    from agents_defs.questions import AskedAs, Reply
    from agents_defs.run_journal import Decision, RunJournal

Purpose = Literal["agent", "guardrail", "compaction", "judge", "shadow"]
CallState = Literal["settled", "unknown"]
DeltaKind = Literal["text", "reasoning", "tool_called", "tool_returned", "agent_changed", "approval_required"]


@dataclass(frozen=True, slots=True)
class RunOrder:
    """One run to do. `timeout_s` is what is left until the deadline, already at most `spec.timeout_s`."""

    run_id: str
    tenant_id: str
    request_id: str
    spec: AgentSpec
    input: str | list[dict[str, Any]]
    timeout_s: float
    user_id: str | None = None
    session_items: Sequence[dict[str, Any]] = ()  # the conversation so far, oldest first
    stream: bool = False
    model: str | None = None  # None: the provider's model of the spec's tier
    max_turns: int | None = None  # at most this many, and at most the spec's
    max_cost_usd: Decimal | None = None  # no further model call once this much is spent
    attempt: int = 1
    metadata: Mapping[str, str] = field(default_factory=dict)
    trace_id: str | None = None
    journal: RunJournal | None = None  # None: nothing is recorded (somebody tries an agent out)
    paid: Sequence[ModelCall] = ()  # by earlier attempts: they count for the caps and stand in the result
    turns_out: int = 0  # deltas of turns below this were published by earlier attempts
    decisions: Mapping[str, Decision] = field(default_factory=dict)  # by approval id
    allowance: MayUse | None = None  # None: nothing that it uses is limited
    max_output_tokens: int | None = None  # of each model call
    tools: tuple[str, ...] | None = None  # that the tenant's plan allows; None: all
    mcp_servers: tuple[str, ...] | None = None
    redaction: tuple[str, ...] | None = (
        None  # kinds of personal data that no model is told; None: all is told
    )
    secrets: Mapping[str, str] = field(default_factory=dict)  # references to keys that its tenant brings
    replies: Mapping[AskedAs, Reply] = field(default_factory=dict)  # of agents that it asked
    lineage: tuple[str, ...] = ()  # the agents that wait for this one, the first one first
    deepest: int = DEEPEST  # how many may wait for each other

    @property
    def cost_cap(self) -> Decimal | None:
        """What the run may cost at most, in USD: a request can only lower what the agent says."""
        caps = [cap for cap in (self.max_cost_usd, self.spec.max_cost_usd) if cap is not None]
        return min(caps, default=None)


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One paid model call. `state` is `unknown` when it was cut off: then the token counts are estimates."""

    call_id: str  # "<run_id>/<path>m<ordinal>.<attempt>[-<try>]", also sent to the provider
    model: str
    agent: str  # the agent that asked, which after a hand-off is not the one that was ordered
    purpose: Purpose
    state: CallState
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    reasoning_tokens: int
    cost_usd: Decimal | None  # None: nobody knows this model's price
    price_source: str  # "genai-prices/<version>", "offline" or "unknown"
    started: float  # monotonic seconds
    finished: float

    @property
    def cost_text(self) -> str:
        """The cost as it goes on the wire: a decimal string, "0" where no price is known."""
        return "0" if self.cost_usd is None else format_usd(self.cost_usd)


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a model call may use at most, as far as that can be told before it is sent."""

    tokens: int
    cost_usd: Decimal | None  # None: nobody knows this model's price


@dataclass(frozen=True, slots=True)
class ToolLists:
    """What a plan lists of tools and of MCP servers. None: all."""

    tools: tuple[str, ...] | None = None
    mcp_servers: tuple[str, ...] | None = None


ALL_TOOLS = ToolLists()


class MayUse(Protocol):
    """Asked before each model call."""

    async def __call__(self, wanted: Foreseen, used: Foreseen) -> None:
        """`wanted`: all that the run used and is about to use. Raises RunFailure or RunStopped."""
        ...


@dataclass(frozen=True, slots=True)
class SlowNotice:
    """Something that still runs after `warn_after_s`. Told once for each call and once for the run."""

    what: Literal["model_call", "run"]
    agent: str
    threshold_s: float
    call_id: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class TripNotice:
    """A guardrail tripped. For operators only: who asked is told that it was one, and not which."""

    guardrail: str
    side: str  # input, output, tool_arguments or tool_result
    agent: str
    reasons: tuple[str, ...] = ()  # "injection: override (0.97)": kinds and scores, no word of the text


class RunListener(Protocol):
    """Told what happens during a run. Called on the event loop: be quick, do not raise."""

    def on_call(self, call: ModelCall) -> None: ...

    def on_delta(self, kind: DeltaKind, data: dict[str, Any], turn: int, at_char: int) -> None: ...

    def on_slow(self, notice: SlowNotice) -> None: ...

    def on_trip(self, notice: TripNotice) -> None: ...


@dataclass(slots=True)
class RunResult:
    """What a finished run gives back. `output` is text, or JSON-able where the agent has an output type."""

    output: Any
    last_agent: str
    turns: int
    models: tuple[str, ...]
    new_items: list[dict[str, Any]]  # the input and all that came of it: what the session's memory appends
    calls: tuple[ModelCall, ...]
    degraded: bool = False  # a fallback answered
    anew: bool = False  # `new_items` stand for all that was said before, too
