"""What a model call costs, by the price list of genai-prices.

That library takes 50 us for a call: it validates the list and works out which kinds of tokens contain which.
Here its list is looked up once an hour for each model, and a call is a few multiplications.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from genai_prices.types import ModelPrice, TieredPrices

LIST_SOURCE = f"genai-prices/{version('genai-prices')}"
UNKNOWN_SOURCE = "unknown"
OFFLINE_SOURCE = "offline"
REFRESH_S = 3600.0
"""Prices change on a date, or by the hour of the day."""
MAX_MODELS = 1024
"""A producer may name any model: forget all rather than remember without end."""

Steps = tuple[tuple[int, Decimal], ...]
"""USD for a million tokens, from this number of input tokens on; the highest step first."""


@dataclass(frozen=True, slots=True)
class Rates:
    """The prices of one model. None: that kind of token has no price of its own."""

    source: str
    input: Steps | None = None
    cached: Steps | None = None
    cache_write: Steps | None = None
    output: Steps | None = None
    request: Decimal | None = None  # USD for a thousand calls

    def cost(
        self, input_tokens: int, cached_tokens: int, cache_write_tokens: int, output_tokens: int
    ) -> Decimal | None:
        """The price of one call; None where no price is known."""
        if self.source == UNKNOWN_SOURCE:
            return None
        fresh, total = input_tokens, Decimal(0)
        for steps, tokens in ((self.cached, cached_tokens), (self.cache_write, cache_write_tokens)):
            if steps is not None and tokens:
                counted = min(tokens, fresh)
                fresh -= counted
                total += _at(steps, input_tokens) * counted
        if self.input is not None:
            total += _at(self.input, input_tokens) * fresh
        if self.output is not None:
            total += _at(self.output, input_tokens) * output_tokens
        total = total.scaleb(-6)
        return total if self.request is None else total + self.request.scaleb(-3)


FREE_OFFLINE = Rates(OFFLINE_SOURCE)
UNKNOWN = Rates(UNKNOWN_SOURCE)


class PriceList:
    """The rates of models by name, looked up when first used and again after an hour."""

    def __init__(
        self, now: Callable[[], float], at: Callable[[], datetime], base_url: str | None = None
    ) -> None:
        self._now = now
        self._at = at
        self._base_url = base_url
        self._rates: dict[str, tuple[float, Rates]] = {}

    def rates(self, model: str) -> Rates:
        now = self._now()
        known = self._rates.get(model)
        if known is not None and now < known[0]:
            return known[1]
        if len(self._rates) >= MAX_MODELS:
            self._rates.clear()
        rates = _looked_up(model, self._base_url, self._at())
        self._rates[model] = (now + REFRESH_S, rates)
        return rates


def _looked_up(model: str, base_url: str | None, at: datetime) -> Rates:
    """By the provider's address where the list knows it, else by the model's name alone."""
    from genai_prices.data_snapshot import get_snapshot  # here: the list takes half a second to load

    for url in dict.fromkeys((base_url, None)):
        try:
            _, listed = get_snapshot().find_provider_model(model, None, None, url)
        except LookupError:
            continue
        return _rates(listed.get_prices(at))
    return UNKNOWN


def _rates(price: ModelPrice) -> Rates:
    request = price.requests_kcount
    return Rates(
        LIST_SOURCE,
        input=_steps(price.input_mtok),
        cached=_steps(price.cache_read_mtok),
        cache_write=_steps(price.cache_write_mtok),
        output=_steps(price.output_mtok),
        request=request if isinstance(request, Decimal) else None,
    )


def _steps(price: Decimal | TieredPrices | None) -> Steps | None:
    if price is None:
        return None
    if isinstance(price, Decimal):
        return ((-1, price),)
    return (*((tier.start, tier.price) for tier in reversed(price.tiers)), (-1, price.base))


def _at(steps: Steps, input_tokens: int) -> Decimal:
    for start, price in steps:
        if input_tokens > start:
            return price
    return steps[-1][1]
