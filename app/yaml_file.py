"""Reads a deployment's YAML files as models: a mistake is told with its place, a reference is followed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

LookUp = Callable[[str], str | None]
"""What a variable of the environment says."""

Document = TypeVar("Document", bound=BaseModel)


def read(path: Path, model: type[Document], no_yaml: str) -> Document:
    """ValueError names the file and the place in it; it never holds a value, which may be a secret.

    `no_yaml`: how to say that it is none, with {line} and {column}.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from None
    try:
        return model.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:  # its own words quote the line
        line, column = _place_of(error, text)
        raise ValueError(f"{path} {no_yaml.format(line=line, column=column)}") from None
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ValueError(f"{path}: {place}: {first['msg']}") from None


def require_different(names: Sequence[str], place: str) -> None:
    """ValueError where two are the same."""
    if len(set(names)) < len(names):
        raise ValueError(f"{place}: two have the same name: {', '.join(names)}")


def is_reference(text: str) -> bool:
    """Whether it is `env:NAME` or `file:PATH`, and not what they stand for."""
    kind, _, name = text.partition(":")
    return kind in {"env", "file"} and bool(name)


def followed(reference: str, environment: LookUp, read_file: Callable[[str], str]) -> str:
    """What a reference stands for. LookupError where a variable is not set; else as `read_file` raises."""
    kind, _, name = reference.partition(":")
    if kind != "env":
        return read_file(name)
    found = environment(name)
    if not found:
        raise LookupError(f"the variable {name} is not set")
    return found


def _place_of(error: yaml.YAMLError, text: str) -> tuple[int, int]:
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        return mark.line + 1, mark.column + 1
    before = text[: getattr(error, "position", 0)]  # of a character that YAML does not know
    return before.count("\n") + 1, len(before) - before.rfind("\n")
