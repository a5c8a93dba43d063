"""The connections to one endpoint, and its models, asked with its own key or with a tenant's."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import httpx2
import openai
from agents import Model, OpenAIChatCompletionsModel, OpenAIResponsesModel
from openai import AsyncAzureOpenAI, AsyncOpenAI, DefaultAioHttpClient

from agents_defs.current_scope import CURRENT
from agents_defs.endpoints import Load
from agents_defs.tenant_keys import KeyUnusable

if TYPE_CHECKING:
    from agents_defs.endpoints import EndpointOptions
    from agents_defs.tenant_keys import TenantKeys

NO_KEY = "none"
"""Compatible servers without keys still want the header; the client refuses to start without one."""
KEEP_ALIVE_S = 30.0
"""Less than the idle timeout of the load balancers that providers use."""
LOOK_S = 5.0
MOST_KEYS = 256
SERVERS_FAULT = 500
TOO_MANY = 429


class EndpointClient:
    """One endpoint."""

    def __init__(
        self, options: EndpointOptions, connections: int, connect_timeout_s: float, keys: TenantKeys | None
    ) -> None:
        self.options = options
        self.load = Load()
        self._keys = keys
        self._models: OrderedDict[tuple[str, str | None], Model] = OrderedDict()
        self._client = (
            None if options.provider == "litellm" else _client(options, connections, connect_timeout_s)
        )

    def model(self, name: str) -> Model:
        """The model of this name, with the key of the tenant whose run asks, if it brought one."""
        key = self._tenants_key()
        found = self._models.get((name, key))
        if found is None:
            found = self._models[name, key] = self._made(self.options.names.get(name, name), key)
            if len(self._models) > MOST_KEYS:
                self._models.popitem(last=False)
        else:
            self._models.move_to_end((name, key))
        return found

    def brought_key(self) -> bool:
        """Whether the tenant whose run asks brought a key for this endpoint."""
        return self._reference() is not None

    def _reference(self) -> str | None:
        scope = CURRENT.get()
        if scope is None or self._keys is None or self.options.tenant_key is None:
            return None
        reference: str | None = scope.run.order.secrets.get(self.options.tenant_key)
        return reference

    def _tenants_key(self) -> str | None:
        scope, reference = CURRENT.get(), self._reference()
        if scope is None or self._keys is None or reference is None:
            return None
        try:
            key = self._keys.key(reference)
        except ValueError as error:
            told = f"the tenant's own key {self.options.tenant_key!r} cannot be used: {error}"
            raise KeyUnusable(told) from None
        scope.run.secrets.add(key)
        return key

    def _made(self, name: str, key: str | None) -> Model:
        options = self.options
        if self._client is None:
            from agents.extensions.models.litellm_model import LitellmModel  # here: an extra

            return LitellmModel(model=name, base_url=options.base_url, api_key=key or options.api_key)
        client = self._client if key is None else self._client.with_options(api_key=key)
        if options.api == "chat_completions":
            return OpenAIChatCompletionsModel(model=name, openai_client=client)
        return OpenAIResponsesModel(model=name, openai_client=client)

    async def is_well(self, name: str) -> bool:
        """Whether it answers at all; what it says of the model does not matter."""
        if self._client is None:
            return True  # there is nothing that costs nothing to ask it
        try:
            await self._client.models.retrieve(self.options.names.get(name, name), timeout=LOOK_S)
        except openai.APIStatusError as error:
            return error.status_code < SERVERS_FAULT and error.status_code != TOO_MANY
        except (openai.OpenAIError, httpx2.HTTPError, OSError):
            return False
        return True

    async def asked(self, name: str) -> None:
        """Raises what is wrong with the model, for a probe."""
        if self._client is not None:
            await self._client.models.retrieve(self.options.names.get(name, name), timeout=2 * LOOK_S)

    async def close(self) -> None:
        """No more connections."""
        if self._client is not None:
            await self._client.close()


def _client(options: EndpointOptions, connections: int, connect_timeout_s: float) -> AsyncOpenAI:
    limits = httpx2.Limits(
        max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=KEEP_ALIVE_S
    )
    timeout = httpx2.Timeout(None, connect=connect_timeout_s)  # how long an answer may take, agents say
    shared: dict[str, Any] = {
        "api_key": options.api_key or NO_KEY,
        "max_retries": 0,
        "timeout": timeout,
        "http_client": DefaultAioHttpClient(limits=limits, timeout=timeout),
    }
    if options.provider == "azure":
        address = options.base_url or ""
        return AsyncAzureOpenAI(azure_endpoint=address, api_version=options.api_version, **shared)
    return AsyncOpenAI(base_url=options.base_url, **shared)
