"""What a provider of models is configured with, and what it gives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from agents_defs.endpoints import EndpointOptions, Routing
from agents_defs.prices import Rates
from agents_defs.tenant_keys import TenantKeys

if TYPE_CHECKING:
    from agents import Model

DEFAULT_TIERS: Mapping[str, str] = {"small": "gpt-5.4-nano", "standard": "gpt-5.4-mini", "large": "gpt-5.4"}


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """How models are reached. Filled from the environment elsewhere."""

    provider: Literal["openai", "offline"] = "openai"
    api: Literal["responses", "chat_completions"] = "responses"
    api_key: str | None = field(default=None, repr=False)
    base_url: str | None = None  # None: the provider's own
    tiers: Mapping[str, str] = field(default_factory=lambda: DEFAULT_TIERS)  # tier -> model name
    max_in_flight: int = 1000  # connections to the provider, all kept alive
    connect_timeout_s: float = 5.0
    offline_delay_s: float = 0.0  # between the words of a streamed offline answer
    endpoints: tuple[EndpointOptions, ...] = ()  # empty: the one that the fields above describe
    routing: Routing = "round_robin"
    fallbacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by model, where agents name none
    tier_settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # by tier
    tenant_keys: TenantKeys | None = None  # None: tenants bring none


@dataclass(frozen=True, slots=True)
class NamedModel:
    """A model ready to be called, and the name it is billed under."""

    name: str
    model: Model
    rates: Callable[[], Rates]
    secrets: tuple[str, ...] = field(default=(), repr=False)  # never to appear in a message
    provider: str = "configured"  # what fails together

    @property
    def watched(self) -> tuple[str, str]:
        """By which its failures are counted."""
        return (self.provider, self.name)


@dataclass(frozen=True, slots=True)
class Probe:
    """Whether one model can be used."""

    model: str
    ok: bool
    detail: str


class ModelAccess(ABC):
    """The models of one provider. Shared by all runs of a worker; closed when it ends."""

    @abstractmethod
    def tier(self, tier: str) -> NamedModel:
        """The model of an agent that names none itself."""

    @abstractmethod
    def named(self, name: str) -> NamedModel:
        """The model that an agent or a request asked for by name."""

    def fallbacks(self, _name: str) -> tuple[str, ...]:
        """The models that are asked when this one does not answer, where the agent names none."""
        return ()

    def settings(self, _tier: str) -> Mapping[str, Any]:
        """What models of this tier are asked with, where the agent says nothing."""
        return {}

    @abstractmethod
    async def probe(self) -> tuple[Probe, ...]:
        """Tries each tier's model. Raises nothing: what is wrong stands in the result."""

    @abstractmethod
    async def close(self) -> None:
        """Closes the connections."""
