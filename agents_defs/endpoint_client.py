"""One of several endpoints as runs ask it: with its own key, or with that of the tenant whose run asks."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from agents_defs.current_scope import CURRENT
from agents_defs.endpoints import Load
from agents_defs.provider_client import ProviderClient
from agents_defs.tenant_keys import KeyUnusable

if TYPE_CHECKING:
    from agents import Model

    from agents_defs.endpoints import EndpointOptions
    from agents_defs.tenant_keys import TenantKeys

MOST_KEYS = 256


class EndpointClient:
    """One endpoint."""

    def __init__(
        self, options: EndpointOptions, connections: int, connect_timeout_s: float, keys: TenantKeys | None
    ) -> None:
        self.options = options
        self.load = Load()
        self._keys = keys
        self._models: OrderedDict[tuple[str, str | None], Model] = OrderedDict()
        self._client: ProviderClient | None = None  # LiteLLM has connections of its own
        if options.provider != "litellm":
            self._client = ProviderClient(options, connections, connect_timeout_s)

    def model(self, name: str) -> Model:
        """The model of this name, with the key of the tenant whose run asks, if it brought one."""
        key = self._tenants_key()
        found = self._models.get((name, key))
        if found is None:
            found = self._models[name, key] = self._made(name, key)
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
        if self._client is not None:
            return self._client.model(name, key)
        from agents.extensions.models.litellm_model import LitellmModel  # here: an extra

        options = self.options
        called = options.names.get(name, name)
        return LitellmModel(model=called, base_url=options.base_url, api_key=key or options.api_key)

    async def is_well(self, name: str, hung: bool) -> bool:
        """Whether calls may go there again; of LiteLLM's nobody can tell without paying."""
        return self._client is None or await self._client.is_well(name, hung=hung)

    async def asked(self, name: str) -> None:
        """Raises what is wrong with the model, for a probe."""
        if self._client is not None:
            await self._client.asked(name)

    async def close(self) -> None:
        """No more connections."""
        if self._client is not None:
            await self._client.close()
