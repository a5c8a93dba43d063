"""Errors in the shape of the OpenAI API: what a client's own exceptions are made of."""

from dataclasses import dataclass
from http import HTTPStatus

import orjson

INVALID = "invalid_request_error"

_KNOWN: dict[int, tuple[str, str | None, str]] = {
    400: (INVALID, None, "The request was not accepted."),
    401: (INVALID, "invalid_api_key", "Incorrect API key provided."),
    402: ("insufficient_quota", "insufficient_quota", "You exceeded your current quota."),
    403: (INVALID, "permission_denied", "You are not allowed to use this model."),
    404: (INVALID, "model_not_found", "The model does not exist or you do not have access to it."),
    408: ("timeout", "request_timeout", "The request took too long."),
    409: ("conflict", "conflict", "The resource is locked."),
    413: (INVALID, "request_too_large", "The request is too large."),
    422: (INVALID, None, "The request could not be processed."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached for requests."),
    503: ("server_error", "service_unavailable", "The engine is currently overloaded."),
}
_BY_SERVER = ("server_error", None, "The server had an error while processing your request.")


class InvalidCallError(Exception):
    """A request that the real API would answer with 400."""

    def __init__(self, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.body = error_body(message, INVALID, param, code)


@dataclass(frozen=True, slots=True)
class StatusError:
    status: int
    body: bytes
    headers: dict[str, str]


def error_body(message: str, kind: str, param: str | None = None, code: str | None = None) -> bytes:
    error = {"message": message, "type": kind, "param": param, "code": code}
    return orjson.dumps({"error": error})


def status_error(status: int, retry_after: float | None) -> StatusError:
    """What the provider sends with `status`; a 429 always says when to come back."""
    unlisted = _BY_SERVER if status >= HTTPStatus.INTERNAL_SERVER_ERROR else _KNOWN[400]
    kind, code, message = _KNOWN.get(status, unlisted)
    if retry_after is None and status == HTTPStatus.TOO_MANY_REQUESTS:
        retry_after = 1.0
    headers = {}
    if retry_after is not None:
        # The header counts whole seconds; the second one is what the official client reads first.
        headers = {"Retry-After": str(-int(-retry_after // 1)), "Retry-After-Ms": f"{retry_after * 1000:.0f}"}
    return StatusError(status, error_body(f"{message} (simulated)", kind, None, code), headers)
