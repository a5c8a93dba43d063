"""The provider's own books: one JSON line per call, appended before the call's answer ends."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Entry:
    at: str
    """When the call arrived."""
    call_id: str | None
    api: str
    model: str | None
    input_sha256: str | None
    streamed: bool
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    reasoning_tokens: int
    billed: bool
    outcome: str
    response_id: str | None
    took_ms: int


class Ledger:
    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def append(self, entry: Entry) -> None:
        line = orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE)
        if os.write(self._file, line) != len(line):
            raise OSError("the ledger's disk is full: a line was cut")

    def close(self) -> None:
        os.close(self._file)


def read(path: Path) -> list[dict[str, Any]]:
    """All entries of a ledger, oldest first."""
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]
