"""Reads the file of MCP servers (YAML): which there are, how they are reached, which agents use them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from agents_defs.mcp.declared import McpServer, problems_of
from agents_defs.tool_effects import ToolEffect
from app import yaml_file
from app.yaml_file import LookUp

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
        return yaml_file.followed(reference, self.environment, self._in_file)

    def _in_file(self, name: str) -> str:
        try:
            return (self.folder / name).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise LookupError(f"file:{name} cannot be read") from None


def read_servers(path: Path, environment: LookUp) -> McpFile:
    """ValueError names the file, the place in it and what to write there; it never holds a value."""
    document = yaml_file.read(path, Document, "is no YAML, at line {line}")
    servers = tuple(McpServer(**one.model_dump()) for one in document.servers)
    yaml_file.require_different([one.name for one in servers], f"{path}: servers")
    for one in servers:
        if wrong := list(problems_of(one)):
            raise ValueError(f"{path}: servers: {one.name}: {'; '.join(wrong)}")
    return McpFile(servers, path.parent, environment)
