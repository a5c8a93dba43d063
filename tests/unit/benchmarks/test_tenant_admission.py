"""How costs of claims are compared, and that the bench's plans ask of every window that they name."""

from datetime import UTC, datetime

import orjson
import pytest

from benchmarks.tenant_admission import PLANS, Cost, growth, medians
from schemas.tenants import TenantPlan
from streams.policy.gates import Spending
from streams.policy.terms import Asked, Terms, rules_of


def test_each_cost_has_its_own_median() -> None:
    assert medians([Cost(3, 10), Cost(1, 30), Cost(2, 20)]) == Cost(2, 20)


def test_growth_is_of_neighbours_in_time() -> None:
    few = [Cost(10, 0), Cost(100, 0), Cost(10, 0)]
    many = [Cost(11, 0), Cost(110, 0), Cost(30, 0)]

    assert growth(few, many) == pytest.approx(1.1)


@pytest.mark.parametrize(("name", "gates"), [("window", 1), ("realistic", 6)])
def test_a_plan_asks_of_all_its_windows(name: str, gates: int) -> None:
    read = TenantPlan.model_validate_json(orjson.dumps({"tenant_id": "acme", **PLANS[name]}))
    terms = Terms(read, rules_of(read.limits))

    found = terms.gates(Asked("bench"), Spending(10, 10, 1), datetime(2026, 11, 21, tzinfo=UTC))

    assert len(found) == gates
