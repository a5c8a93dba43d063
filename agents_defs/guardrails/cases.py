"""Labelled cases for guardrails: JSON lines, read and checked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LABELS = ("attack", "harmless")


class BadCases(ValueError):
    """A file of cases that cannot be used; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Case:
    """A text, and whether the guardrail has to trip on it."""

    case_id: str
    guardrail: str
    family: str
    attack: bool
    text: str
    context: Mapping[str, Any] = field(default_factory=dict)


def read_cases(path: Path) -> Iterator[Case]:
    """All cases of a file, or of the `.jsonl` files of a folder. Raises BadCases."""
    files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    if not files:
        raise BadCases(f"{path}: no file of cases (*.jsonl)")
    for file in files:
        try:
            lines = file.read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise BadCases(f"{file}: {error}") from error
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield _case(line, f"{file}:{number}")


def _case(line: str, place: str) -> Case:
    try:
        told = json.loads(line)
    except ValueError as error:
        raise BadCases(f"{place}: no JSON: {error}") from error
    if not isinstance(told, dict):
        raise BadCases(f"{place}: not an object")
    for name in ("id", "guardrail", "family", "label", "text"):
        if not isinstance(told.get(name), str):
            raise BadCases(f"{place}: {name} is missing, or no text")
    if told["label"] not in LABELS:
        raise BadCases(f"{place}: label is neither attack nor harmless")
    context = told.get("context") or {}
    if not isinstance(context, dict):
        raise BadCases(f"{place}: context is no object")
    return Case(
        told["id"], told["guardrail"], told["family"], told["label"] == "attack", told["text"], context
    )
