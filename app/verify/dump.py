"""Recorded topics: one JSONL file per topic, and a file that says what the snapshot was."""

from array import array
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import orjson

from app.verify.records import Extent, Kind, Record, Snapshot, Source, Terms

SNAPSHOT_FILE = "snapshot.json"
MOST_AT_ONCE = 1000
FORMAT = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS


class BadDump(Exception):
    """The dump cannot be read; the message is one line."""


def topic_file(directory: Path, kind: Kind) -> Path:
    """Where the records of a topic are."""
    return directory / f"{kind}.jsonl"


# -- writing


@dataclass(slots=True)
class Recorder:
    """A source that writes down what it hands out. Use it in `with`."""

    source: Source
    directory: Path
    _files: dict[Kind, BinaryIO] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        self.directory.mkdir(parents=True, exist_ok=True)
        for kind in Kind:
            path = topic_file(self.directory, kind)
            self._files[kind] = self._stack.enter_context(path.open("wb"))
        (self.directory / SNAPSHOT_FILE).write_bytes(write_snapshot(self.source.snapshot))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def snapshot(self) -> Snapshot:
        """As it was taken."""
        return self.source.snapshot

    async def read(self, kind: Kind, partition: int, extent: Extent) -> AsyncIterator[Sequence[Record]]:
        """What the source gives."""
        async for records in self.source.read(kind, partition, extent):
            self._files[kind].write(b"".join(map(write_record, records)))
            yield records


def write_record(record: Record) -> bytes:
    """One line."""
    fields = {
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp_ms,
        "key": _to_base64(record.key),
        "value": _to_base64(record.value),
        "headers": [[name, _to_base64(value)] for name, value in record.headers],
    }
    return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)


def write_snapshot(snapshot: Snapshot) -> bytes:
    """All that is not in the topics themselves."""
    fields = {
        "at_ms": snapshot.at_ms,
        "since_ms": snapshot.since_ms,
        "names": snapshot.names,
        "terms": snapshot.terms,
        "committed": {str(partition): offset for partition, offset in snapshot.committed.items()},
        "undecided": sorted(snapshot.undecided),
        "extents": {
            kind: {str(partition): extent for partition, extent in extents.items()}
            for kind, extents in snapshot.extents.items()
        },
    }
    return orjson.dumps(fields, option=FORMAT)


# -- reading


class Dump:
    """A source. The lines of a file may stand in any order of partitions; offsets ascend within one."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        try:
            self._snapshot = _read_snapshot((directory / SNAPSHOT_FILE).read_bytes())
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise BadDump(
                f"{directory} holds no {SNAPSHOT_FILE} that can be read ({error}): "
                "write dumps with `penstock verify --record DIR`"
            ) from error
        self._lines: dict[Kind, dict[int, array[int]]] = {}

    @property
    def snapshot(self) -> Snapshot:
        """As it was when the dump was recorded."""
        return self._snapshot

    async def read(self, kind: Kind, partition: int, extent: Extent) -> AsyncIterator[Sequence[Record]]:
        """The records of a partition within the extent."""
        starts = self._index(kind).get(partition)
        if starts is None:
            return
        with topic_file(self._directory, kind).open("rb") as file:
            records: list[Record] = []
            for start in starts:
                file.seek(start)
                record = self._record(kind, file.readline())
                if extent.start <= record.offset < extent.end:
                    records.append(record)
                if len(records) == MOST_AT_ONCE:
                    yield records
                    records = []
            if records:
                yield records

    def _index(self, kind: Kind) -> Mapping[int, "array[int]"]:
        """Where the lines of each partition begin."""
        if kind in self._lines:
            return self._lines[kind]
        lines: dict[int, array[int]] = {}
        path = topic_file(self._directory, kind)
        if path.exists():
            start = 0
            with path.open("rb") as file:
                for line in file:
                    partition = self._record(kind, line).partition
                    lines.setdefault(partition, array("q")).append(start)
                    start += len(line)
        self._lines[kind] = lines
        return lines

    def _record(self, kind: Kind, line: bytes) -> Record:
        try:
            fields = orjson.loads(line)
            return Record(
                fields["partition"],
                fields["offset"],
                fields["timestamp"],
                _from_base64(fields["key"]),
                _from_base64(fields["value"]),
                tuple((name, _from_base64(value)) for name, value in fields.get("headers", ())),
            )
        except (ValueError, TypeError, KeyError) as error:
            path = topic_file(self._directory, kind)
            raise BadDump(f"{path} has a line that is no record ({error}): {line[:60]!r}") from error


def _read_snapshot(data: bytes) -> Snapshot:
    fields: dict[str, Any] = orjson.loads(data)
    return Snapshot(
        at_ms=fields["at_ms"],
        since_ms=fields["since_ms"],
        names={Kind(kind): name for kind, name in fields["names"].items()},
        terms=Terms(**fields["terms"]),
        committed={int(partition): offset for partition, offset in fields["committed"].items()},
        undecided=frozenset(fields["undecided"]),
        extents={
            Kind(kind): {int(partition): Extent(**extent) for partition, extent in extents.items()}
            for kind, extents in fields["extents"].items()
        },
    )


def _to_base64(raw: bytes | None) -> str | None:
    return None if raw is None else b64encode(raw).decode("ascii")


def _from_base64(text: str | None) -> bytes | None:
    return None if text is None else b64decode(text, validate=True)
