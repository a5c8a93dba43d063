"""What an error of a model's provider means for the run: our code, and whether the call may be billed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime

import aiohttp
import httpx2
import openai
from agents import AgentsException, ModelBehaviorError

from agents_defs.tenant_keys import KeyUnusable
from schemas.failures import Code, RunFailure

MAX_QUOTE_CHARS = 300
TOO_MANY_REQUESTS = 429
_KEY_LIKE = re.compile(r"\b(?:sk|key|pk)-[A-Za-z0-9*_\-]{4,}|(?i:bearer)\s+\S+")
_NEVER_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    httpx2.ConnectError,
    httpx2.PoolTimeout,
)
_BROKEN_OFF = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, aiohttp.ClientPayloadError)
_PROVIDERS_OWN_TROUBLE = re.compile(r"server_error|rate_limit|overloaded|unavailable|timeout")
_CONNECTION = openai.APIConnectionError
_BY_TYPE: tuple[tuple[tuple[type[Exception], ...], Code], ...] = (  # the first that fits
    ((openai.APITimeoutError, httpx2.TimeoutException, TimeoutError), Code.MODEL_TIMEOUT),
    ((openai.APIConnectionError,), Code.MODEL_UNAVAILABLE),
    ((openai.OpenAIError,), Code.MODEL_REJECTED),
    # A stream that was cut; a body that is no JSON, or of another shape than the API's.
    ((httpx2.HTTPError, httpx2.StreamError, ValueError), Code.MODEL_BEHAVIOUR),
)
_ADVICE = {
    400: "the request is wrong: check the agent's settings, tools and input against the model's limits",
    401: "the API key is missing or wrong: check OPENAI_API_KEY and that it belongs to OPENAI_BASE_URL",
    403: "this API key may not use the model: allow it in the provider's settings, or name another model",
    404: "the model or the address is unknown: check the model's name and OPENAI_BASE_URL",
    413: "the request is too large: send less input",
    422: "the request is wrong: check the agent's settings, tools and input against the model's limits",
}


@dataclass(frozen=True, slots=True)
class CallFailure:
    """`maybe_paid`: the provider may have done the work, and nobody will tell."""

    failure: RunFailure
    maybe_paid: bool
    throttled: bool = False  # the provider works, but not for us, not now

    @property
    def retriable(self) -> bool:
        """The same call may succeed when it is made again."""
        return self.failure.failure.retriable

    def told_as(self, failure: RunFailure) -> CallFailure:
        return replace(self, failure=failure)


def call_failure(error: Exception, model: str, secrets: Sequence[str] = ()) -> CallFailure:
    """What to make of an exception from a provider's client. The failure's text holds no secret."""
    if isinstance(error, KeyUnusable):  # nothing was sent
        return CallFailure(RunFailure(Code.MODEL_REJECTED, str(error)), maybe_paid=False)
    if isinstance(error, openai.APIStatusError):
        throttled = error.status_code == TOO_MANY_REQUESTS
        return CallFailure(_status_failure(error, model, secrets), maybe_paid=False, throttled=throttled)
    code = _code(error)
    told = "" if isinstance(error, openai.APIConnectionError) else f": {redacted(_words(error), secrets)}"
    text = f"{_what_happened(code, error)} (model {model}){told}"
    cause = error if code is Code.INTERNAL else None  # the others' texts may hold a key
    failure = RunFailure(code, text, cause=cause)
    return CallFailure(failure, maybe_paid=not _stems_from(error, _NEVER_SENT))


def redacted(text: str, secrets: Sequence[str]) -> str:
    """`text` without the given secrets and all that looks like a key, cut to a length fit for an answer."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "…")
    text = _KEY_LIKE.sub("…", text)
    return text if len(text) <= MAX_QUOTE_CHARS else f"{text[:MAX_QUOTE_CHARS]}…"


def _code(error: Exception) -> Code:
    if _stems_from(error, _BROKEN_OFF):  # the client takes some of them for timeouts
        return Code.MODEL_UNAVAILABLE
    if isinstance(error, openai.APIError | ModelBehaviorError) and not isinstance(error, _CONNECTION):
        # An error inside a stream has no status: its code, else its text, tells whose trouble it is.
        told = str(getattr(error, "code", None) or error)
        return Code.MODEL_UNAVAILABLE if _PROVIDERS_OWN_TROUBLE.search(told) else Code.MODEL_BEHAVIOUR
    return next((code for kinds, code in _BY_TYPE if isinstance(error, kinds)), Code.INTERNAL)


def _what_happened(code: Code, error: Exception) -> str:
    match code:
        case Code.MODEL_TIMEOUT:
            return "the model call timed out"
        case Code.MODEL_UNAVAILABLE:
            return "the model's provider cannot be reached, broke off or is in trouble"
        case Code.MODEL_REJECTED:
            return "the model's provider cannot be called as configured"
        case Code.MODEL_BEHAVIOUR:
            return "the model's answer was cut off or is malformed"
        case _:
            return f"the model call failed with {type(error).__name__}"


def _status_failure(error: openai.APIStatusError, model: str, secrets: Sequence[str]) -> RunFailure:
    status = error.status_code
    quote = redacted(_words(error), secrets)
    if status in {408, 409, 429} or status >= 500:
        return RunFailure(
            Code.MODEL_UNAVAILABLE,
            f"the model's provider answered {status} for model {model}: {quote}",
            retry_after_ms=retry_after_ms(error.response.headers),
        )
    advice = _ADVICE.get(status, "the provider does not accept this call")
    return RunFailure(
        Code.MODEL_REJECTED,
        f"the model's provider answered {status} for model {model}; {advice}. It said: {quote}",
    )


def retry_after_ms(headers: Mapping[str, str]) -> int | None:
    """How long the provider asks to wait. A date is counted from the provider's own clock, if it tells."""
    millis, seconds = headers.get("retry-after-ms"), headers.get("retry-after")
    for text, factor in ((millis, 1), (seconds, 1000)):
        try:
            if text is not None and 0 <= float(text) < float("inf"):
                return int(float(text) * factor)
        except ValueError:
            continue
    try:
        wait = parsedate_to_datetime(seconds or "") - parsedate_to_datetime(headers.get("date") or "")
    except (TypeError, ValueError):
        return None
    return max(0, int(wait.total_seconds() * 1000))


def _words(error: Exception) -> str:
    """What the provider said, without the client's repetition of the whole body."""
    body = getattr(error, "body", None)
    if isinstance(body, Mapping) and isinstance(body.get("message"), str):
        return str(body["message"])
    text = error.message if isinstance(error, openai.APIError) else str(error)
    return (
        text if isinstance(error, openai.OpenAIError | AgentsException) else f"{type(error).__name__}: {text}"
    )


def _stems_from(error: BaseException | None, kinds: tuple[type[BaseException], ...]) -> bool:
    """Whether one of these is among the error's causes: the transport's own error is below the client's."""
    while error is not None:
        if isinstance(error, kinds):
            return True
        error = error.__cause__
    return False
