"""`quota.tokens=50000000` and `--unset overdraft`: single fields of a plan, set and taken out. No I/O."""

from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from app.operators import plan_yaml
from app.operators.plan_fields import FIELDS, TENANT_ID, Document, nested
from app.terminal.exits import Trouble
from schemas.tenants import TenantPlan

MAPS = frozenset({"secrets"})  # of names that are the tenant's own


@dataclass(frozen=True, slots=True)
class Assignment:
    """One field, and what it is to be."""

    path: tuple[str, ...]
    value: Any


def assignments(words: Iterable[str]) -> Sequence[Assignment]:
    """Of what stands on a command line. Trouble says what cannot be."""
    found: dict[tuple[str, ...], Assignment] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise Trouble(f"{word!r}: write FIELD=VALUE, such as tier=pro or quota.tokens=50000000")
        path = path_of(name)
        if path in found:
            raise Trouble(f"{name} is given twice: say it once")
        found[path] = Assignment(path, _value(name, text))
    return list(found.values())


def path_of(name: str) -> tuple[str, ...]:
    """quota.tokens. Trouble where a plan has no such field."""
    first, *rest = name.split(".", 1)
    if first == TENANT_ID:
        raise Trouble("tenant_id is the plan's key, and stays: set another tenant's plan instead")
    if first not in FIELDS:
        raise Trouble(f"{name}: is no field of a plan: there are {', '.join(FIELDS)}")
    if not rest:
        return (first,)
    if first in MAPS:
        return first, rest[0]
    inner = nested(TenantPlan, first)
    if inner is None or first == "limits":
        raise Trouble(f"{name}: {first} has no fields of its own: set it whole, {first}=VALUE in YAML")
    if rest[0] not in inner.model_fields:
        raise Trouble(f"{name}: {first} has no such field: there are {', '.join(inner.model_fields)}")
    return first, rest[0]


def applied(
    plan: Document, assigned: Iterable[Assignment], unset: Iterable[tuple[str, ...]] = ()
) -> Document:
    """The plan with these fields; not validated yet."""
    changed: Document = deepcopy(plan)
    for path in unset:
        _take_out(changed, path)
    for one in assigned:
        if len(one.path) == 1:
            changed[one.path[0]] = one.value
        else:
            first, second = one.path
            within = changed.get(first)
            changed[first] = {**(within if isinstance(within, dict) else {}), second: one.value}
    return changed


def _take_out(plan: Document, path: tuple[str, ...]) -> None:
    """What it leaves empty goes, too: an empty quota says nothing, an empty privacy overrides a tier's."""
    if len(path) == 1:
        plan.pop(path[0], None)
        return
    first, second = path
    within = plan.get(first)
    if isinstance(within, dict):
        within.pop(second, None)
        if not within:
            del plan[first]


def _value(name: str, text: str) -> Any:
    if not text.strip():
        raise Trouble(f"{name}= has no value: write one, or take the field out with --unset {name}")
    found = plan_yaml.read(text)
    if found.flaws:
        raise Trouble(f"{name}={text!r}: {found.flaws[0].said}")
    return found.value
