"""Finds texts that are too long, or too short."""

from __future__ import annotations

from agents_defs.guardrails.finding import Finding


def length(text: str, most: int, least: int = 0) -> list[Finding]:
    """In characters."""
    if len(text) > most:
        return [Finding("too_long", 1.0, most, len(text))]
    return [Finding("too_short", 1.0, 0, len(text))] if len(text) < least else []
