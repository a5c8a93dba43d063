"""Models behind one endpoint or several, chosen for each call, with keys of the operator's or of tenants."""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, Any

from agents_defs.endpoint_client import EndpointClient
from agents_defs.model_provider import ModelAccess, ModelOptions, NamedModel, Probe
from agents_defs.pooled_model import Asking, Place, PooledModel
from agents_defs.provider_failures import call_failure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agents_defs.prices import PriceList
    from agents_defs.tenant_keys import TenantKeys

MAX_MODELS = 256


class EndpointAccess(ModelAccess):
    """By the configured endpoints."""

    def __init__(self, options: ModelOptions, prices: PriceList, keys: TenantKeys | None = None) -> None:
        self._options = options
        self._prices = prices
        self._clients = [
            EndpointClient(one, options.max_in_flight, options.connect_timeout_s, keys)
            for one in options.endpoints
        ]
        self._named: OrderedDict[str, tuple[NamedModel, PooledModel]] = OrderedDict()
        for name in options.tiers.values():
            prices.rates(name)  # loads the list now, and not while runs wait for it

    def tier(self, tier: str) -> NamedModel:
        tiers = self._options.tiers
        if tier not in tiers:
            raise LookupError(f"no model is configured for the tier {tier!r}; configured: {', '.join(tiers)}")
        return self.named(tiers[tier])

    def named(self, name: str) -> NamedModel:
        known = self._named.get(name)
        if known is None:
            known = self._named[name] = self._pooled(name)
            if len(self._named) > MAX_MODELS:  # producers name them
                _, (_, forgotten) = self._named.popitem(last=False)
                forgotten.let_be()
        else:
            self._named.move_to_end(name)
        return known[0]

    def fallbacks(self, name: str) -> tuple[str, ...]:
        return self._options.fallbacks.get(name, ())

    def settings(self, tier: str) -> Mapping[str, Any]:
        return self._options.tier_settings.get(tier, {})

    def _pooled(self, name: str) -> tuple[NamedModel, PooledModel]:
        serving = [one for one in self._clients if one.options.serves(name)]
        if not serving:
            raise LookupError(f"no endpoint serves the model {name!r}: see PENSTOCK_MODELS_FILE")
        places = [Place(one.options, _asking(one, name), one.load) for one in serving]
        secrets = tuple(one.options.api_key for one in serving if one.options.api_key)
        model = PooledModel(name, places, self._options.routing)
        provider = "+".join(one.options.name for one in serving)
        return NamedModel(name, model, partial(self._prices.rates, name), secrets, provider), model

    async def probe(self) -> tuple[Probe, ...]:
        found = []
        for name in dict.fromkeys(self._options.tiers.values()):
            serving = [one for one in self._clients if one.options.serves(name)]
            if not serving:
                found.append(Probe(name, ok=False, detail="no endpoint of PENSTOCK_MODELS_FILE serves it"))
            found += [await self._probed(one, name) for one in serving]
        return tuple(found)

    async def _probed(self, client: EndpointClient, name: str) -> Probe:
        options = client.options
        where = f"{name} at {options.name}"
        try:
            await client.asked(name)
        except Exception as error:  # noqa: BLE001  whatever is wrong is the result
            secrets = (options.api_key,) if options.api_key else ()
            return Probe(where, ok=False, detail=call_failure(error, name, secrets).failure.message)
        return Probe(where, ok=True, detail="answers")

    async def close(self) -> None:
        for _, model in self._named.values():
            await model.close()
        for client in self._clients:
            await client.close()


def _asking(client: EndpointClient, name: str) -> Asking:
    return Asking(partial(client.model, name), client.brought_key, partial(client.is_well, name))
