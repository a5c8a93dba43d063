"""What is to become of tenants' plans, held against what they are: which records, byte by byte. No I/O."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

import orjson

from app.operators.plan_fields import FIELDS, TENANT_ID, Document, document_of, nested
from app.terminal.exits import Trouble
from schemas.codec import decode, decode_object
from schemas.tenants import TenantPlan
from streams.topics import TENANTS

# The record's headers, and `paused`, which may have to be added later, need a little of the topic's limit.
MOST_BYTES = TENANTS.max_message_bytes - 2048

Kind = Literal["new", "changed", "mended", "removed"]


@dataclass(frozen=True, slots=True)
class Present:
    """A tenant's plan as it stands. `broken`: a later record of it is none, and passed over."""

    value: bytes | None = None
    broken: bool = False

    @property
    def plan(self) -> Document | None:
        """What it sets, as far as this build knows the fields."""
        return None if self.value is None else document_of(decode(TenantPlan, self.value))


@dataclass(frozen=True, slots=True)
class Change:
    """One tenant's record, before and after; None: no plan."""

    tenant_id: str
    before: Document | None
    after: Document | None
    old: bytes | None
    new: bytes | None

    @property
    def kind(self) -> Kind:
        """In one word; mended: the plan is as it was, but a bad record stood behind it."""
        if self.new is None:
            return "removed"
        if self.old is None:
            return "new"
        return "mended" if self.before == self.after else "changed"


def digest(value: bytes | None) -> str | None:
    """A plan's sha256, as audits have it; None: no plan."""
    return None if value is None else sha256(value).hexdigest()


def change(tenant_id: str, present: Present, wanted: Document | None) -> Change | None:
    """What has to be written; None: nothing. Trouble where no record could hold it."""
    before = present.plan
    if before == wanted and not present.broken:
        return None
    new = None if wanted is None else _record(tenant_id, present.value, before or {}, wanted)
    if new is not None and len(new) > MOST_BYTES:
        raise Trouble(
            f"the plan of {tenant_id} has {len(new)} bytes, at most {MOST_BYTES} fit into a record: shorten "
            f"{max(wanted or {}, key=lambda name: len(orjson.dumps((wanted or {})[name])))}"
        )
    return Change(tenant_id, before, wanted, present.value, new)


def keeping_pause(present: Document | None, wanted: Document) -> Document:
    """Who does not say whether a tenant is paused does not change it."""
    if present is None or "paused" not in present or "paused" in wanted:
        return wanted
    kept = {**wanted, "paused": present["paused"]}
    return {name: kept[name] for name in FIELDS if name in kept}


def pruned(present: Document | None) -> Document | None:
    """What is left of a plan that no file names: a paused tenant stays paused."""
    return {"paused": True} if present is not None and present.get("paused") is True else None


def changes_of_file(
    present: Mapping[str, Present], wanted: Mapping[str, Document], *, prune: bool
) -> Sequence[Change]:
    """What makes the topic say what the file says, by tenant's id."""
    found = []
    unnamed: Collection[str] = present.keys() - wanted.keys() if prune else ()
    for tenant_id in sorted({*wanted, *unnamed}):
        now = present.get(tenant_id, Present())
        said = wanted.get(tenant_id)
        plan = pruned(now.plan) if said is None else keeping_pause(now.plan, said)
        if (one := change(tenant_id, now, plan)) is not None:
            found.append(one)
    return found


def _record(tenant_id: str, old: bytes | None, before: Document, wanted: Document) -> bytes:
    """Fields that do not change stay as they were written, and so does what this build does not know."""
    raw = {} if old is None else decode_object(old)
    said: dict[str, Any] = {TENANT_ID: tenant_id}
    for name, value in wanted.items():
        same = name in before and before[name] == value
        said[name] = raw[name] if same else _with_unknown(name, raw.get(name), value)
    unknown = {name: value for name, value in raw.items() if name not in TenantPlan.model_fields}
    return orjson.dumps({**said, **unknown})


def _with_unknown(name: str, raw: object, value: Any) -> Any:
    inner = nested(TenantPlan, name)
    if inner is None or not isinstance(raw, dict) or not isinstance(value, dict):
        return value
    return {**value, **{field: one for field, one in raw.items() if field not in inner.model_fields}}
