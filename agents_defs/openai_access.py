"""The models behind one OpenAI-compatible API: one client, one pool of connections."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from agents_defs.configured_access import ConfiguredAccess
from agents_defs.endpoints import EndpointOptions
from agents_defs.model_provider import NamedModel, Probe
from agents_defs.provider_client import ProviderClient
from agents_defs.provider_failures import call_failure

if TYPE_CHECKING:
    from agents_defs.model_provider import ModelOptions
    from agents_defs.prices import PriceList


class OpenAIAccess(ConfiguredAccess):
    """The provider that the environment names."""

    def __init__(self, options: ModelOptions, prices: PriceList) -> None:
        super().__init__(options, prices)
        only = EndpointOptions("configured", "openai", options.base_url, options.api_key, options.api)
        self._client = ProviderClient(only, options.max_in_flight, options.connect_timeout_s)
        self._secrets = (options.api_key,) if options.api_key else ()

    def _made(self, name: str) -> NamedModel:
        return NamedModel(name, self._client.model(name), partial(self._prices.rates, name), self._secrets)

    async def probe(self) -> tuple[Probe, ...]:
        if self._options.api_key is None and self._options.base_url is None:
            return (Probe("*", ok=False, detail="OPENAI_API_KEY is not set"),)
        names = dict.fromkeys(self._options.tiers.values())
        return tuple(await asyncio.gather(*map(self._probed, names)))

    async def _probed(self, name: str) -> Probe:
        try:
            await self._client.asked(name)
        except Exception as error:  # noqa: BLE001  whatever is wrong is the result
            return Probe(name, ok=False, detail=call_failure(error, name, self._secrets).failure.message)
        return Probe(name, ok=True, detail=f"answers at {self._client.host}")

    async def close(self) -> None:
        await self._client.close()
