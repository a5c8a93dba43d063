"""What a plan lets a request do."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schemas.failures import Code
from schemas.requests import OverLimit, Priority
from schemas.tenants import TenantPlan
from streams.options import LimitOptions
from streams.policy.gates import Gate, Spending
from streams.policy.terms import Asked, Denial, Terms, never_fits
from streams.policy.windows import MonthWindow, Window
from streams.tenancy import Tenancy

NOW = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)
MINE = Asked("support", user_id="ann")
ESTIMATE = Spending(tokens=500, nano_usd=2_000_000)


def plan(**fields: Any) -> TenantPlan:
    return TenantPlan.model_validate({"tenant_id": "acme"} | fields)


class OnePlan:
    """Acme's plan."""

    def __init__(self, found: TenantPlan | None) -> None:
        self.found = found

    def plan(self, tenant_id: str) -> TenantPlan | None:
        return self.found if tenant_id == "acme" else None

    def paused(self, tenant_id: str) -> bool:
        return self.found is not None and self.found.paused


def terms(options: LimitOptions | None = None, **fields: Any) -> Terms:
    return Tenancy(options or LimitOptions(), OnePlan(plan(**fields))).terms("acme")


def limit(what: str, most: Any, per: str = "minute", **more: Any) -> dict[str, Any]:
    return {"what": what, "per": per, "limit": most, **more}


@pytest.mark.parametrize(
    ("fields", "asked", "code"),
    [
        ({"agents": ["research"]}, MINE, Code.AGENT_NOT_ALLOWED),
        ({"agents": []}, MINE, Code.AGENT_NOT_ALLOWED),
        ({"models": ["small"]}, Asked("support", model="large"), Code.MODEL_NOT_ALLOWED),
        ({"max_input_bytes": 9}, Asked("support", input_bytes=10), Code.INVALID_FIELD),
    ],
)
def test_what_a_plan_does_not_allow_is_denied(fields: dict[str, Any], asked: Asked, code: Code) -> None:
    denial = terms(**fields).denial(asked)

    assert isinstance(denial, Denial)
    assert denial.code is code


@pytest.mark.parametrize(
    ("fields", "asked"),
    [
        ({}, Asked("support", model="large", input_bytes=10**9)),
        ({"agents": ["support"]}, MINE),
        ({"models": ["large"]}, Asked("support", model="large")),
        ({"models": ["small"]}, MINE),  # who names no model gets the agent's own
        ({"max_input_bytes": 10}, Asked("support", input_bytes=10)),
    ],
)
def test_what_a_plan_says_nothing_of_or_allows_is_not_denied(fields: dict[str, Any], asked: Asked) -> None:
    assert terms(**fields).denial(asked) is None


def test_each_limit_is_a_gate_that_is_asked_for_what_it_counts() -> None:
    found = terms(
        limits=[
            limit("requests", 5),
            limit("tokens", 9000, "hour", agent="support"),
            limit("cost_usd", "0.25", "day", each_user=True),
            limit("requests", 1, "second", agent="research"),
        ]
    )

    assert found.gates(MINE, ESTIMATE, NOW) == (
        Gate(Window(5, "minute")),
        Gate(Window(9000, "hour"), 500, "tokens", "support"),
        Gate(Window(250_000_000, "day"), 2_000_000, "cost_usd", "", "ann"),
    )
    assert found.spends


def test_those_who_name_no_user_are_one_user() -> None:
    gates = terms(limits=[limit("requests", 5, each_user=True)]).gates(Asked("support"), ESTIMATE, NOW)

    assert [gate.user for gate in gates] == [""]


def test_of_two_limits_on_the_same_the_lower_holds() -> None:
    gates = terms(limits=[limit("requests", 9), limit("requests", 4), limit("requests", 6)]).gates(
        MINE, ESTIMATE, NOW
    )

    assert gates == (Gate(Window(4, "minute")),)


def test_a_plan_without_limits_has_those_of_its_tier_and_then_of_the_deployment() -> None:
    tiers = {"pro": plan(tenant_id="-", limits=[limit("requests", 70)], weight=3)}
    options = LimitOptions(requests_per_minute=7, tiers=tiers)

    def most(**fields: Any) -> list[int]:
        return [gate.window.limit for gate in terms(options, **fields).gates(MINE, ESTIMATE, NOW)]

    assert most() == [7]
    assert most(tier="pro") == [70]
    assert most(tier="pro", limits=[]) == []
    assert most(tier="pro", limits=[limit("requests", 2)]) == [2]
    assert terms(options, tier="pro").plan.weight == 3
    assert terms(options, tier="pro", weight=9).plan.weight == 9


def test_tenants_without_a_plan_are_admitted_or_refused_as_the_deployment_says() -> None:
    for rule, served in (("admit", True), ("refuse", False)):
        options = LimitOptions(unknown_tenants=rule)  # type: ignore[arg-type]  # both of its values
        tenancy = Tenancy(options, OnePlan(plan()))

        assert (tenancy.terms("nobody").denial(MINE) is None) == served
        assert tenancy.terms("acme").denial(MINE) is None


def test_a_changed_plan_is_in_force_at_once() -> None:
    source = OnePlan(plan(agents=[]))
    tenancy = Tenancy(LimitOptions(), source)
    assert tenancy.terms("acme").denial(MINE) is not None

    source.found = plan(agents=["support"])
    assert tenancy.terms("acme").denial(MINE) is None
    source.found = None

    assert tenancy.terms("acme") is tenancy.terms("somebody")


def test_what_asks_for_more_than_the_limit_itself_never_fits() -> None:
    def gate(amount: int) -> Gate:
        return Gate(Window(400, "hour"), amount, "tokens")

    assert never_fits([Gate(Window(1)), gate(400)]) is None
    denial = never_fits([Gate(Window(1)), gate(401)])
    assert denial is not None
    assert denial.code is Code.LIMIT_TOKENS
    assert "401 tokens" in denial.message
    assert "400 tokens per hour" in denial.message


@pytest.mark.parametrize(
    ("plan_s", "request_s", "waits"),
    [
        ("refuse", None, False),
        ("wait", None, True),
        ("wait", OverLimit.REFUSE, False),
        ("refuse", OverLimit.WAIT, True),
    ],
)
def test_the_request_says_whether_it_waits_and_else_its_plan(
    plan_s: str, request_s: OverLimit | None, waits: bool
) -> None:
    assert terms(over_limit=plan_s).waits(request_s) is waits


def test_a_priority_is_at_most_what_the_plan_allows() -> None:
    found = terms(max_priority="standard")

    assert found.priority(Priority.INTERACTIVE) is Priority.STANDARD
    assert found.priority(Priority.BATCH) is Priority.BATCH


def test_a_quota_is_a_gate_for_each_figure_in_its_month() -> None:
    found = terms(limits=[], quota={"runs": 10, "tokens": 1000, "cost_usd": "0.5", "overdraft": 0.1})
    ends_ms = round(datetime(2026, 12, 1, tzinfo=UTC).timestamp() * 1000)

    gates = found.gates(MINE, ESTIMATE, NOW)

    november = 2026 * 12 + 10
    assert gates == (
        Gate(MonthWindow(11, november, ends_ms, 10), 1, "runs"),
        Gate(MonthWindow(1100, november, ends_ms, 1000), 500, "tokens"),
        Gate(MonthWindow(550_000_000, november, ends_ms, 500_000_000), 2_000_000, "cost_usd"),
    )
    assert [gate.code for gate in gates] == [Code.QUOTA_RUNS, Code.QUOTA_TOKENS, Code.QUOTA_COST]
    assert found.spends


def test_a_month_ends_at_midnight_of_the_quotas_time_zone() -> None:
    found = terms(limits=[], quota={"runs": 10, "time_zone": "Asia/Tokyo"})

    (gate,) = found.gates(MINE, ESTIMATE, NOW)

    assert isinstance(gate.window, MonthWindow)
    assert gate.window.number == 2026 * 12 + 11


def test_a_terms_quota_goes_on_into_the_next_month() -> None:
    found = terms(limits=[], quota={"runs": 10})
    (before,) = found.gates(MINE, ESTIMATE, NOW)

    (after,) = found.gates(MINE, ESTIMATE, NOW + timedelta(minutes=1))

    assert after.window.bucket(0) == before.window.bucket(0) + 1


def test_a_model_without_a_price_is_not_stopped_by_a_quota_of_cost() -> None:
    found = terms(limits=[], quota={"cost_usd": "0"})

    assert found.gates(MINE, Spending(tokens=500, runs=1), NOW) == ()


def test_what_exceeds_a_whole_quota_is_never_admitted() -> None:
    found = terms(limits=[], quota={"tokens": 499})

    denial = never_fits(found.gates(MINE, ESTIMATE, NOW))

    assert denial is not None
    assert denial.code is Code.QUOTA_TOKENS
    assert denial.message == "it is thought to need 500 tokens, the quota is 499 tokens per month"
