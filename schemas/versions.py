"""The `schema` header: which version of which record this is, and the way from older ones to the current."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any, ClassVar

from schemas.codec import Undecodable
from schemas.failures import Code

SCHEMA_HEADER = "schema"

CURRENT_VERSIONS: Mapping[str, int] = MappingProxyType(
    {
        "agent-request": 1,
        "agent-response": 1,
        "delta": 1,
        "usage": 1,
        "metrics": 1,
        "dead-letter": 1,
        "control": 1,
        "audit": 1,
        "tenant-plan": 1,
        "release": 1,
    }
)

Document = dict[str, Any]
Upcast = Callable[[Document], Document]


class UnsupportedVersion(Undecodable):
    """A record whose version is newer than what this build knows."""

    code: ClassVar[Code] = Code.UNSUPPORTED_VERSION

    def __init__(self, name: str, version: int, current: int) -> None:
        self.name = name
        self.version = version
        self.current = current
        super().__init__(
            f"The record is {name}/{version}, but this build reads up to {name}/{current}: upgrade it first."
        )


@dataclass(frozen=True, slots=True)
class Upcasts:
    """`steps[(name, n)]` makes a document of version n + 1 out of one of version n, which it leaves alone."""

    current: Mapping[str, int]
    steps: Mapping[tuple[str, int], Upcast] = field(default_factory=dict)

    def check(self, name: str, version: int) -> None:
        """UnsupportedVersion for a future one, Undecodable for one that never was."""
        current = self.current.get(name)
        if current is None:
            raise Undecodable(f"The schema header names {name}, which is no record of Penstock.")
        if version > current:
            raise UnsupportedVersion(name, version, current)
        for step in range(version, current):
            if (name, step) not in self.steps:
                raise Undecodable(f"There never was a record {name}/{version}.")

    def to_current(self, name: str, version: int, document: Document) -> Document:
        self.check(name, version)
        for step in range(version, self.current[name]):
            document = self.steps[name, step](document)
        return document


UPCASTS = Upcasts(CURRENT_VERSIONS)


def schema_header(name: str) -> tuple[str, bytes]:
    """The header for a record written now."""
    return SCHEMA_HEADER, f"{name}/{CURRENT_VERSIONS[name]}".encode()


@lru_cache(maxsize=256)
def parse_schema_header(value: bytes | None, expected: str = "agent-request") -> tuple[str, int]:
    """Name and version; no header means version 1. Undecodable: it is malformed or names another record."""
    if value is None:
        return expected, 1
    name, slash, version = value.decode("ascii", "replace").partition("/")
    if not slash or not version.isdigit() or len(version) > 9:
        raise Undecodable(f"The schema header must look like {expected}/1, not {value[:40]!r}.")
    if name != expected:
        raise Undecodable(f"The schema header says {name[:40]}, but this topic carries {expected}.")
    return name, int(version)
