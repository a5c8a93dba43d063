"""Which code is an agent's own, to be judged: not the SDK's, not a library's, not Penstock's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from types import FunctionType, MethodType
from typing import Any

from agents_defs.authoring.finding import plain

OURS = "agents_defs"
FOLDERS = ("agents", "patterns", "tools", "guardrails")
"""Of `agents_defs` those that hold what agents are made of; the rest runs them."""
DEEPEST = 6


@dataclass(frozen=True, slots=True)
class OwnCode:
    """The code of one agent's package."""

    packages: tuple[str, ...]

    @classmethod
    def of(cls, build: Callable[..., Any]) -> OwnCode:
        """What belongs together with the function that builds the agent."""
        top = str(getattr(plain(build), "__module__", "") or "").split(".")[0]
        return cls(tuple(f"{OURS}.{name}" for name in FOLDERS) if top == OURS else (top,))

    def has_module(self, name: str) -> bool:
        """Whether a module of this name is part of it."""
        return any(name == package or name.startswith(f"{package}.") for package in self.packages)

    def functions_in(self, call: Any, depth: int = 0) -> Iterator[FunctionType]:
        """The agent's own functions that stand behind what the SDK made of them."""
        if isinstance(call, FunctionType) and self.has_module(call.__module__ or ""):
            yield call
        elif depth < DEEPEST:
            for inner in _inside(call):
                yield from self.functions_in(inner, depth + 1)


def _inside(call: Any) -> Iterator[Any]:
    """What a callable was made of, as far as that can be called."""
    parts: list[Any] = []
    if isinstance(call, partial):
        parts = [call.func, *call.args, *call.keywords.values()]
    elif isinstance(call, MethodType):
        parts = [call.__func__]
    elif isinstance(call, FunctionType):
        parts = [getattr(call, "__wrapped__", None), *(_content(cell) for cell in call.__closure__ or ())]
    elif callable(call) and not isinstance(call, type):
        parts = [vars(type(call)).get("__call__"), *(getattr(call, "__dict__", None) or {}).values()]
        parts += [getattr(call, name, None) for name in getattr(type(call), "__slots__", ())]
    return (part for part in parts if callable(part))


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # nothing was put into it yet
        return None
