"""DeadLetter: what could not be done, with the original bytes; the value of the deadletter topic."""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple, Self

from schemas.failures import Stage
from schemas.fields import Count, Flag
from schemas.record import WireRecord
from schemas.responses import Source
from schemas.text import Prose, Stack
from schemas.times import At


class RawRecord(NamedTuple):
    """A record as it came from Kafka."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


class OriginalHeader(WireRecord):
    name: str
    value: str | None = None
    """Base64; absent where the header had no value."""


class Original(WireRecord):
    """The exact bytes; an absent key or value was null, an empty one was empty."""

    key: str | None = None
    """Base64."""
    value: str | None = None
    """Base64."""
    headers: tuple[OriginalHeader, ...] = ()

    @classmethod
    def of(cls, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes | None]]) -> Self:
        return cls(
            key=_to_base64(key),
            value=_to_base64(value),
            headers=tuple(OriginalHeader(name=name, value=_to_base64(raw)) for name, raw in headers),
        )

    def raw(self) -> RawRecord:
        """ValueError where a field is no base64."""
        return RawRecord(
            _from_base64(self.key),
            _from_base64(self.value),
            tuple((header.name, _from_base64(header.value)) for header in self.headers),
        )


class DeadLetterSource(Source):
    timestamp: At | None = None
    """The record's own, as Kafka keeps it."""


class DeadLetter(WireRecord):
    dead_letter_id: str
    code: str
    """One of the codes of the failure table; a newer writer may know more of them."""
    stage: Stage
    retriable: Flag
    message: Prose
    """What happened and what can be done about it."""
    exception: Prose | None = None
    """The exception's type and text, where there was one."""
    stack: Stack | None = None
    """The end of the stack trace, at most 8 KiB."""
    attempts: Count = 0
    generation: Count = 0
    request_id: str | None = None
    tenant_id: str | None = None
    source: DeadLetterSource
    original: Original
    failed_at: At


def dead_letter_id(topic: str, partition: int, offset: int, generation: int = 0) -> str:
    """The same for the same source record and generation, so that a second writing is seen as one."""
    parts = f"{len(topic)}:{topic}:{partition}:{offset}:{generation}"
    return "dl_" + sha256(parts.encode()).hexdigest()[:32]


def _to_base64(raw: bytes | None) -> str | None:
    return None if raw is None else b64encode(raw).decode("ascii")


def _from_base64(text: str | None) -> bytes | None:
    return None if text is None else b64decode(text, validate=True)
