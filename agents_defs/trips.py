"""Tells whoever runs the worker that a guardrail tripped, and why; readers and requesters are not told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agents_defs.run_order import TripNotice

if TYPE_CHECKING:
    from agents_defs.run_scope import LiveRun

MOST_REASONS = 10


def told_trip(run: LiveRun, where: tuple[str, str, str], info: Any) -> None:
    """`where`: the guardrail, the side on which it stands, the agent. `info`: what it gave as its reasons."""
    guardrail, side, agent = where
    tripped = info.get("tripped") if isinstance(info, dict) else None
    reasons = tuple(_reason(one) for one in tripped[:MOST_REASONS]) if isinstance(tripped, list) else ()
    run.listener.on_trip(TripNotice(guardrail, side, agent, reasons))


def _reason(one: Any) -> str:
    if not isinstance(one, dict):
        return str(one)[:100]
    kinds = ",".join(str(kind) for kind in one.get("kinds", ()))
    return f"{one.get('name')}: {kinds} ({one.get('score')})"
