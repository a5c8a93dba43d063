"""Reads the file of MCP servers (YAML): which there are, how they are reached, which agents use them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents_defs.mcp.declared import McpServer, problems_of
from agents_defs.tool_effects import ToolEffect

LookUp = Callable[[str], str | None]
Seconds = Annotated[float, Field(gt=0)]


class Server(BaseModel):
    """One of `servers`; the fields are those of `McpServer`."""

    model_config = ConfigDict(extra="forbid", strict=False)

    name: str
    command: str | None = None
    args: tuple[str, ...] = ()
    env: dict[str, str] = {}
    url: str | None = None
    headers: dict[str, str] = {}
    timeout_s: Seconds | None = None
    connect_timeout_s: Seconds = 15.0
    tools: tuple[str, ...] | None = None
    approval: bool | tuple[str, ...] = False
    effect: ToolEffect = "at_least_once"
    effects: dict[str, ToolEffect] = {}
    agents: tuple[str, ...] = ()


class Document(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid")

    servers: tuple[Server, ...]


@dataclass(frozen=True, slots=True)
class McpFile:
    """What stands in it, and where its references lead; they are looked up at each connecting."""

    servers: tuple[McpServer, ...] = ()
    folder: Path = Path()
    environment: LookUp = lambda _name: None

    def resolve(self, reference: str) -> str:
        """What a reference stands for. LookupError says what is missing, without a secret."""
        kind, _, name = reference.partition(":")
        if kind == "env":
            found = self.environment(name)
            if not found:
                raise LookupError(f"the variable {name} is not set")
            return found
        try:
            return (self.folder / name).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise LookupError(f"{reference} cannot be read") from None


def read_servers(path: Path, environment: LookUp) -> McpFile:
    """ValueError names the file, the place in it and what to write there; it never holds a value."""
    try:
        document = Document.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from None
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", 0) + 1
        raise ValueError(f"{path} is no YAML, at line {line}") from None
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ValueError(f"{path}: {place}: {first['msg']}") from None
    servers = tuple(McpServer(**one.model_dump()) for one in document.servers)
    names = [one.name for one in servers]
    if len(set(names)) < len(names):
        raise ValueError(f"{path}: servers: two have the same name: {', '.join(names)}")
    for one in servers:
        if wrong := list(problems_of(one)):
            raise ValueError(f"{path}: servers: {one.name}: {'; '.join(wrong)}")
    return McpFile(servers, path.parent, environment)
