"""Tenants' plans, in words and as JSON."""

from typing import Any

import pytest
from rich.console import Console

from app.operators import plan_text
from app.operators.plan_reading import Unheeded
from schemas.failures import Code
from schemas.tenants import Limit, TenantPlan
from streams.observations import Observers, PlanPassedOver
from streams.plans import Plans


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ({"what": "requests", "per": "minute", "limit": 600}, "600 requests/minute"),
        ({"what": "cost_usd", "per": "day", "limit": "5.50"}, "5.5 USD/day"),
        (
            {"what": "tokens", "per": "hour", "limit": 9, "agent": "support", "each_user": True},
            "9 tokens/hour of support for each user",
        ),
    ],
)
def test_a_limit_is_told_in_words(limit: dict[str, Any], said: str) -> None:
    assert plan_text.limit_text(Limit.model_validate(limit)) == said


def test_a_row_names_what_else_is_set() -> None:
    plan = TenantPlan.model_validate(
        {"tenant_id": "acme", "paused": True, "quota": {"runs": 1}, "agents": []}
    )
    console = Console(width=200, record=True)

    console.print(plan_text.table([plan]))

    assert console.export_text().splitlines()[1].split() == [
        "acme",
        "paused",
        "free",
        "1",
        "-",
        "agents,",
        "quota",
    ]


def test_the_document_has_what_this_build_does_not_know() -> None:
    plans = Plans(Observers())
    plans.take(b"acme", b'{"tenant_id": "acme", "of_tomorrow": [1]}')

    known, unknown = plan_text.document(plans, "acme"), plan_text.document(plans, "globex")

    assert known["plan"] == {"tenant_id": "acme", "of_tomorrow": [1]}
    assert unknown == {"tenant_id": "globex", "paused": False, "plan": None, "sha256": None}


def test_a_few_of_the_records_that_are_no_plan_are_named_and_the_rest_counted() -> None:
    unheeded = Unheeded()
    for number in range(8):
        unheeded.observe(PlanPassedOver(f"t-{number}", Code.UNDECODABLE, "The value\nis empty."))
    unheeded.superseded(b"t-0")

    lines = unheeded.lines()

    assert lines[0] == "a record of t-1 is passed over (undecodable): The value is empty."
    assert lines[-1] == "and 2 more tenants' records are passed over"
    assert len(lines) == 6
