"""What every access to configured models has: tiers, their prices, and each model made once."""

from __future__ import annotations

from abc import abstractmethod
from collections import OrderedDict
from typing import TYPE_CHECKING

from agents_defs.model_provider import ModelAccess

if TYPE_CHECKING:
    from agents_defs.model_provider import ModelOptions, NamedModel
    from agents_defs.prices import PriceList

MAX_MODELS = 256
"""Producers name them; those not asked for longest are forgotten."""


class ConfiguredAccess(ModelAccess):
    """By the options' tiers."""

    def __init__(self, options: ModelOptions, prices: PriceList) -> None:
        self._options = options
        self._prices = prices
        self._named: OrderedDict[str, NamedModel] = OrderedDict()
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
            known = self._named[name] = self._made(name)
            if len(self._named) > MAX_MODELS:
                self._forgotten(self._named.popitem(last=False)[1])
        else:
            self._named.move_to_end(name)
        return known

    @abstractmethod
    def _made(self, name: str) -> NamedModel:
        """The model of this name, which nobody asked for of late."""

    def _forgotten(self, _model: NamedModel) -> None:
        """Runs that have it may go on with it."""
