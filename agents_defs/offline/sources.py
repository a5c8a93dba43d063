"""What values are taken from, and how sure they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from agents_defs.text_files import shipped

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """`certain`: the text names it, nobody guessed."""

    value: Any
    certain: bool


@dataclass(frozen=True, slots=True)
class Source:
    """Where the values of a schema are looked for."""

    text: str  # the request
    earlier: tuple[str, ...] = ()  # looked at where the request does not say it, the latest first
    facts: Mapping[str, Any] = field(default_factory=dict)  # what tools returned, by name
    # Words an answer of at most so many characters; None: values are only quoted.
    telling: Callable[[float], str] | None = None
    material: str = ""  # what stands below the request
    instructions: str = ""  # what the agent is told

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.text, *self.earlier)


@cache
def field_words(kind: str) -> frozenset[str]:
    """Words in the names of fields that tell what goes into them."""
    return frozenset(shipped("field_words")[kind])


def subject_of(schema: Schema) -> str:
    """What a field is about by its description, without the examples."""
    return str(schema.get("description", "")).split(", such as")[0].split("e.g.")[0]
