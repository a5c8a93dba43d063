"""Registered agents in words and as JSON."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from agents_defs.agent_spec import AgentSpec
from agents_defs.authoring.drawing import AgentCard, ToolCard
from app.settings import Settings
from app.terminal.listing import listing
from app.terminal.screen import harmless, one_line

APART = {"name", "version", "build", "description", "output_type", "model_tier"}
"""Fields of a spec that are shown in words of their own; the others are its limits."""


def model_of(spec: AgentSpec, settings: Settings) -> str:
    """The model that is asked where neither the agent nor the request names one."""
    if settings.model_provider == "offline":
        return "offline"
    return settings.models().tiers.get(spec.model_tier, "none")


def table(rows: Sequence[tuple[AgentSpec, str]], settings: Settings) -> Table:
    """One row for each version: the spec, and where it is defined."""
    return listing(
        ("agent", "model", "turns", "time", "defined in", "description"),
        [
            (
                spec.reference,
                f"{model_of(spec, settings)} ({spec.model_tier})",
                str(spec.max_turns),
                f"{spec.timeout_s:g} s",
                origin,
                spec.description,
            )
            for spec, origin in rows
        ],
    )


def document(spec: AgentSpec, origin: str, settings: Settings) -> dict[str, Any]:
    """A spec as JSON has it."""
    return {
        "agent": spec.name,
        "version": spec.version,
        "description": spec.description,
        "output_type": _type_name(spec.output_type),
        "model_tier": spec.model_tier,
        "model": model_of(spec, settings),
        "limits": {name: _plain(value) for name, value in _limits(spec)},
        "defined_in": origin,
    }


def whole_document(
    spec: AgentSpec, origin: str, settings: Settings, cards: Sequence[AgentCard]
) -> dict[str, Any]:
    """With its agents, tools, hand-offs and guardrails."""
    return {**document(spec, origin, settings), "agents": [dataclasses.asdict(card) for card in cards]}


def whole(spec: AgentSpec, origin: str, settings: Settings, cards: Sequence[AgentCard]) -> str:
    """Everything about one version of an agent."""
    rows = {
        "agent": spec.reference,
        "description": spec.description or "-",
        "defined in": origin,
        "answers with": _type_name(spec.output_type) or "text",
        "model": f"{model_of(spec, settings)} (the tier {spec.model_tier})",
        **{name: _shown(value) for name, value in _limits(spec)},
    }
    parts = [_aligned(rows), *(_agent(card) for card in cards)]
    return harmless("\n\n".join(parts))


def _agent(card: AgentCard) -> str:
    lines = [f"{'flow' if card.is_flow else 'agent'} {card.name}"]
    if card.description:
        lines.append(f"  is for: {one_line(card.description, 200)}")
    if not card.is_flow:
        told = "a function" if card.instructions is None else one_line(card.instructions, 200)
        lines.append(f"  is told: {told}")
    for name, value in (("asks the model", card.model), ("answers with", card.output_type)):
        if value:
            lines.append(f"  {name}: {value}")
    lines += [f"  tool {_tool(tool)}" for tool in card.tools]
    lines += [f"  {'asks' if card.is_flow else 'hands off to'} {name}" for name in card.handoffs]
    lines += [f"  input guardrail {name}" for name in card.input_guardrails]
    lines += [f"  output guardrail {name}" for name in card.output_guardrails]
    return "\n".join(lines)


def _tool(tool: ToolCard) -> str:
    marks = [f"asks the agent {tool.agent}"] if tool.agent else [tool.effect.replace("_", " ")]
    if tool.approval != "never":
        marks.append("needs approval" if tool.approval == "always" else "may need approval")
    said = f": {one_line(tool.description)}" if tool.description else ""
    return f"{tool.name} ({', '.join(mark for mark in marks if mark)}){said}"


def _limits(spec: AgentSpec) -> list[tuple[str, Any]]:
    names = [field.name for field in dataclasses.fields(spec) if field.name not in APART]
    guards = tuple(f"{guard.name} ({guard.side})" for guard in spec.guardrails)
    return [(name, guards if name == "guardrails" else getattr(spec, name)) for name in names]


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)


def _shown(value: Any) -> str:
    plain = _plain(value)
    if isinstance(plain, dict):
        return ", ".join(f"{name} {_within(one)}" for name, one in plain.items())
    if isinstance(plain, list):
        return ", ".join(_shown(one) for one in plain) or "-"
    if isinstance(plain, float):
        return f"{plain:g}"
    return "-" if plain is None else str(plain)


def _within(value: Any) -> str:
    return f"({_shown(value)})" if isinstance(value, dict) else _shown(value)


def _type_name(kind: Any) -> str | None:
    return None if kind is None else getattr(kind, "__name__", str(kind))


def _aligned(rows: Mapping[str, str]) -> str:
    width = max(len(name) for name in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows.items())
