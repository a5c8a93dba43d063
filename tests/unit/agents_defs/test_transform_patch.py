"""The patch changes what it costs to send a request, not what is sent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, get_args

import httpx2
import openai
import pytest
from openai import omit
from openai._types import not_given
from openai._utils import async_maybe_transform
from openai._utils._transform import PropertyInfo
from openai.resources.chat.completions import completions
from openai.resources.responses import responses
from openai.types import Reasoning
from openai.types.responses import ResponseOutputMessage, ResponseOutputText
from typing_extensions import get_type_hints, is_typeddict

from agents_defs import transform_patch
from agents_defs.model_access import ModelOptions
from agents_defs.openai_access import OpenAIAccess
from agents_defs.prices import PriceList
from agents_defs.registry import default_registry
from agents_defs.runner import AgentRunner
from agents_defs.transform_patch import PLAIN_TYPES, transformed
from schemas.failures import RunFailure
from tests.doubles.recorded_runs import AT, Recorder, order_for

RESPONSES = PLAIN_TYPES[0]
SCHEMA = {
    "type": "object",
    "properties": {"order": {"type": "integer", "enum": [1, 2]}},
    "required": ["order"],
}
TOOL = {"type": "function", "name": "lookup", "parameters": SCHEMA, "strict": True}
REFUSAL = httpx2.Response(400, request=httpx2.Request("POST", "http://127.0.0.1/"))
SAID = ResponseOutputMessage(
    id="m1",
    role="assistant",
    status="completed",
    type="message",
    content=[ResponseOutputText(text="hello", type="output_text", annotations=[])],
)


@pytest.fixture(autouse=True)
def unpatched() -> Iterator[None]:
    transform_patch.remove()
    yield
    transform_patch.remove()


def in_use() -> list[Any]:
    """What the client's modules call."""
    return [vars(module)["async_maybe_transform"] for module in (responses, completions)]


def specialities(kind: Any, seen: set[Any]) -> list[PropertyInfo]:
    """All that a type says of other names and forms on the wire, however deep."""
    found = [info for info in getattr(kind, "__metadata__", ()) if isinstance(info, PropertyInfo)]
    if is_typeddict(kind):
        if kind in seen:
            return found
        seen.add(kind)
        inner = tuple(get_type_hints(kind, include_extras=True).values())
    else:
        inner = get_args(kind)
    return found + [info for part in inner for info in specialities(part, seen)]


@pytest.mark.parametrize("kind", PLAIN_TYPES)
def test_no_field_of_a_model_call_has_another_name_on_the_wire(kind: Any) -> None:
    seen: set[Any] = set()

    assert specialities(kind, seen) == []
    assert len(seen) > 50  # it was looked into


@pytest.mark.parametrize(
    "body",
    [
        {"model": "m", "input": "hello", "stream": omit, "tools": not_given, "temperature": None},
        {"model": "m", "input": [{"role": "user", "content": "hi"}], "tools": [TOOL], "store": False},
        {"model": "m", "input": [SAID]},
        {"model": "m", "reasoning": Reasoning(effort="low", summary=None)},
        {"model": "m", "input": [{"role": "user", "content": omit}]},
        {"model": "m", "metadata": {"at": datetime(2026, 1, 1, tzinfo=UTC)}},
    ],
    ids=["omitted", "plain", "pydantic", "settings", "omitted inside", "a date"],
)
async def test_what_is_sent_is_what_the_client_would_send(body: dict[str, Any]) -> None:
    assert await transformed(body, RESPONSES) == await async_maybe_transform(body, RESPONSES)


async def test_a_plain_request_is_not_walked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    async def forbidden(*_: Any) -> Any:
        raise AssertionError("it was walked through")

    monkeypatch.setattr(transform_patch, "async_maybe_transform", forbidden)

    assert await transformed({"model": "m", "input": "x", "user": omit}, RESPONSES) == {
        "model": "m",
        "input": "x",
    }
    with pytest.raises(AssertionError):
        await transformed({"model": "m", "input": [SAID]}, RESPONSES)


async def test_other_requests_are_left_to_the_client() -> None:
    assert await transformed({"x": omit}, dict) == await async_maybe_transform({"x": omit}, dict)
    assert await transformed(None, RESPONSES) is None


def test_only_the_examined_version_is_patched() -> None:
    assert not transform_patch.apply("3.53.0")
    assert in_use() == [async_maybe_transform, async_maybe_transform]
    assert openai.__version__.startswith(transform_patch.PATCHED_VERSIONS)

    assert transform_patch.apply()

    assert in_use() == [transformed, transformed]


async def test_agents_that_ship_send_plain_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[dict[str, Any]] = []

    async def forbidden(data: Any, _kind: Any) -> Any:
        raise AssertionError(f"it was walked through: {data}")

    async def post(_path: str, *, body: dict[str, Any], **_: Any) -> Any:
        sent.append(body)
        raise openai.BadRequestError("no more of it", response=REFUSAL, body=None)

    models = OpenAIAccess(ModelOptions(api_key="k"), PriceList(lambda: 0.0, lambda: AT))
    monkeypatch.setattr(transform_patch, "async_maybe_transform", forbidden)
    monkeypatch.setattr(models._client.sdk.responses, "_post", post)
    runner = AgentRunner(default_registry(), models)

    with pytest.raises(RunFailure):
        await runner.run(order_for(default_registry().resolve("support")), Recorder())

    assert sent[0]["tools"]
    await models.close()
