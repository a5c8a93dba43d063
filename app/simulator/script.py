"""A streamed answer as bytes, cut where a server may pause, stop or break off."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Script:
    opening: bytes
    """Before the first delta; nothing is billed yet."""
    deltas: tuple[bytes, ...]
    """Exactly one delta each, with the events that belong before it."""
    closing: bytes
    garbled: bytes
    """An event that is cut off within its JSON."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What makes two answers to the same input two answers."""

    answer_id: str
    created_at: int


ARGUMENT_DELTAS = 4
REASONING_DELTAS = 4
