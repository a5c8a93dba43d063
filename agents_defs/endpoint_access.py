"""Models behind one endpoint or several, chosen for each call, with keys of the operator's or of tenants."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from agents_defs.configured_access import ConfiguredAccess
from agents_defs.endpoint_client import EndpointClient
from agents_defs.model_provider import NamedModel, Probe
from agents_defs.pooled_model import Asking, Place, PooledModel
from agents_defs.provider_client import refuses_key
from agents_defs.provider_failures import call_failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agents_defs.model_provider import ModelOptions
    from agents_defs.prices import PriceList
    from agents_defs.tenant_keys import TenantKeys


class EndpointAccess(ConfiguredAccess):
    """By the configured endpoints."""

    def __init__(self, options: ModelOptions, prices: PriceList, keys: TenantKeys | None = None) -> None:
        super().__init__(options, prices)
        self._clients = [
            EndpointClient(one, options.max_in_flight, options.connect_timeout_s, keys)
            for one in options.endpoints
        ]

    def fallbacks(self, name: str) -> tuple[str, ...]:
        return self._options.fallbacks.get(name, ())

    def settings(self, tier: str) -> Mapping[str, Any]:
        return self._options.tier_settings.get(tier, {})

    def _made(self, name: str) -> NamedModel:
        serving = self._serving(name)
        if not serving:
            raise LookupError(f"no endpoint serves the model {name!r}: see PENSTOCK_MODELS_FILE")
        places = [Place(one.options, _asking(one, name), one.load) for one in serving]
        secrets = tuple(one.options.api_key for one in serving if one.options.api_key)
        model = PooledModel(name, places, self._options.routing)
        provider = "+".join(one.options.name for one in serving)
        return NamedModel(name, model, partial(self._prices.rates, name), secrets, provider)

    def _forgotten(self, model: NamedModel) -> None:
        if isinstance(model.model, PooledModel):
            model.model.let_be()

    def _serving(self, name: str) -> list[EndpointClient]:
        return [one for one in self._clients if one.options.serves(name)]

    async def probe(self) -> tuple[Probe, ...]:
        names = dict.fromkeys(self._options.tiers.values())
        found = await asyncio.gather(*map(self._probed, names))
        return tuple(probe for probes in found for probe in probes)

    async def _probed(self, name: str) -> list[Probe]:
        serving = self._serving(name)
        if not serving:
            return [Probe(name, ok=False, detail="no endpoint of PENSTOCK_MODELS_FILE serves it")]
        return await asyncio.gather(*(_probed_at(one, name) for one in serving))

    async def close(self) -> None:
        for named in self._named.values():
            await named.model.close()
        for client in self._clients:
            await client.close()


async def _probed_at(client: EndpointClient, name: str) -> Probe:
    options = client.options
    where = f"{name} at {options.name}"
    try:
        await client.asked(name)
    except Exception as error:  # noqa: BLE001  whatever is wrong is the result
        if options.api_key is None and options.tenant_key is not None and refuses_key(error):
            return Probe(where, ok=True, detail="answers, and takes the keys that tenants bring")
        secrets = (options.api_key,) if options.api_key else ()
        return Probe(where, ok=False, detail=call_failure(error, name, secrets).failure.message)
    return Probe(where, ok=True, detail="answers")


def _asking(client: EndpointClient, name: str) -> Asking:
    return Asking(partial(client.model, name), client.brought_key, partial(client.is_well, name))
