"""Finding: one thing that is wrong with an agent's definition, where it stands, and what to do."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

Level = Literal["error", "note"]


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{shown_path(self.file)}:{self.line}"


@dataclass(frozen=True, slots=True)
class Finding:
    """`error`: the agent must not go out like this. `note`: good to know."""

    agent: str  # "gauge@1"
    place: Place
    what: str
    instead: str = ""
    level: Level = "error"

    def __str__(self) -> str:
        return f"{self.place}: {self.what}{f': {self.instead}' if self.instead else ''}"

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        fields = asdict(self)
        fields.pop("place")
        return {**fields, "file": shown_path(self.place.file), "line": self.place.line}


def shown_path(file: str) -> str:
    """From where one stands, if it is below."""
    path, here = Path(file), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else file


def plain(call: Callable[..., Any]) -> Any:
    """The function behind partials, wrappers and methods."""
    while isinstance(call, partial):
        call = call.func
    return inspect.unwrap(getattr(call, "__func__", call))


def place_of(call: Callable[..., Any]) -> Place:
    """Where a function is defined."""
    code = getattr(plain(call), "__code__", None)
    if code is None:
        return Place(getattr(inspect.getmodule(call), "__file__", None) or repr(call), 1)
    return Place(code.co_filename, code.co_firstlineno)
