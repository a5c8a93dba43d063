"""A plan keeps what its operator wrote, and takes the rest from its tier."""

from decimal import Decimal
from typing import Any

import orjson
import pytest

from schemas.codec import decode, encode
from schemas.invalid_fields import InvalidField
from schemas.requests import OverLimit, Priority
from schemas.tenants import Limit, Measure, Period, TenantPlan


def plan(**fields: Any) -> TenantPlan:
    return decode(TenantPlan, orjson.dumps({"tenant_id": "acme", **fields}))


def test_an_empty_plan_has_the_defaults_of_the_contract() -> None:
    empty = plan()

    assert (empty.paused, empty.weight, empty.agents, empty.limits) == (False, 1, None, ())
    assert (empty.over_limit, empty.max_priority) == (OverLimit.REFUSE, Priority.INTERACTIVE)


def test_a_full_plan_survives_the_wire() -> None:
    fields = {
        "tier": "gold",
        "paused": True,
        "weight": 2.5,
        "over_limit": "wait",
        "max_priority": "standard",
        "agents": ["support"],
        "models": [],
        "max_input_bytes": 1000,
        "limits": [
            {"what": "requests", "per": "second", "limit": 5, "each_user": True},
            {"what": "cost_usd", "per": "day", "limit": "12.5", "agent": "research"},
        ],
        "concurrency": {"runs": 3},
        "quota": {"tokens": 1_000_000, "cost_usd": "99", "time_zone": "Europe/Berlin", "overdraft": 0.1},
        "cache": {"ttl_s": 60},
        "routing": {"ladder": ["big", "small"], "downgrade_at": 0.8},
        "approvers": ["eve"],
        "privacy": {"retention_days": 30, "redaction": True},
        "secrets": {"crm": "env:CRM_KEY"},
    }

    written = encode(plan(**fields))

    assert orjson.loads(written) == {"tenant_id": "acme", **fields}


def test_what_the_operator_left_out_stays_out() -> None:
    assert encode(plan(tier="pro")) == b'{"tenant_id":"acme","tier":"pro"}'


def test_a_plan_takes_what_it_leaves_out_from_its_tier() -> None:
    tier = plan(tenant_id="pro", tier="pro", weight=4, limits=[{"what": "tokens", "per": "day", "limit": 9}])

    effective = plan(tier="pro", paused=True, limits=[]).within(tier)

    assert (effective.tenant_id, effective.weight, effective.paused, effective.limits) == (
        "acme",
        4,
        True,
        (),
    )


def test_a_limit_is_an_int_or_for_cost_a_decimal() -> None:
    requests = plan(limits=[{"what": "requests", "per": "minute", "limit": 7}]).limits[0]
    cost = plan(limits=[{"what": "cost_usd", "per": "minute", "limit": "0.5"}]).limits[0]

    assert (requests.limit, type(requests.limit), requests.per.seconds) == (7, int, 60)
    assert (cost.limit, type(cost.limit)) == (Decimal("0.5"), Decimal)


def test_a_whole_cost_is_a_decimal_too() -> None:
    limit = Limit(what=Measure.COST_USD, per=Period.HOUR, limit=5)

    assert type(limit.limit) is Decimal
    assert orjson.loads(encode(limit))["limit"] == "5"


@pytest.mark.parametrize(
    ("what", "limit"),
    [
        ("requests", "7"),
        ("requests", 1.5),
        ("tokens", True),
        ("tokens", -1),
        ("cost_usd", 0.5),
        ("cost_usd", "1e3"),
        ("cost_usd", -1),
        ("cost_usd", None),
        ("runs", 1),
        ("requests", None),
    ],
)
def test_a_limit_of_another_type_is_invalid(what: str, limit: object) -> None:
    with pytest.raises(InvalidField, match=r"^limits\.0"):
        plan(limits=[{"what": what, "per": "day", "limit": limit}])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tenant_id", "a b"),
        ("weight", 0),
        ("weight", True),
        ("weight", "2"),
        ("paused", "yes"),
        ("agents", "support"),
        ("limits", [{"what": "requests", "per": "week", "limit": 1}]),
        ("limits", [{"what": "requests", "per": "day"}]),
        ("limits", ["5/s"]),
        ("concurrency", {}),
        ("quota", {"time_zone": "Mars/Olympus"}),
        ("quota", {"time_zone": "../../etc/passwd"}),
        ("quota", {"overdraft": 1.5}),
        ("quota", {"cost_usd": 5}),
        ("secrets", {"a": 1}),
    ],
)
def test_a_plan_with_a_wrong_field_is_invalid(field: str, value: object) -> None:
    with pytest.raises(InvalidField, match=f"^{field}"):
        plan(**{field: value})
