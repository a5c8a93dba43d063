"""Reads the texts and data that ship with the agents."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent


@cache
def instructions(name: str) -> str:
    """What an agent is told, from instructions/<name>.md."""
    return (_HERE / "instructions" / f"{name}.md").read_text(encoding="utf-8").strip()


@cache
def shipped(name: str) -> Any:
    """The content of data/<name>.json."""
    return json.loads((_HERE / "data" / f"{name}.json").read_text(encoding="utf-8"))
