"""Changes of plans, field by field, for people and as JSON. No I/O."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from app.operators.plan_change import Change, digest
from app.operators.plan_fields import Document
from app.terminal.screen import one_line

LONGEST = 500
SHORT_DIGEST = 12
WORDS = {
    "new": "new",
    "changed": "changed",
    "mended": "unchanged, written again over a bad record",
    "removed": "removed: its tier's default holds",
}


def lines(change: Change) -> Iterator[str]:
    """The tenant, and below it each field that differs: as it is, as it would be."""
    yield change.tenant_id if change.kind == "changed" else f"{change.tenant_id} ({WORDS[change.kind]})"
    for name, (before, after) in _differing(change).items():
        for sign, values in zip("-+", _apart(before, after), strict=True):
            for value in values:
                yield f"  {sign} {one_line(f'{name}: {_shown(value)}', LONGEST)}"


def told(change: Change) -> str:
    """One line, for what was written."""
    if change.kind == "removed":
        return f"{change.tenant_id} is {WORDS['removed']}"
    fields = ", ".join(_differing(change)) or WORDS[change.kind]
    was, now = (value and value[:SHORT_DIGEST] for value in (digest(change.old), digest(change.new)))
    return one_line(f"{change.tenant_id} is set: {fields} ({was or 'no plan'} -> {now})", LONGEST)


def document(change: Change) -> dict[str, Any]:
    """The same for programs."""
    return {
        "tenant_id": change.tenant_id,
        "change": change.kind,
        "fields": {
            name: {sign: value[0] for sign, value in (("before", before), ("after", after)) if value}
            for name, (before, after) in _differing(change).items()
        },
        "before_sha256": digest(change.old),
        "after_sha256": digest(change.new),
    }


def summary(changes: Sequence[Change]) -> str:
    """2 changed, 1 new."""
    counted = Counter(change.kind for change in changes)
    return ", ".join(f"{count:,} {kind}" for kind, count in counted.items()) or "no differences"


Values = Sequence[Any]
"""One, or none where the field is not set."""


def _differing(change: Change) -> dict[str, tuple[Values, Values]]:
    before, after = _flat(change.before), _flat(change.after)
    names = [*before, *(name for name in after if name not in before)]
    both = {name: (_of(before, name), _of(after, name)) for name in names}
    return {name: (was, now) for name, (was, now) in both.items() if was != now}


def _of(fields: Document, name: str) -> Values:
    return [fields[name]] if name in fields else []


def _flat(plan: Document | None) -> Document:
    """quota.tokens and not quota; a map without anything in it stays."""
    found: Document = {}
    for name, value in (plan or {}).items():
        if isinstance(value, dict) and value:
            found |= {f"{name}.{inner}": one for inner, one in value.items()}
        else:
            found[name] = value
    return found


def _apart(before: Values, after: Values) -> tuple[Values, Values]:
    """Of two lists the entries that differ; whole lists where only their order does."""
    if not (before and after and isinstance(before[0], list) and isinstance(after[0], list)):
        return before, after
    gone = [one for one in before[0] if one not in after[0]]
    come = [one for one in after[0] if one not in before[0]]
    return (gone, come) if gone or come else (before, after)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(one)}" for name, one in value.items()) or "{}"
    return value if isinstance(value, str) and value else orjson.dumps(value).decode()
