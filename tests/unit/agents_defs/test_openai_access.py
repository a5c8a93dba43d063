"""How the provider's client is set up, and what is found out about its models."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from agents import OpenAIChatCompletionsModel, OpenAIResponsesModel

from agents_defs.configured_access import MAX_MODELS
from agents_defs.model_access import ModelOptions, open_models
from agents_defs.openai_access import OpenAIAccess
from agents_defs.prices import PriceList
from tests.doubles.recorded_runs import AT
from tests.unit.agents_defs.test_provider_failures import KEY, answered

OPTIONS = ModelOptions(api_key=KEY, base_url="http://127.0.0.1:9/v1", max_in_flight=1234)


def opened(**changes: Any) -> OpenAIAccess:
    values = {name: getattr(OPTIONS, name) for name in ModelOptions.__dataclass_fields__} | changes
    return OpenAIAccess(ModelOptions(**values), PriceList(lambda: 0.0, lambda: AT))


@pytest.fixture
async def access() -> AsyncIterator[OpenAIAccess]:
    found = opened()
    yield found
    await found.close()


async def test_the_client_does_not_retry_and_sets_no_limit_but_for_connecting(access: OpenAIAccess) -> None:
    client = access._client.sdk

    assert client.max_retries == 0
    assert (client.timeout.connect, client.timeout.read, client.timeout.pool) == (5.0, None, None)  # type: ignore[union-attr]  # set as a Timeout


async def test_there_are_as_many_connections_as_runs(access: OpenAIAccess) -> None:
    transport: Any = access._client.sdk._client._transport

    assert transport.limits.max_connections == 1234
    assert transport.limits.max_keepalive_connections == 1234


@pytest.mark.parametrize(
    ("api", "kind"), [("responses", OpenAIResponsesModel), ("chat_completions", OpenAIChatCompletionsModel)]
)
async def test_models_speak_the_api_that_was_chosen(api: str, kind: type) -> None:
    access = opened(api=api)

    assert isinstance(access.tier("standard").model, kind)
    await access.close()


async def test_a_model_is_made_once(access: OpenAIAccess) -> None:
    assert access.named("gpt-5") is access.named("gpt-5")
    assert access.tier("small").name != access.tier("large").name


async def test_prices_are_loaded_before_the_first_run_needs_them(access: OpenAIAccess) -> None:
    assert set(access._prices._rates) == {access.tier(tier).name for tier in ("small", "standard", "large")}


async def test_names_from_producers_do_not_fill_the_memory(access: OpenAIAccess) -> None:
    used = access.named("used")

    for number in range(MAX_MODELS + 10):
        access.named(f"made-up-{number}")
        assert access.named("used") is used

    assert len(access._named) <= MAX_MODELS


async def test_no_key_in_any_description(access: OpenAIAccess) -> None:
    assert KEY not in repr(OPTIONS)
    assert KEY not in repr(access.named("gpt-5"))


async def test_a_provider_without_a_key_is_found_before_it_is_asked() -> None:
    access = opened(api_key=None, base_url=None)

    (probe,) = await access.probe()

    assert (probe.ok, probe.detail) == (False, "OPENAI_API_KEY is not set")
    await access.close()


def told(monkeypatch: pytest.MonkeyPatch, access: OpenAIAccess, answer: Any) -> list[str]:
    asked: list[str] = []

    async def retrieve(name: str, **_: Any) -> Any:
        asked.append(name)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(access._client.sdk.models, "retrieve", retrieve)
    return asked


def answering(monkeypatch: pytest.MonkeyPatch, access: OpenAIAccess, error: Exception | None) -> None:
    async def create(**_: Any) -> Any:
        if error is not None:
            raise error

    monkeypatch.setattr(access._client.sdk.responses, "create", create)


async def test_each_tiers_model_is_probed_once(monkeypatch: pytest.MonkeyPatch, access: OpenAIAccess) -> None:
    asked = told(monkeypatch, access, object())

    probes = await access.probe()

    assert all(probe.ok for probe in probes)
    assert (
        asked
        == [probe.model for probe in probes]
        == [access.tier(t).name for t in ("small", "standard", "large")]
    )


async def test_a_refused_key_is_reported_without_it(
    monkeypatch: pytest.MonkeyPatch, access: OpenAIAccess
) -> None:
    refusal = answered(401, f"Incorrect API key provided: {KEY}")
    told(monkeypatch, access, refusal)
    answering(monkeypatch, access, refusal)

    probes = await access.probe()

    assert not any(probe.ok for probe in probes)
    assert "OPENAI_API_KEY" in probes[0].detail
    assert KEY not in probes[0].detail


async def test_an_unknown_model_is_reported(monkeypatch: pytest.MonkeyPatch, access: OpenAIAccess) -> None:
    missing = answered(404, "The model does not exist")
    missing.code = "model_not_found"
    told(monkeypatch, access, missing)

    probes = await access.probe()

    assert "does not exist" in probes[0].detail


@pytest.mark.parametrize("works", [True, False])
async def test_a_server_that_lists_no_models_is_asked_for_an_answer(
    monkeypatch: pytest.MonkeyPatch, access: OpenAIAccess, works: bool
) -> None:
    told(monkeypatch, access, answered(404, "no such page"))
    unreachable = openai.APIConnectionError(request=answered(500).request)
    answering(monkeypatch, access, None if works else unreachable)

    probes = await access.probe()

    assert {probe.ok for probe in probes} == {works}


async def test_the_offline_model_needs_nothing() -> None:
    access = open_models(ModelOptions(provider="offline"), now=lambda: 0.0, at=lambda: AT)

    (probe,) = await access.probe()

    assert (probe.model, probe.ok) == ("offline", True)
    assert access.named("gpt-5") is access.tier("large")
    assert access.tier("large").rates().source == "offline"
    await access.close()
