"""Writes tenants' plans, as an operator would, before anybody reads them."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from benchmarks import topics
from benchmarks.terms import Terms

Plan = Mapping[str, Any]


async def write(terms: Terms, plans: Iterable[Plan]) -> None:
    """On the tenants topic, each on its tenant's partition."""
    records = (topics.record(terms, plan["tenant_id"], orjson.dumps(plan)) for plan in plans)
    await topics.write(terms, records, f"{terms.name}.tenants")
