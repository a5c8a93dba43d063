"""A record as one line for people: where and when it stands, and what matters of its kind. No I/O."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import orjson

from app.client.record_filter import Raw
from app.terminal.screen import harmless, one_line
from schemas.codec import Undecodable, decode_object

Document = dict[str, Any]
Fields = Mapping[str, Any]
MOST_TEXT = 120
GAP = "  "


def document_of(record: Raw) -> Document | None:
    """The value, where it is a JSON object."""
    try:
        return decode_object(record.value)
    except Undecodable:
        return None


def line(record: Raw, document: Fields | None, schema: str | None) -> str:
    """`schema`: what the topic carries; None for topics that are not ours."""
    at = datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)
    place = f"{at:%H:%M:%S}.{at.microsecond // 1000:03d} {record.partition}@{record.offset}"
    key = "-" if record.key is None else one_line(record.key.decode(errors="replace"), 40)
    return GAP.join([place, key, _content(record, document, schema)])


def _content(record: Raw, document: Fields | None, schema: str | None) -> str:
    if record.value is None:
        return "(tombstone)"
    if document is None:
        return f"{len(record.value)} bytes: {_cut(record.value.decode(errors='replace'))}"
    render = RENDERED.get(schema or "")
    if render is None:
        return _cut(dict(document))
    return GAP.join(_flat(part) for part in render(document) if part)


def as_json(record: Raw, document: Fields | None) -> bytes:
    """Everything about the record; a value that is no JSON object stands as text."""
    value = document
    text = None if record.value is None or document is not None else record.value.decode(errors="replace")
    return orjson.dumps(
        {
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "timestamp_ms": record.timestamp_ms,
            "key": None if record.key is None else record.key.decode(errors="replace"),
            "headers": {
                name: None if content is None else content.decode(errors="replace")
                for name, content in record.headers
            },
            "value": value,
            **({} if text is None else {"value_text": text}),
        }
    )


def _request(fields: Fields) -> list[str]:
    return [
        _get(fields, "request_id"),
        _get(fields, "agent"),
        _cut(fields.get("input")),
        *_named(fields, "session_id", "user_id", "priority", "deadline", "not_before", "model"),
        "stream" if fields.get("stream") else "",
    ]


def _response(fields: Fields) -> list[str]:
    error, usage = _object(fields, "error"), _object(fields, "usage")
    version = fields.get("agent_version")
    said = f"{_get(error, 'code')}: {_get(error, 'message')}" if error else fields.get("output")
    tokens = (usage.get("input_tokens") or 0) + (usage.get("output_tokens") or 0)
    return [
        _get(fields, "request_id"),
        _get(fields, "status"),
        _get(fields, "agent") + ("" if version is None else f"@{version}"),
        _cut(said),
        f"{tokens} tokens ${usage.get('cost_usd', '0')}" if tokens else "",
        f"{fields['run_ms']} ms" if fields.get("run_ms") else "",
        f"attempt {fields['attempts']}" if (fields.get("attempts") or 0) > 1 else "",
        f"generation {fields['generation']}" if fields.get("generation") else "",
    ]


def _delta(fields: Fields) -> list[str]:
    data = _object(fields, "data")
    said = data["text"] if set(data) == {"text"} else data
    place = f"a{fields.get('attempt')} #{fields.get('seq')} t{fields.get('turn')}"
    return [_get(fields, "request_id"), place, _get(fields, "kind"), _cut(said)]


def _usage(fields: Fields) -> list[str]:
    return [
        _get(fields, "request_id"),
        _get(fields, "agent"),
        _get(fields, "model"),
        _get(fields, "purpose"),
        f"{fields.get('input_tokens')} + {fields.get('output_tokens')} tokens ${fields.get('cost_usd')}",
        "" if fields.get("state") == "settled" else _get(fields, "state"),
    ]


def _metrics(fields: Fields) -> list[str]:
    counts = ", ".join(f"{count} {status}" for status, count in _object(fields, "counts").items() if count)
    run = _object(fields, "run_ms")
    return [
        _get(fields, "window_start"),
        _get(fields, "agent"),
        counts or "nothing ended",
        f"p50 {run.get('p50')} p95 {run.get('p95')} p99 {run.get('p99')} ms" if run else "",
        f"{fields.get('tokens')} tokens ${fields.get('cost_usd')}",
        f"{fields.get('in_flight')} in flight",
    ]


def _dead_letter(fields: Fields) -> list[str]:
    source = _object(fields, "source")
    return [
        _get(fields, "dead_letter_id"),
        _get(fields, "code"),
        _get(fields, "request_id"),
        _cut(fields.get("message")),
        f"from {source.get('topic')} {source.get('partition')}@{source.get('offset')}",
    ]


def _control(fields: Fields) -> list[str]:
    names = ("request_id", "approval_id", "dead_letter_id", "actor", "reason")
    return [_get(fields, "command"), *_named(fields, *names)]


def _audit(fields: Fields) -> list[str]:
    names = ("code", "tenant_id", "request_id", "subject", "role")
    return [_get(fields, "actor"), _get(fields, "action"), _get(fields, "outcome"), *_named(fields, *names)]


def _plan(fields: Fields) -> list[str]:
    rest = {name: value for name, value in fields.items() if name not in ("tenant_id", "tier", "paused")}
    return [_get(fields, "tier"), "paused" if fields.get("paused") else "", _cut(rest)]


def _release(fields: Fields) -> list[str]:
    shares = ", ".join(
        f"@{one.get('version')} {one.get('share')}"
        for one in fields.get("versions", ())
        if isinstance(one, dict)
    )
    return [_get(fields, "agent"), shares, *_named(fields, "by", "at")]


RENDERED: Mapping[str, Callable[[Fields], list[str]]] = MappingProxyType(
    {
        "agent-request": _request,
        "agent-response": _response,
        "delta": _delta,
        "usage": _usage,
        "metrics": _metrics,
        "dead-letter": _dead_letter,
        "control": _control,
        "audit": _audit,
        "tenant-plan": _plan,
        "release": _release,
    }
)


def _get(fields: Fields, name: str) -> str:
    value = fields.get(name)
    return "-" if value is None else str(value)


def _named(fields: Fields, *names: str) -> list[str]:
    return [f"{name.removesuffix('_id')}={fields[name]}" for name in names if fields.get(name) is not None]


def _object(fields: Fields, name: str) -> Fields:
    value = fields.get(name)
    return value if isinstance(value, dict) else {}


def _cut(value: object) -> str:
    """Texts in quotes, so that an empty one is seen."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return f'"{one_line(text, MOST_TEXT)}"' if isinstance(value, str) else one_line(text, MOST_TEXT)


def _flat(text: str) -> str:
    return harmless(" ".join(text.split()))
