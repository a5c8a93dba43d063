"""Opens the models as configured. Whoever uses models finds all that is needed here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from agents_defs.model_provider import DEFAULT_TIERS as DEFAULT_TIERS
from agents_defs.model_provider import ModelAccess as ModelAccess
from agents_defs.model_provider import ModelOptions as ModelOptions
from agents_defs.model_provider import NamedModel as NamedModel
from agents_defs.model_provider import Probe as Probe
from agents_defs.prices import FREE_OFFLINE, PriceList, Rates

if TYPE_CHECKING:
    from agents import Model


class FixedAccess(ModelAccess):
    """One model for every name: the offline model, and scripted models of tests and benches."""

    def __init__(self, model: Model, name: str = "scripted", rates: Rates = FREE_OFFLINE) -> None:
        self._named = NamedModel(name, model, lambda: rates)

    def tier(self, tier: str) -> NamedModel:
        return self._named

    def named(self, name: str) -> NamedModel:
        return self._named

    async def probe(self) -> tuple[Probe, ...]:
        return (Probe(self._named.name, ok=True, detail="runs in this process"),)

    async def close(self) -> None:
        await self._named.model.close()


def open_models(
    options: ModelOptions, *, now: Callable[[], float], at: Callable[[], datetime]
) -> ModelAccess:
    """The models as configured. Opens no connection yet."""
    if options.provider == "offline":
        from agents_defs.offline_model import OfflineModel  # here: whoever has a provider needs no stand-in

        return FixedAccess(OfflineModel(delay_s=options.offline_delay_s), name="offline")
    prices = PriceList(now, at, options.base_url)
    if options.endpoints:
        from agents_defs.endpoint_access import EndpointAccess  # here: it imports the client

        return EndpointAccess(options, prices, options.tenant_keys)
    from agents_defs.openai_access import OpenAIAccess

    return OpenAIAccess(options, prices)
