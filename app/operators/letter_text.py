"""Dead letters in words and as JSON. No I/O."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from rich.table import Table
from rich.text import Text

from app.operators.call_text import span
from app.operators.letter_deeds import Deeds
from app.operators.letters import Letter
from app.terminal.screen import harmless, one_line
from schemas.codec import Undecodable, decode_json, encode
from schemas.times import format_at

HEADINGS = ("dead letter", "age", "code", "stage", "tenant", "request", "", "message")
HEX_BYTES = 256


def table(letters: Sequence[Letter], deeds: Deeds, at: datetime) -> Table:
    """One row for each."""
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for heading in HEADINGS:
        shown.add_column(heading, overflow="fold", no_wrap=heading == HEADINGS[0])  # ids are copied
    for found in letters:
        letter = found.letter
        cells = (
            found.id,
            span(letter.failed_at, at),
            letter.code + (" (retriable)" if letter.retriable else ""),
            letter.stage,
            found.tenant or "-",
            letter.request_id or "-",
            deeds.mark(found.id),
            one_line(letter.message, 80),
        )
        shown.add_row(*(Text(one_line(cell, 128)) for cell in cells))
    return shown


def document(found: Letter, deeds: Deeds) -> dict[str, Any]:
    """The letter as it stands on its topic, without the bytes, and what was done about it."""
    told: dict[str, Any] = orjson.loads(encode(found.letter))
    told.pop("original", None)
    return told | {
        "place": {"partition": found.partition, "offset": found.offset},
        "replayed": found.id in deeds.replayed,
        "dropped": found.id in deeds.dropped,
    }


def whole_document(found: Letter, deeds: Deeds) -> dict[str, Any]:
    """With the exact bytes (base64), and with the value decoded where it is JSON."""
    told = document(found, deeds)
    told["original"] = orjson.loads(encode(found.letter.original))
    try:
        told["decoded"] = decode_json(found.letter.original.raw().value)
    except (Undecodable, ValueError):
        told["decoded"] = None
    return told


def whole(found: Letter, deeds: Deeds, at: datetime) -> str:
    """Everything that is known of one."""
    letter, source = found.letter, found.letter.source
    written = "" if source.timestamp is None else f", written {format_at(source.timestamp)}"
    rows = [
        ("letter", found.id),
        ("code", f"{letter.code} at {letter.stage}, {'' if letter.retriable else 'not '}retriable"),
        ("message", letter.message),
        ("failed", f"{format_at(letter.failed_at)} ({span(letter.failed_at, at)} ago)"),
        ("tenant", letter.tenant_id or ""),
        ("request", letter.request_id or ""),
        ("attempts", f"{letter.attempts}, generation {letter.generation}"),
        ("source", f"{source.topic} {source.partition}@{source.offset}{written}"),
        ("done", deeds.line(found.id) or "nothing yet"),
        ("exception", letter.exception or ""),
    ]
    lines = [f"{name:<11}{one_line(told, 2000)}" for name, told in rows if told]
    if letter.stack:
        lines += ["stack", _indented(letter.stack)]
    return "\n".join([*lines, *_original(found)])


def _original(found: Letter) -> list[str]:
    try:
        raw = found.letter.original.raw()
    except ValueError:
        return ["original", "  its base64 is broken"]
    key = "none" if raw.key is None else one_line(raw.key.decode(errors="replace"), 200)
    lines = [f"{'key':<11}{key}"]
    for name, content in raw.headers:
        told = "none" if content is None else one_line(content.decode(errors="replace"), 200)
        lines.append(f"{'header':<11}{one_line(name, 100)}: {told}")
    if raw.value is None:
        return [*lines, "original", "  none (a tombstone)"]
    return [*lines, f"original ({len(raw.value)} bytes)", _indented(_readable(raw.value))]


def _readable(value: bytes) -> str:
    try:
        return orjson.dumps(decode_json(value), option=orjson.OPT_INDENT_2).decode()
    except Undecodable:
        pass
    try:
        return value.decode()
    except UnicodeDecodeError:
        more = f" … and {len(value) - HEX_BYTES} bytes more" if len(value) > HEX_BYTES else ""
        return value[:HEX_BYTES].hex(" ") + more


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in harmless(text).splitlines()) or "  (empty)"
