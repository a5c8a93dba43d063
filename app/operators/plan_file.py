"""Files of plans: `tenants`, by id what each sets; read whole or not at all; small changes differ little."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.operators import plan_yaml
from app.operators.flags import is_tenant_id
from app.operators.plan_fields import BadPlan, Document, checked, dotted
from app.operators.plan_yaml import Flaw, OneLine, Yaml
from app.terminal.exits import Trouble
from app.terminal.screen import one_line

TENANTS = "tenants"
STANDARD_INPUT = "-"
NO_PLAN = "must be a map of a plan's fields; {} leaves all to the tier"
NO_ID = "is no tenant's id: it has 1 to 128 characters out of A-Z a-z 0-9 . _ : -"
HEAD = "# Plans of tenants: `penstock tenants diff` and `import` read this file.\n"


@dataclass(frozen=True, slots=True)
class Text:
    """What a file says, and its name."""

    name: str
    text: str


class BadFile(Exception):
    """The file cannot be taken; `lines` say where and what to do."""

    def __init__(self, name: str, lines: Sequence[str]) -> None:
        super().__init__(f"{name}: {len(lines)} error{'s' if len(lines) > 1 else ''}")
        self.lines = lines


def text_of(path: Path) -> Text:
    """The file, or standard input for `-`."""
    stdin = str(path) == STANDARD_INPUT
    name = "standard input" if stdin else str(path)
    try:
        data = sys.stdin.buffer.read() if stdin else path.read_bytes()
        return Text(name, data.decode("utf-8-sig"))
    except OSError as error:
        raise Trouble(f"{name} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise Trouble(f"{name} is not UTF-8 (byte {error.start}): save it as UTF-8") from None


def read_plans_file(text: Text) -> Mapping[str, Document]:
    """By tenant what its plan sets. BadFile names all that is wrong."""
    found = plan_yaml.read(text.text)
    flaws: list[Flaw] = []
    plans: dict[str, Document] = {}
    for tenant_id, said in _sections(found, flaws).items():
        place = (TENANTS, tenant_id)
        if not is_tenant_id(tenant_id):
            flaws.append(Flaw(None, place, NO_ID))
        elif not isinstance(said, dict):
            flaws.append(Flaw(None, place, NO_PLAN))
        else:
            try:
                plans[tenant_id] = checked(tenant_id, said)
            except BadPlan as error:
                flaws += [replace(flaw, place=(*place, *flaw.place)) for flaw in error.flaws]
    _require_none(text, found, flaws)
    return plans


def read_plan_file(text: Text, tenant_id: str) -> Document:
    """What the one plan sets that the file is. BadFile names all that is wrong."""
    found = plan_yaml.read(text.text)
    flaws: list[Flaw] = []
    said: Document = {}
    if not isinstance(found.value, dict):
        flaws.append(Flaw(None, (), "must be a map of a plan's fields, such as tier: pro"))
    elif TENANTS in found.value:
        flaws.append(Flaw(None, (TENANTS,), "is of a file of many plans: use `penstock tenants import`"))
    else:
        try:
            said = checked(tenant_id, found.value)
        except BadPlan as error:
            flaws += error.flaws
    _require_none(text, found, flaws)
    return said


def _require_none(text: Text, found: Yaml, flaws: Iterable[Flaw]) -> None:
    unread = {flaw.place for flaw in found.flaws}  # they have no value, which is said already
    wrong = [*found.flaws, *(flaw for flaw in flaws if flaw.place not in unread)]
    if wrong:
        raise BadFile(text.name, _lines(text, found, wrong))


def render(plans: Mapping[str, Document]) -> str:
    """The file that says this; plans by id, fields in the schema's order."""
    return HEAD + plan_yaml.write({TENANTS: {tenant: _laid_out(plans[tenant]) for tenant in sorted(plans)}})


def _laid_out(plan: Document) -> Document:
    """An entry of a list of limits is one line."""
    limits = plan.get("limits")
    return {**plan, "limits": [OneLine(limit) for limit in limits]} if limits else plan


def _sections(found: Yaml, flaws: list[Flaw]) -> Mapping[str, Any]:
    """What stands behind each tenant's id, where the file has this form at all."""
    if not found.value:  # no plans at all are said in words, else an empty file would remove them all
        flaws.append(_no_tenants((), "is empty"))
        return {}
    if not isinstance(found.value, dict):
        flaws.append(_no_tenants((), "must be a map"))
        return {}
    flaws += [_no_tenants((name,), "does not belong here") for name in found.value if name != TENANTS]
    sections = found.value.get(TENANTS, {})
    if not isinstance(sections, dict):
        flaws.append(_no_tenants((TENANTS,), "must be a map by tenant's id ({} for no plans at all)"))
        return {}
    return sections


def _no_tenants(place: plan_yaml.Place, said: str) -> Flaw:
    return Flaw(None, place, f"{said}: write `tenants:`, and below it each tenant's id with its fields")


def _lines(text: Text, found: Yaml, flaws: Iterable[Flaw]) -> Sequence[str]:
    """`plans.yaml:12: acme: quota.tokens: must be at least 0 (got -1)`, in the file's order."""
    placed = [(flaw.line or found.line(flaw.place), flaw) for flaw in flaws]
    placed.sort(key=lambda one: one[0] or 0)
    return [_told(text, line, flaw) for line, flaw in placed]


def _told(text: Text, line: int | None, flaw: Flaw) -> str:
    at = text.name if line is None else f"{text.name}:{line}"
    place = flaw.place
    if len(place) > 1 and place[0] == TENANTS:
        place = place[1:]
        where = f"tenant {place[0]}" + (f": {dotted(place[1:])}" if place[1:] else "")
    else:
        where = dotted(place)
    said = f"{where}: {flaw.said}" if where else flaw.said
    return one_line(f"{at}: {said}", 500)
