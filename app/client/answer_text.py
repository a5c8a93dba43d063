"""Outcomes in words: a request's answer and figures, and the sums over many."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import orjson

from app.client.durations import format_ms
from app.client.exchange import Heard
from app.terminal.screen import harmless, one_line
from schemas.dead_letters import DeadLetter
from schemas.money import format_usd
from schemas.responses import AgentResponse, Status

DEAD_LETTER = "dead_letter"


def status_of(heard: Heard) -> str:
    """The response's, or `dead_letter`."""
    return DEAD_LETTER if isinstance(heard.told, DeadLetter) else heard.told.status.value


def output_text(output: object) -> str:
    """A text as it is, anything else as JSON."""
    if isinstance(output, str):
        return harmless(output)
    return orjson.dumps(output, option=orjson.OPT_INDENT_2).decode()


def figures(heard: Heard) -> str:
    """One line: how it ended, who answered, what it took."""
    told = heard.told
    if isinstance(told, DeadLetter):
        return f"dead letter {told.dead_letter_id} · {told.stage}"
    parts = [
        told.status.value,
        _agent(told),
        ", ".join(told.models),
        _turns(told),
        _tokens(told),
        _times(heard),
    ]
    for wanted, remark in (
        (told.degraded, "a fallback answered"),
        (told.cached, "cached"),
        (told.memory == "lost", "the session's memory was lost"),
    ):
        if wanted:
            parts.append(remark)
    return one_line(" · ".join(part for part in parts if part), 400)


def problem(heard: Heard) -> str | None:
    """Why it is not `completed`, and what can be done about it."""
    told = heard.told
    if isinstance(told, DeadLetter):
        return harmless(f"{told.code}: {told.message}")
    if told.error is None:
        return None
    later = told.error.retry_after_ms
    when = "" if later is None else f" (after {format_ms(later)})"
    return harmless(f"{told.error.code}: {told.error.message}{when}")


def one_of_many(heard: Heard) -> str:
    """One line for one of many requests."""
    told = heard.told
    said = problem(heard) or output_text(None if isinstance(told, DeadLetter) else told.output)
    return f"{heard.request.name}  {status_of(heard)}  {one_line(said)}"


def as_json_line(heard: Heard) -> bytes:
    """The response as it was read; of a dead letter what a response would say."""
    told = heard.told
    if isinstance(told, AgentResponse):
        return orjson.dumps(heard.document)
    error = {"code": told.code, "message": told.message, "retriable": told.retriable, "stage": told.stage}
    return orjson.dumps(
        {
            "request_id": heard.request.request_id,
            "tenant_id": heard.request.tenant_id,
            "status": DEAD_LETTER,
            "error": error,
            "dead_letter_id": told.dead_letter_id,
        }
    )


@dataclass(slots=True)
class Tally:
    """The sums over many outcomes."""

    statuses: Counter[str] = field(default_factory=Counter)
    tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    latencies_ms: list[float] = field(default_factory=list)

    def add(self, heard: Heard) -> None:
        """Count one outcome."""
        self.statuses[status_of(heard)] += 1
        self.latencies_ms.append(heard.latency_s * 1000)
        if isinstance(heard.told, AgentResponse):
            self.tokens += heard.told.usage.input_tokens + heard.told.usage.output_tokens
            self.cost_usd += heard.told.usage.cost_usd

    @property
    def all_completed(self) -> bool:
        """Whether nothing else came back."""
        return set(self.statuses) <= {Status.COMPLETED.value}

    def line(self) -> str:
        """Counts by status, tokens, money, latencies."""
        counts = ", ".join(f"{count} {status}" for status, count in self.statuses.most_common())
        latencies = ", ".join(f"{name} {format_ms(value)}" for name, value in self.latencies().items())
        return f"{counts} · {self.tokens} tokens · ${format_usd(self.cost_usd)} · {latencies}"

    def latencies(self) -> Mapping[str, float]:
        """By rank: half of them, and 95 of 100, took no longer."""
        ordered = sorted(self.latencies_ms)
        return {
            name: ordered[min(len(ordered) - 1, int(len(ordered) * share))]
            for name, share in (("p50", 0.5), ("p95", 0.95), ("max", 1.0))
            if ordered
        }


def _agent(told: AgentResponse) -> str:
    if told.agent is None:
        return ""
    version = "" if told.agent_version is None else f"@{told.agent_version}"
    spoke = f" ({told.last_agent})" if told.last_agent else ""
    return f"{told.agent}{version}{spoke}"


def _turns(told: AgentResponse) -> str:
    again = f", attempt {told.attempts}" if told.attempts > 1 else ""
    return f"{told.turns} {'turn' if told.turns == 1 else 'turns'}{again}" if told.turns else ""


def _tokens(told: AgentResponse) -> str:
    usage = told.usage
    if not usage.model_calls:
        return ""
    return f"{usage.input_tokens} + {usage.output_tokens} tokens · ${format_usd(usage.cost_usd)}"


def _times(heard: Heard) -> str:
    total = format_ms(heard.latency_s * 1000)
    told = heard.told
    if isinstance(told, DeadLetter) or told.run_ms is None or told.started_at is None:
        return total
    return f"{total} (queued {format_ms(told.queued_ms or 0)}, ran {format_ms(told.run_ms)})"
