"""Reads the texts and data that ship with the agents."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent


@cache
def instructions(file: str, part: str = "") -> str:
    """What an agent is told, from the Markdown beside its file: `gauge.md`, or `gauge.<part>.md`.

    `file`: the `__file__` of the agent's module.
    """
    beside = Path(file).with_suffix(f".{part}.md" if part else ".md")
    return beside.read_text(encoding="utf-8").strip()


@cache
def shipped(name: str) -> Any:
    """The content of data/<name>.json."""
    return json.loads((_HERE / "data" / f"{name}.json").read_text(encoding="utf-8"))
