"""The models behind an OpenAI-compatible API: one client, one pool of connections, no retries of its own.

The client talks through aiohttp. Its own default looks through all open connections for each request: with
500 calls in flight that costs 4.8 ms of CPU a call, through aiohttp 1.0 ms.
"""

from __future__ import annotations

from functools import partial

import httpx2
import openai
from agents import Model, OpenAIChatCompletionsModel, OpenAIResponsesModel
from openai import AsyncOpenAI, DefaultAioHttpClient

from agents_defs.model_provider import ModelAccess, ModelOptions, NamedModel, Probe
from agents_defs.prices import PriceList
from agents_defs.provider_failures import call_failure

NO_KEY = "none"
"""Compatible servers without keys still want the header; the client refuses to start without one."""
MAX_MODELS = 256
KEEP_ALIVE_S = 30.0
"""Less than the idle timeout of the load balancers that providers use."""


class OpenAIAccess(ModelAccess):
    def __init__(self, options: ModelOptions, prices: PriceList) -> None:
        self._options = options
        self._prices = prices
        self._named: dict[str, NamedModel] = {}
        limits = httpx2.Limits(
            max_connections=options.max_in_flight,
            max_keepalive_connections=options.max_in_flight,
            keepalive_expiry=KEEP_ALIVE_S,
        )
        # How long an answer may take is each agent's own limit, so none is set here but for connecting. A
        # call that finds no free connection waits for one within its limit.
        timeout = httpx2.Timeout(None, connect=options.connect_timeout_s)
        self._client = AsyncOpenAI(
            api_key=options.api_key or NO_KEY,
            base_url=options.base_url,
            max_retries=0,
            timeout=timeout,
            http_client=DefaultAioHttpClient(limits=limits, timeout=timeout),
        )
        for name in options.tiers.values():
            prices.rates(name)  # loads the list now, and not while runs wait for it

    def tier(self, tier: str) -> NamedModel:
        tiers = self._options.tiers
        if tier not in tiers:
            known = ", ".join(tiers)
            raise LookupError(f"no model is configured for the tier {tier!r}; configured: {known}")
        return self.named(tiers[tier])

    def named(self, name: str) -> NamedModel:
        known = self._named.get(name)
        if known is None:
            if len(self._named) >= MAX_MODELS:  # producers name them
                self._named.clear()
            secrets = (self._options.api_key,) if self._options.api_key else ()
            known = NamedModel(name, self._model(name), partial(self._prices.rates, name), secrets)
            self._named[name] = known
        return known

    def _model(self, name: str) -> Model:
        if self._options.api == "chat_completions":
            return OpenAIChatCompletionsModel(model=name, openai_client=self._client)
        return OpenAIResponsesModel(model=name, openai_client=self._client)

    async def probe(self) -> tuple[Probe, ...]:
        if self._options.api_key is None and self._options.base_url is None:
            return (Probe("*", ok=False, detail="OPENAI_API_KEY is not set"),)
        return tuple([await self._probed(name) for name in dict.fromkeys(self._options.tiers.values())])

    async def _probed(self, name: str) -> Probe:
        """Asks for the model's description, which is free; where the server has none, for a tiny answer."""
        try:
            try:
                await self._client.models.retrieve(name, timeout=10)
            except openai.APIStatusError as error:
                if error.status_code not in {404, 405, 501} or error.code == "model_not_found":
                    raise
                await self._asked(name)
        except Exception as error:  # noqa: BLE001  whatever is wrong is the result
            secrets = (self._options.api_key,) if self._options.api_key else ()
            return Probe(name, ok=False, detail=call_failure(error, name, secrets).failure.message)
        return Probe(name, ok=True, detail=f"answers at {self._client.base_url.host}")

    async def _asked(self, name: str) -> None:
        if self._options.api == "chat_completions":
            await self._client.chat.completions.create(
                model=name,
                messages=[{"role": "user", "content": "ping"}],
                max_completion_tokens=16,
                timeout=30,
            )
        else:
            await self._client.responses.create(model=name, input="ping", max_output_tokens=16, timeout=30)

    async def close(self) -> None:
        await self._client.close()
