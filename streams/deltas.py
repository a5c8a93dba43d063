"""What one run says while it runs: numbered, with text put together until the next collection."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import orjson

from schemas.codec import encode
from schemas.deltas import Delta, DeltaKind

MAX_TEXT = 64 * 1024  # characters in one delta; longer text is cut into several


class DeltaFeed:
    """The deltas of one attempt of one run, until they are collected."""

    __slots__ = (
        "_handed_out",
        "_out",
        "_pending",
        "at_char",
        "attempt",
        "key",
        "partition",
        "request_id",
        "seq",
        "tenant_id",
        "turn",
    )

    def __init__(self, tenant_id: str, request_id: str, partition: int, attempt: int) -> None:
        self.tenant_id = tenant_id
        self.request_id = request_id
        self.partition = partition
        self.attempt = attempt
        self.key = tenant_id.encode()
        self.seq = 0
        self.turn = 0
        self.at_char = 0
        self._out = 0
        self._handed_out = 0
        self._pending: list[tuple[str, dict[str, Any], int, int]] = []
        if attempt > 1:
            self._pending.append(("superseded", {"from_turn": 0}, 0, 0))

    def resume(self, turns_out: int) -> None:
        """What earlier attempts said of turns below this stands; what they said of later ones does not."""
        self._out = turns_out
        self.turn = turns_out
        if self._pending and self._pending[0][0] == "superseded":
            self._pending[0] = ("superseded", {"from_turn": turns_out}, turns_out, 0)

    def turns_out(self) -> int:
        """All that was said of turns below this is published."""
        return self._out

    def published(self) -> None:
        """What was collected last is durable."""
        self._out = max(self._out, self._handed_out)

    def add(self, kind: str, data: dict[str, Any], turn: int, at_char: int) -> None:
        """Take in one event of the run."""
        self.turn = turn
        pending = self._pending
        if kind in ("text", "reasoning"):
            self.at_char = at_char + len(data["text"])
            if pending and pending[-1][0] == kind and pending[-1][2] == turn:
                last = pending[-1][1]
                if len(last["text"]) + len(data["text"]) <= MAX_TEXT:
                    last["text"] += data["text"]
                    return
            data = dict(data)
        pending.append((kind, data, turn, at_char))

    def collect(self, at: datetime) -> list[bytes]:
        """What was added since the last call, as records in sequence."""
        pending, self._pending = self._pending, []
        self._handed_out = self.turn
        return [
            self.encode(kind, part, turn, char, at)
            for kind, data, turn, start in pending
            for part, char in _parts(kind, data, start)
        ]

    def encode(self, kind: str, data: dict[str, Any], turn: int, at_char: int, at: datetime) -> bytes:
        """The next record of the sequence."""
        value = encode(
            Delta.model_construct(
                request_id=self.request_id,
                tenant_id=self.tenant_id,
                attempt=self.attempt,
                seq=self.seq,
                turn=turn,
                at_char=at_char,
                kind=DeltaKind(kind),
                data=data,
                at=at,
            )
        )
        self.seq += 1
        return value

    def end(self, status: str, at: datetime) -> list[bytes]:
        """What is left and the last record: they are published together with the outcome."""
        left = self.collect(at)
        return [*left, self.encode("end", {"status": status}, self.turn, self.at_char, at)]


def _parts(kind: str, data: dict[str, Any], at_char: int) -> Iterator[tuple[dict[str, Any], int]]:
    if kind in ("text", "reasoning"):
        text = data["text"]
        for start in range(0, len(text), MAX_TEXT):
            yield {"text": text[start : start + MAX_TEXT]}, at_char + start
    else:
        yield {name: _shortened(value) for name, value in data.items()}, at_char


def _shortened(value: Any) -> Any:
    """What a model or a tool made may be of any size and shape; what no record holds is cut text."""
    if not isinstance(value, str | dict | list):
        return value
    try:
        written = value if isinstance(value, str) else orjson.dumps([[[value]]])[3:-3].decode()
    except TypeError:  # nested too deep for a record
        return json.dumps(value)[:MAX_TEXT]
    return value if len(written) <= MAX_TEXT else written[:MAX_TEXT]


Touch = Callable[[DeltaFeed], None]
