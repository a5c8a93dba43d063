"""What a request demands of its answer: which tools it may call or must, and which form it has."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

JSON_OBJECT: Final[Mapping[str, Any]] = {"type": "object"}
"""The schema of an answer that must be JSON and nothing more."""


@dataclass(frozen=True, slots=True)
class OfferedTool:
    name: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Demands:
    tools: tuple[OfferedTool, ...]
    forced_tool: str | None
    """The tool that must be called; '' for any of them, None for no such demand."""
    tools_barred: bool
    schema: Mapping[str, Any] | None
    max_output_tokens: int | None


def demands(tools: Iterable[Any], choice: Any, form: Any, max_output_tokens: Any) -> Demands:
    """Reads them as the Responses API writes them; a TypeError tells what has the wrong type."""
    if max_output_tokens is not None and not isinstance(max_output_tokens, int):
        raise TypeError("the limit of output tokens is no whole number")
    offered = tuple(
        OfferedTool(str(tool.get("name")), tool.get("parameters") or {})
        for tool in tools
        if isinstance(tool, Mapping) and tool.get("type") == "function"
    )
    return Demands(offered, _forced(choice), choice == "none", _schema(form), max_output_tokens)


def flattened(value: Any) -> Any:
    """Chat Completions wraps by type: {"type": "function", "function": {...}}; this takes it out."""
    inner = value.get(value.get("type")) if isinstance(value, Mapping) else None
    return {"type": value["type"], **inner} if isinstance(inner, Mapping) else value


def _forced(choice: Any) -> str | None:
    match choice:
        case "required":
            return ""
        case {"type": "function", "name": str(name)}:
            return name
        case _:
            return None


def _schema(form: Any) -> Mapping[str, Any] | None:
    match form:
        case {"type": "json_schema", "schema": dict(schema)}:
            return schema
        case {"type": "json_object"}:
            return JSON_OBJECT
        case _:
            return None
