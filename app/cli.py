"""The command line: `penstock COMMAND`. A command's module is loaded when the command is used, not before."""

import ast
import gc
import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from app.commands import version as versions

RUN, USE, OPERATE, DEVELOP = "Run", "Use", "Operate", "Develop"


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command is: in `app/commands/<module>.py`, under its own name."""

    module: str
    panel: str

    @property
    def file(self) -> Path:
        """The module's source."""
        return Path(__file__).parent / "commands" / f"{self.module}.py"


COMMANDS = {
    "worker": Entry("worker", RUN),
    "books": Entry("books", RUN),
    "demo": Entry("demo", RUN),
    "send": Entry("send", USE),
    "tail": Entry("tail", USE),
    "cancel": Entry("cancel", USE),
    "approvals": Entry("approvals", OPERATE),
    "dlq": Entry("dlq", OPERATE),
    "parked": Entry("parked", OPERATE),
    "sessions": Entry("sessions", OPERATE),
    "tenants": Entry("tenants", OPERATE),
    "usage": Entry("usage", OPERATE),
    "knowledge": Entry("knowledge", OPERATE),
    "keys": Entry("keys", OPERATE),
    "topics": Entry("topics", OPERATE),
    "doctor": Entry("doctor", OPERATE),
    "config": Entry("settings_reference", OPERATE),
    "verify": Entry("verify", OPERATE),
    "new": Entry("new", DEVELOP),
    "agents": Entry("agents", DEVELOP),
    "guardrails": Entry("guardrails", DEVELOP),
    "topology": Entry("topology", DEVELOP),
    "broker": Entry("broker", DEVELOP),
    "simulator": Entry("simulator", DEVELOP),
    "version": Entry("version", DEVELOP),
}
CONTEXT = {"help_option_names": ["-h", "--help"]}


def load(name: str) -> Any:
    """The command itself: a function, or a group of several."""
    gc.disable()  # what is imported stays: looking for garbage in it takes a fifth of a worker's imports
    try:
        found = getattr(importlib.import_module(f"app.commands.{COMMANDS[name].module}"), name)
    finally:
        gc.enable()
    if not isinstance(found, typer.Typer):
        single = typer.Typer(add_completion=False, context_settings=CONTEXT)
        single.command(name)(found)
        found = single
    command = typer.main.get_command(found)
    command.name = name
    return command


def summary(name: str) -> str:
    """What the command's module says of itself in its first line, after the command's name."""
    told = ast.get_docstring(ast.parse(COMMANDS[name].file.read_bytes())) or ""
    said = told.partition("\n")[0].rpartition("`: ")[2]
    return said[:1].upper() + said[1:]


def available() -> list[str]:
    """The commands that this build has."""
    return [name for name, entry in COMMANDS.items() if entry.file.exists()]


class LazyCommands(TyperGroup):
    """Lists commands without loading them: some bring the Agents SDK, which takes seconds."""

    def __init__(self, **attributes: Any) -> None:
        stand_ins = {
            name: TyperCommand(name, help=summary(name), rich_help_panel=COMMANDS[name].panel)
            for name in available()
        }
        super().__init__(**{**attributes, "commands": stand_ins})

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names, in the order of the table."""
        return list(self.commands)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command itself, in the place of its stand-in."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command if name is None else load(name), rest


app = typer.Typer(
    name="penstock",
    cls=LazyCommands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings=CONTEXT,
)


def _version(wanted: bool) -> None:
    if wanted:
        versions.version()
        raise typer.Exit


@app.callback()
def penstock(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """The runtime that puts AI agents behind Kafka topics."""


def main() -> None:
    """The entry point of `penstock`."""
    app()
