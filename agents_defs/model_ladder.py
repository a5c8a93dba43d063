"""The models that one agent may be answered by, the one that is meant first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agents.models.default_models import get_default_model_settings

if TYPE_CHECKING:
    from agents import ModelSettings

    from agents_defs.model_provider import NamedModel


@dataclass(frozen=True, slots=True)
class Rung:
    """`defaults`: settings that this model takes, where those of the request were made for another."""

    model: NamedModel
    defaults: ModelSettings | None = None


def ladder_of(meant: NamedModel, fallbacks: Iterable[NamedModel], *, own_settings: bool) -> tuple[Rung, ...]:
    """`own_settings`: the agent's author chose them, so they hold for every model."""
    others = {model.name: model for model in fallbacks if model.name != meant.name}
    return (
        Rung(meant),
        *(
            Rung(model, None if own_settings else get_default_model_settings(model.name))
            for model in others.values()
        ),
    )
