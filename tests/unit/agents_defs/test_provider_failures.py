"""What each error of a provider means for a run, what may have been paid, and that no key gets out."""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping
from typing import Any

import aiohttp
import httpx2
import openai
import pytest
from agents import ModelBehaviorError
from agents.testing import ModelStep, ScriptedModel

from agents_defs.model_access import FixedAccess, NamedModel
from agents_defs.prices import FREE_OFFLINE
from agents_defs.provider_failures import call_failure, redacted, retry_after_ms
from agents_defs.registry import Registry
from agents_defs.runner import AgentRunner
from schemas.failures import Code, RunFailure
from tests.doubles.recorded_runs import Recorder, one_try, order_for, plain_agent, run_agent, spec_of

KEY = "sk-proj-abcdefghijklmnop0123456789"
REQUEST = httpx2.Request("POST", "http://provider.example/v1/responses")


def answered(
    status: int, message: str = "no", headers: Mapping[str, str] | None = None
) -> openai.APIStatusError:
    kinds: dict[int, type[openai.APIStatusError]] = {
        400: openai.BadRequestError,
        401: openai.AuthenticationError,
        403: openai.PermissionDeniedError,
        404: openai.NotFoundError,
        409: openai.ConflictError,
        422: openai.UnprocessableEntityError,
        429: openai.RateLimitError,
        500: openai.InternalServerError,
    }
    kind = kinds.get(status, openai.APIStatusError)
    response = httpx2.Response(status, headers=headers, request=REQUEST)
    return kind(message, response=response, body={"message": message})


def caused(error: BaseException, *causes: BaseException) -> Any:
    """The error with a chain of causes, as the client raises it."""
    below: BaseException = error
    for cause in causes:
        below.__cause__ = cause
        below = cause
    return error


def unconnected() -> aiohttp.ClientConnectorError:
    return aiohttp.ClientConnectorError(Any, OSError("refused"))  # type: ignore[arg-type]  # the key is for its text


def by_code(code: str) -> openai.APIError:
    return openai.APIError("inside a stream", REQUEST, body={"message": "inside a stream", "code": code})


UNREACHED = caused(openai.APITimeoutError(REQUEST), httpx2.ConnectTimeout("x"), unconnected())
DISCONNECTED = caused(
    openai.APITimeoutError(REQUEST), httpx2.ConnectTimeout("x"), aiohttp.ServerDisconnectedError()
)
CUT = caused(openai.APIConnectionError(request=REQUEST), aiohttp.ClientPayloadError("cut"))


@pytest.mark.parametrize(
    ("error", "code", "maybe_paid"),
    [
        (answered(429), Code.MODEL_UNAVAILABLE, False),
        (answered(500), Code.MODEL_UNAVAILABLE, False),
        (answered(503), Code.MODEL_UNAVAILABLE, False),
        (answered(408), Code.MODEL_UNAVAILABLE, False),
        (answered(409), Code.MODEL_UNAVAILABLE, False),
        (answered(400), Code.MODEL_REJECTED, False),
        (answered(401), Code.MODEL_REJECTED, False),
        (answered(403), Code.MODEL_REJECTED, False),
        (answered(404), Code.MODEL_REJECTED, False),
        (answered(413), Code.MODEL_REJECTED, False),
        (answered(422), Code.MODEL_REJECTED, False),
        (UNREACHED, Code.MODEL_UNAVAILABLE, False),
        (DISCONNECTED, Code.MODEL_UNAVAILABLE, True),
        (CUT, Code.MODEL_UNAVAILABLE, True),
        (openai.APIConnectionError(request=REQUEST), Code.MODEL_UNAVAILABLE, True),
        (openai.APITimeoutError(REQUEST), Code.MODEL_TIMEOUT, True),
        (TimeoutError(), Code.MODEL_TIMEOUT, True),
        (by_code("server_error"), Code.MODEL_UNAVAILABLE, True),
        (by_code("rate_limit_exceeded"), Code.MODEL_UNAVAILABLE, True),
        (by_code("invalid_prompt"), Code.MODEL_BEHAVIOUR, True),
        (ModelBehaviorError("ended with `response.incomplete`"), Code.MODEL_BEHAVIOUR, True),
        (ModelBehaviorError("error=ResponseError(code='server_error')"), Code.MODEL_UNAVAILABLE, True),
        (httpx2.RemoteProtocolError("peer closed"), Code.MODEL_BEHAVIOUR, True),
        (json.JSONDecodeError("bad", "{", 1), Code.MODEL_BEHAVIOUR, True),
        (openai.OpenAIError("no key"), Code.MODEL_REJECTED, True),
        (RuntimeError("what is this"), Code.INTERNAL, True),
    ],
    ids=lambda value: value.__class__.__name__ if isinstance(value, Exception) else str(value),
)
def test_each_error_has_its_code(error: Exception, code: Code, maybe_paid: bool) -> None:
    found = call_failure(error, "gpt-x")

    assert (found.failure.code, found.maybe_paid) == (code, maybe_paid)
    assert "gpt-x" in found.failure.message


@pytest.mark.parametrize(
    ("status", "advice"),
    [(401, "OPENAI_API_KEY"), (403, "allow it"), (404, "check the model's name"), (400, "check the agent")],
)
def test_a_rejection_says_what_to_do(status: int, advice: str) -> None:
    message = call_failure(answered(status), "gpt-x").failure.message

    assert str(status) in message
    assert advice in message


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"retry-after": "3"}, 3000),
        ({"retry-after": "1.5"}, 1500),
        ({"retry-after-ms": "250", "retry-after": "9"}, 250),
        (
            {"retry-after": "Sat, 21 Nov 2026 12:00:30 GMT", "date": "Sat, 21 Nov 2026 12:00:00 GMT"},
            30_000,
        ),
        ({"retry-after": "Sat, 21 Nov 2026 11:00:00 GMT", "date": "Sat, 21 Nov 2026 12:00:00 GMT"}, 0),
        ({"retry-after": "Sat, 21 Nov 2026 12:00:30 GMT"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({}, None),
    ],
)
def test_the_provider_says_how_long_to_wait(headers: dict[str, str], expected: int | None) -> None:
    assert retry_after_ms(headers) == expected


def test_a_rate_limit_hands_on_the_wait() -> None:
    failure = call_failure(answered(429, headers={"retry-after": "7"}), "gpt-x").failure

    assert failure.retry_after_ms == 7000


@pytest.mark.parametrize(
    "text",
    [
        f"Incorrect API key provided: {KEY}.",
        "Incorrect API key provided: sk-pro**********6789.",
        "header was Authorization: Bearer abc.def.ghi",
        "your secret is hunter2hunter2",
    ],
)
def test_keys_are_taken_out_of_what_a_provider_says(text: str) -> None:
    clean = redacted(text, ("hunter2hunter2",))

    assert "…" in clean
    for secret in (KEY, "sk-pro", "6789", "abc.def", "hunter2"):
        assert secret not in clean


def test_a_long_quotation_is_cut() -> None:
    assert len(redacted("x" * 10_000, ())) < 400


@pytest.mark.parametrize("status", [400, 401, 429, 500])
async def test_no_failure_carries_the_key_in_its_message_or_its_causes(status: int) -> None:
    model = ScriptedModel([ModelStep.raise_error(answered(status, f"key {KEY} and token hunter2hunter2"))])
    access = FixedAccess(model)
    access._named = NamedModel("gpt-x", model, lambda: FREE_OFFLINE, secrets=("hunter2hunter2",))

    with pytest.raises(RunFailure) as caught:
        await AgentRunner(Registry(), access, recovery=one_try()).run(
            order_for(spec_of(plain_agent)), Recorder()
        )

    told = caught.value.message + "".join(traceback.format_exception(caught.value))
    assert KEY not in told
    assert "hunter2" not in told


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("error", "code", "calls"),
    [
        (answered(429, headers={"retry-after": "2"}), Code.MODEL_UNAVAILABLE, []),
        (answered(401), Code.MODEL_REJECTED, []),
        (UNREACHED, Code.MODEL_UNAVAILABLE, []),
        (CUT, Code.MODEL_UNAVAILABLE, ["unknown"]),
        (json.JSONDecodeError("bad", "{", 1), Code.MODEL_BEHAVIOUR, ["unknown"]),
        (RuntimeError("boom"), Code.INTERNAL, ["unknown"]),
    ],
    ids=lambda value: value.__class__.__name__ if isinstance(value, Exception) else None,
)
async def test_a_run_fails_with_the_code_and_tells_what_may_be_billed(
    error: Exception, code: Code, calls: list[str], stream: bool
) -> None:
    recorder = Recorder()

    with pytest.raises(RunFailure) as caught:
        await run_agent(plain_agent, ScriptedModel([ModelStep.raise_error(error)]), recorder, stream=stream)

    assert caught.value.code is code
    assert [call.state for call in recorder.calls] == calls


async def test_an_unknown_error_is_chained() -> None:
    boom = RuntimeError("boom")

    with pytest.raises(RunFailure) as caught:
        await run_agent(plain_agent, ScriptedModel([ModelStep.raise_error(boom)]))

    assert caught.value.code is Code.INTERNAL
    assert caught.value.__cause__ is boom


async def test_nothing_is_tried_again() -> None:
    model = ScriptedModel([ModelStep.raise_error(answered(500)), ModelStep.raise_error(answered(500))])

    with pytest.raises(RunFailure):
        await run_agent(plain_agent, model)

    assert len(model.calls) == 1
