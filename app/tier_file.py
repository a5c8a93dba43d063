"""Reads the file of tiers: JSON, by the tier's name what holds where a plan of it says nothing."""

from collections.abc import Mapping
from pathlib import Path

import orjson
from pydantic import ValidationError

from schemas.tenants import TenantPlan


def read_tiers(path: Path) -> Mapping[str, TenantPlan]:
    """By tier. Raises ValueError, which names the file and what is wrong."""
    try:
        document = orjson.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from None
    if not isinstance(document, dict):
        raise ValueError(f"{path} is no JSON object of tiers")
    found = {}
    for tier, fields in document.items():
        if not isinstance(fields, dict):
            raise ValueError(f"{path}: {tier} is no JSON object of a plan's fields")
        if unknown := sorted(set(fields) - set(TenantPlan.model_fields) | (set(fields) & {"tenant_id"})):
            raise ValueError(f"{path}: {tier} has fields that no tier has: {', '.join(unknown)}")
        try:
            found[tier] = TenantPlan.model_validate({**fields, "tenant_id": "-", "tier": tier})
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in (tier, *first["loc"]))
            raise ValueError(f"{path}: {place}: {first['msg']}") from None
    return found
