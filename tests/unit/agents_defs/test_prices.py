"""Prices are those of the list, to the last digit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from genai_prices import Usage
from genai_prices.data_snapshot import get_snapshot
from hypothesis import given
from hypothesis import strategies as st

from agents_defs import prices
from agents_defs.prices import FREE_OFFLINE, LIST_SOURCE, MAX_MODELS, REFRESH_S, UNKNOWN, PriceList
from tests.doubles.recorded_runs import AT

TOKENS = st.integers(0, 2_000_000)
LISTED = [(provider, model) for provider in get_snapshot().providers for model in provider.models]


@given(st.sampled_from(LISTED), TOKENS, TOKENS, st.floats(0, 1), st.floats(0, 1))
def test_a_call_costs_what_the_library_says(
    listed: tuple[object, object], asked: int, said: int, cached_share: float, written_share: float
) -> None:
    provider, model = listed
    cached = int(asked * cached_share)
    written = int((asked - cached) * written_share)
    usage = Usage(
        input_tokens=asked, cache_read_tokens=cached, cache_write_tokens=written, output_tokens=said
    )

    expected = model.calc_price(usage, provider, genai_request_timestamp=AT).total_price  # type: ignore[attr-defined]  # of the untyped library
    rates = prices._rates(model.get_prices(AT))  # type: ignore[attr-defined]  # as above

    assert rates.cost(asked, cached, written, said) == expected


def test_a_known_model_names_its_list() -> None:
    rates = PriceList(lambda: 0.0, lambda: AT).rates("gpt-4.1")

    assert rates.source == LIST_SOURCE
    assert rates.cost(1000, 500, 0, 100) == Decimal("0.00205")


@pytest.mark.parametrize("base_url", [None, "https://api.openai.com/v1", "http://127.0.0.1:4010/v1"])
def test_a_model_is_known_wherever_it_is_served(base_url: str | None) -> None:
    assert PriceList(lambda: 0.0, lambda: AT, base_url).rates("gpt-4.1").source == LIST_SOURCE


def test_nobody_knows_what_an_unknown_model_costs() -> None:
    rates = PriceList(lambda: 0.0, lambda: AT).rates("in-house-70b")

    assert (rates.source, rates.cost(1000, 0, 0, 1000)) == ("unknown", None)


def test_the_offline_model_costs_nothing() -> None:
    assert (FREE_OFFLINE.source, FREE_OFFLINE.cost(1000, 0, 0, 1000)) == ("offline", Decimal(0))
    assert UNKNOWN.cost(1, 0, 0, 1) is None


def test_more_cached_than_asked_is_not_paid_for() -> None:
    rates = PriceList(lambda: 0.0, lambda: AT).rates("gpt-4.1")

    assert rates.cost(100, 5000, 0, 0) == rates.cost(100, 100, 0, 0)


def test_a_price_is_looked_up_once_in_an_hour_and_changes_with_its_date(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, at = 0.0, datetime(2026, 7, 29, 23, 30, tzinfo=UTC)
    asked: list[datetime] = []
    looked_up = prices._looked_up

    def counted(model: str, base_url: str | None, when: datetime) -> prices.Rates:
        asked.append(when)
        return looked_up(model, base_url, when)

    monkeypatch.setattr(prices, "_looked_up", counted)
    listed = PriceList(lambda: now, lambda: at + timedelta(seconds=now))

    before = listed.rates("gpt-5.6-luna").cost(1_000_000, 0, 0, 0)
    now = REFRESH_S - 1
    same = listed.rates("gpt-5.6-luna").cost(1_000_000, 0, 0, 0)
    now = REFRESH_S
    after = listed.rates("gpt-5.6-luna").cost(1_000_000, 0, 0, 0)

    assert before == same != after
    assert len(asked) == 2


def test_names_from_producers_do_not_fill_the_memory() -> None:
    listed = PriceList(lambda: 0.0, lambda: AT)

    for number in range(MAX_MODELS + 10):
        listed.rates(f"made-up-{number}")

    assert len(listed._rates) <= MAX_MODELS
