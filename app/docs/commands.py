"""The command line as a page, from the commands themselves."""

from enum import Enum
from typing import Any, Literal, get_args, get_origin

from app import cli

HEAD = """\
# Commands

`penstock COMMAND --help` says the same. Exit codes: 0 done, 1 done but not all is well, 2 it could
not be done, 3 timed out, 130 interrupted."""


def page() -> str:
    """All commands."""
    parts = [HEAD]
    for name in cli.available():
        parts += section(f"penstock {name}", cli.load(name))
    return "\n\n".join(parts)


def section(path: str, command: Any) -> list[str]:
    """One command, or a group and its commands."""
    said = " ".join((command.help or "").split())
    if hasattr(command, "commands"):
        parts = [f"## {path}", said]
        for name, inner in command.commands.items():
            if inner.hidden:
                continue
            parts += [f"### {path} {name}", *details(f"{path} {name}", inner)]
        return [part for part in parts if part]
    return [f"## {path}", *details(path, command)]


def details(path: str, command: Any) -> list[str]:
    """What one command says, takes and may be told."""
    said = " ".join((command.help or "").split())
    shown = [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]
    arguments = [parameter for parameter in shown if parameter.param_type_name == "argument"]
    options = [parameter for parameter in shown if parameter.param_type_name == "option"]
    taken = [one.name.upper() if one.required else f"[{one.name.upper()}]" for one in arguments]
    usage = " ".join([path, *taken, "[OPTIONS]" if options else ""])
    parts = [said, f"```sh\n{usage.strip()}\n```"]
    if rows := [row(parameter) for parameter in (*arguments, *options)]:
        parts.append("\n".join(["| | default | |", "|---|---|---|", *rows]))
    return [part for part in parts if part]


def row(parameter: Any) -> str:
    """One argument or option."""
    argument = parameter.param_type_name == "argument"
    names = [parameter.name.upper()] if argument else [*parameter.opts, *parameter.secondary_opts]
    said = " ".join((getattr(parameter, "help", "") or "").split())
    if choices := choices_of(parameter.type_descriptor.annotation):
        said = f"{' or '.join(f'`{choice}`' for choice in choices)}. {said}"
    told = ", ".join(f"`{name}`" for name in names)
    return f"| {told} | {default_of(parameter)} | {said.replace('|', '/')} |"


def choices_of(annotation: Any) -> list[str]:
    """The words that it may be, where they are counted."""
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return [str(choice.value) for choice in annotation]
    return [str(choice) for choice in get_args(annotation)] if get_origin(annotation) is Literal else []


def default_of(parameter: Any) -> str:
    """As it would be written; of a pair of flags the one that holds."""
    default = parameter.default
    if default is None or callable(default) or default == ():
        return ""
    if isinstance(default, bool):
        if not parameter.secondary_opts:
            return ""
        return f"`{(parameter.opts if default else parameter.secondary_opts)[0]}`"
    return f"`{getattr(default, 'value', default)}`"
