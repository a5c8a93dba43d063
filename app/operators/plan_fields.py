"""A plan's fields as documents: validated more strictly than on the wire, and in their one form. No I/O."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from typing import Any, get_args

from pydantic import ValidationError

from app.operators.plan_yaml import Flaw, Place
from schemas.invalid_fields import complaints
from schemas.record import WireRecord
from schemas.tenants import Measure, TenantPlan

Document = dict[str, Any]
"""Only fields that were set, without the tenant's id."""

TENANT_ID = "tenant_id"
FIELDS = tuple(name for name in TenantPlan.model_fields if name != TENANT_ID)
_MONEY_IS_TEXT = 'money is no float: write it in quotes, such as "0.25"'


class BadPlan(ValueError):
    """A plan cannot be so; each flaw says in which field, and what to do."""

    def __init__(self, flaws: Sequence[Flaw]) -> None:
        super().__init__("; ".join(f"{dotted(flaw.place)}: {flaw.said}".lstrip(": ") for flaw in flaws))
        self.flaws = flaws


def dotted(place: Place) -> str:
    """quota.tokens, limits.0.limit."""
    return ".".join(map(str, place))


def inner_record(annotation: Any) -> type[WireRecord] | None:
    """The record that a field holds, alone or in a list."""
    inner = get_args(annotation)
    if not inner:
        record = isinstance(annotation, type) and issubclass(annotation, WireRecord)
        return annotation if record else None
    return next((found for one in inner if (found := inner_record(one)) is not None), None)


@cache
def nested(record: type[WireRecord], name: str) -> type[WireRecord] | None:
    """The record within this field."""
    field = record.model_fields.get(name)
    return None if field is None else inner_record(field.annotation)


def document_of(plan: TenantPlan) -> Document:
    """What was set of a plan, in its one form: equal plans are equal documents."""
    said = plan.model_dump(mode="json", exclude_unset=True, exclude={TENANT_ID})
    if "secrets" in said:
        said["secrets"] = dict(sorted(said["secrets"].items()))
    return {name: _plain(said[name]) for name in FIELDS if name in said}


def checked(tenant_id: str, said: Mapping[str, Any]) -> Document:
    """The fields in their one form. BadPlan names all that cannot be so."""
    flaws = [*_strange(TenantPlan, said, ()), *_money_as_float(said)]
    named = said.get(TENANT_ID, tenant_id)
    if named != tenant_id:
        flaws.append(Flaw(None, (TENANT_ID,), f"must be {tenant_id}, or be left out (got {named})"))
    try:
        plan = TenantPlan.model_validate({**_with_money(said), TENANT_ID: tenant_id})
    except ValidationError as error:
        known = {flaw.place for flaw in flaws}
        flaws += [flaw for flaw in _refused(error) if flaw.place not in known]
    else:
        if not flaws:
            return document_of(plan)
    raise BadPlan(flaws)


def _refused(error: ValidationError) -> Iterator[Flaw]:
    for place, said in complaints(error):
        if len(place) == 2 and said.startswith("limit: "):  # of a whole limit
            place, said = (*place, "limit"), said.removeprefix("limit: ").partition(" (got")[0]
        in_yaml = said.replace("a JSON array", "a list").replace("a JSON object", "a map")
        hint = ": quote it" if "must be a string (got" in said and not said.endswith('")') else ""
        yield Flaw(None, place, in_yaml.replace("an array of", "a list of") + hint)


def _strange(record: type[WireRecord], said: Mapping[str, Any], place: Place) -> Iterator[Flaw]:
    for name, value in said.items():
        if name not in record.model_fields:
            yield Flaw(None, (*place, name), f"is no field of a plan: {_meant(record, name)}")
            continue
        inner = nested(record, name)
        if inner is None:
            continue
        if isinstance(value, dict):
            yield from _strange(inner, value, (*place, name))
        elif isinstance(value, list):
            for index, one in enumerate(value):
                if isinstance(one, dict):
                    yield from _strange(inner, one, (*place, name, index))


def _meant(record: type[WireRecord], name: str) -> str:
    deeper = {
        inner: f"{outer}.{inner}"
        for outer in FIELDS
        if outer != "limits" and (found := nested(TenantPlan, outer)) is not None
        for inner in found.model_fields
    }
    if record is TenantPlan and name in deeper:
        return f"did you mean {deeper[name]}?"
    fields = [field for field in record.model_fields if field != TENANT_ID]
    close = get_close_matches(name, fields, n=1)
    return f"did you mean {close[0]}?" if close else f"there are {', '.join(fields)}"


def _money_as_float(said: Mapping[str, Any]) -> Iterator[Flaw]:
    quota = said.get("quota")
    if isinstance(quota, dict) and isinstance(quota.get("cost_usd"), float):
        yield Flaw(None, ("quota", "cost_usd"), f"{_MONEY_IS_TEXT} (got {quota['cost_usd']})")
    for index, limit in enumerate(_limits(said)):
        if isinstance(limit, dict) and limit.get("what") == Measure.COST_USD:
            amount = limit.get("limit")
            if isinstance(amount, float):
                yield Flaw(None, ("limits", index, "limit"), f"{_MONEY_IS_TEXT} (got {amount})")


def _limits(said: Mapping[str, Any]) -> Sequence[Any]:
    limits = said.get("limits")
    return limits if isinstance(limits, list) else ()


def _with_money(said: Mapping[str, Any]) -> Document:
    """A whole number of dollars is as good as its text."""
    quota = said.get("quota")
    if not isinstance(quota, dict):
        return dict(said)
    cost = quota.get("cost_usd")
    if isinstance(cost, bool) or not isinstance(cost, int):
        return dict(said)
    return {**said, "quota": {**quota, "cost_usd": str(cost)}}


def _plain(value: Any) -> Any:
    """3.0 and 3 are one weight."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value
