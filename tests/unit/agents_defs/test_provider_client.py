"""What each answer of an endpoint means for whether it is well and whether a model can be asked there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import openai
import pytest
from agents import OpenAIChatCompletionsModel, OpenAIResponsesModel
from openai import AsyncAzureOpenAI

from agents_defs.endpoints import EndpointOptions
from agents_defs.provider_client import NO_KEY, ProviderClient
from tests.unit.agents_defs.test_provider_failures import KEY, answered

HERE = EndpointOptions("here", base_url="http://127.0.0.1:9/v1", api_key=KEY)
Reply = int | type[Exception]
"""A status, or what is raised where none comes."""
OK = 200
GONE = ConnectionResetError


def said(reply: Reply, code: str | None = None) -> None:
    """Raises what the client does upon it."""
    if not isinstance(reply, int):
        raise reply("nobody")
    if reply != OK:
        error = answered(reply)
        error.code = code
        raise error


@dataclass
class Endpoint:
    """A client whose calls are answered as a test says."""

    client: ProviderClient
    described: Reply = OK
    answers: Reply = OK
    code: str | None = None  # of a description that is refused
    asked: list[str] = field(default_factory=list)

    async def retrieve(self, name: str, **_: Any) -> None:
        self.asked.append(f"description of {name}")
        said(self.described, self.code)

    async def create(self, model: str, **_: Any) -> None:
        self.asked.append(f"answer of {model}")
        said(self.answers)

    @property
    def paid(self) -> int:
        return sum(one.startswith("answer") for one in self.asked)


@pytest.fixture
async def endpoint(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Endpoint]:
    found = Endpoint(ProviderClient(HERE, 9, 5.0))
    heard(found, monkeypatch)
    yield found
    await found.client.close()


def heard(found: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    sdk = found.client.sdk
    monkeypatch.setattr(sdk.models, "retrieve", found.retrieve)
    monkeypatch.setattr(sdk.responses, "create", found.create)
    monkeypatch.setattr(sdk.chat.completions, "create", found.create)


async def can_be_asked(found: Endpoint) -> bool:
    try:
        await found.client.asked("m")
    except (openai.OpenAIError, OSError):
        return False
    return True


@pytest.mark.parametrize(
    ("described", "well"),
    [
        (OK, True),
        (400, True),
        (404, True),
        (405, True),
        (422, True),
        (501, True),
        (408, False),
        (429, False),
        (500, False),
        (503, False),
        (GONE, False),
    ],
)
async def test_who_answers_is_well_unless_the_server_is_in_trouble(
    endpoint: Endpoint, described: Reply, well: bool
) -> None:
    endpoint.described = described

    assert await endpoint.client.is_well("m", hung=False) is well
    assert endpoint.paid == 0


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    ("answers", "well"), [(OK, True), (400, True), (401, False), (403, False), (503, False)]
)
async def test_a_key_that_may_not_read_descriptions_is_tried_for_an_answer(
    endpoint: Endpoint, status: int, answers: Reply, well: bool
) -> None:
    endpoint.described, endpoint.answers = status, answers

    assert await endpoint.client.is_well("m", hung=False) is well
    assert endpoint.paid == 1


@pytest.mark.parametrize("hung", [False, True])
async def test_where_the_keys_are_the_tenants_who_asks_for_one_is_well(
    monkeypatch: pytest.MonkeyPatch, hung: bool
) -> None:
    found = Endpoint(ProviderClient(replace(HERE, api_key=None), 9, 5.0), described=401, answers=401)
    heard(found, monkeypatch)

    assert await found.client.is_well("m", hung=hung)
    assert len(found.asked) == 1
    await found.client.close()


@pytest.mark.parametrize(
    ("answers", "well"), [(OK, True), (400, True), (404, True), (429, False), (501, False), (GONE, False)]
)
async def test_where_calls_hung_only_an_answer_counts(endpoint: Endpoint, answers: Reply, well: bool) -> None:
    endpoint.answers = answers

    assert await endpoint.client.is_well("m", hung=True) is well
    assert endpoint.asked == ["answer of m"]


@pytest.mark.parametrize(
    ("described", "answers", "can", "paid"),
    [
        (OK, GONE, True, 0),
        (404, OK, True, 1),
        (405, OK, True, 1),
        (501, OK, True, 1),
        (400, OK, True, 1),
        (403, OK, True, 1),
        (401, 401, False, 1),
        (404, 404, False, 1),
        (404, GONE, False, 1),
        (429, OK, False, 0),
        (503, OK, False, 0),
        (GONE, OK, False, 0),
    ],
)
async def test_a_model_can_be_asked_where_its_description_or_a_tiny_answer_comes(
    endpoint: Endpoint, described: Reply, answers: Reply, can: bool, paid: int
) -> None:
    endpoint.described, endpoint.answers = described, answers

    assert await can_be_asked(endpoint) is can
    assert endpoint.paid == paid


async def test_a_model_that_the_server_says_it_does_not_have_is_not_paid_for(endpoint: Endpoint) -> None:
    endpoint.described, endpoint.code = 404, "model_not_found"

    assert not await can_be_asked(endpoint)
    assert endpoint.paid == 0


@pytest.mark.parametrize(
    ("api", "kind"), [("responses", OpenAIResponsesModel), ("chat_completions", OpenAIChatCompletionsModel)]
)
async def test_a_model_is_asked_and_probed_as_it_is_called_there(
    monkeypatch: pytest.MonkeyPatch, api: Any, kind: type
) -> None:
    found = Endpoint(ProviderClient(replace(HERE, api=api, names={"m": "m-eu-2"}), 9, 5.0), described=404)
    heard(found, monkeypatch)

    await found.client.asked("m")

    model = found.client.model("m")
    assert isinstance(model, kind)
    assert getattr(model, "model", None) == "m-eu-2"
    assert found.asked == ["description of m-eu-2", "answer of m-eu-2"]
    await found.client.close()


async def test_a_tenants_key_shares_the_connections_and_not_the_key() -> None:
    client = ProviderClient(HERE, 9, 5.0)

    theirs: Any = client.model("m", "theirs")

    assert theirs._client.api_key == "theirs"
    assert theirs._client._client is client.sdk._client
    assert client.sdk.api_key == KEY
    await client.close()


async def test_azure_has_a_client_of_its_own_and_a_server_without_keys_gets_a_word() -> None:
    options = EndpointOptions("eu", "azure", "http://127.0.0.1:9", None, api_version="2026-01-01")
    client = ProviderClient(options, 9, 5.0)

    assert isinstance(client.sdk, AsyncAzureOpenAI)
    assert client.sdk.api_key == NO_KEY
    await client.close()
