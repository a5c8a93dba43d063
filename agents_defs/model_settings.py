"""What a deployment may set for the models of a tier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any


def unknown_settings(settings: Mapping[str, Any]) -> str | None:
    """What is wrong with them, if anything."""
    if not settings:
        return None
    from agents import ModelSettings  # here: whoever reads no such file need not wait for the SDK

    known = {one.name for one in fields(ModelSettings)}
    if strange := sorted(set(settings) - known):
        return f"{', '.join(strange)}: models have no such setting; they have {', '.join(sorted(known))}"
    try:
        ModelSettings(**settings)
    except (TypeError, ValueError) as error:
        return str(error)
    return None
