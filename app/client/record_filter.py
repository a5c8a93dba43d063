"""Which records to show: by key, headers and bytes first, so that few values must be parsed. No I/O."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Raw:
    """A record as it was read."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """None means: any."""

    tenant: str | None = None
    request: str | None = None
    status: str | None = None
    agent: str | None = None
    code: str | None = None

    def may_match(self, record: Raw) -> bool:
        """False where key, headers or bytes say that it does not match; nothing is parsed for it."""
        headers = dict(record.headers)
        for wanted, header in ((self.request, "request-id"), (self.status, "status"), (self.code, "code")):
            told = headers.get(header)
            if wanted is not None and told is not None and told != wanted.encode():
                return False
        value = record.value or b""
        return b"\\" in value or all(
            wanted.encode() in value or wanted.encode() == record.key
            for wanted in (self.tenant, self.request, self.status, self.agent_name, self.code)
            if wanted is not None
        )

    def matches(self, record: Raw, document: Document | None) -> bool:
        """The last word, with the value parsed. What is no JSON object has its key only."""
        fields = document or {}
        if self.tenant is not None and self.tenant != (fields.get("tenant_id") or _text(record.key)):
            return False
        if self.agent is not None and not _same_agent(fields, self.agent):
            return False
        return (
            (self.request is None or fields.get("request_id") == self.request)
            and (self.status is None or _status(fields) == self.status)
            and (self.code is None or _code(fields) == self.code)
        )

    @property
    def agent_name(self) -> str | None:
        """Without the version, which stands in a field of its own in most records."""
        return None if self.agent is None else self.agent.partition("@")[0]


def _status(fields: Document) -> object:
    data = fields.get("data")
    if fields.get("kind") == "end" and isinstance(data, dict):
        return data.get("status")
    return fields.get("status") or fields.get("outcome")


def _code(fields: Document) -> object:
    error = fields.get("error")
    return error.get("code") if isinstance(error, dict) else fields.get("code")


def _same_agent(fields: Document, wanted: str) -> bool:
    """`support` finds every version of it; `support@3` what says so in one field or in two."""
    found = fields.get("agent")
    if not isinstance(found, str):
        return False
    name, _, version = wanted.partition("@")
    if not version or found == wanted:
        return found.partition("@")[0] == name
    return found == name and str(fields.get("agent_version")) == version


def _text(key: bytes | None) -> str | None:
    return None if key is None else key.decode(errors="replace")
