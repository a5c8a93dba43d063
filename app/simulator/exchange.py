"""Serves one call: reads it, does to it what its steering asks for, answers it, books it."""

import asyncio
from typing import Any, TypeVar

import orjson
from aiohttp import web

from app.simulator.answers import NOTHING_USED, Answer, compose
from app.simulator.api_errors import InvalidCallError, status_error
from app.simulator.dialects import DIALECTS
from app.simulator.grammar import SteeringError, parse
from app.simulator.ledger import Entry
from app.simulator.model_call import Api, ModelCall
from app.simulator.provider import Provider
from app.simulator.script import Script, Stamp
from app.simulator.steering import Steering

JSON = "application/json"
EVENTS = "text/event-stream"
CLIENT_GONE = 499
T = TypeVar("T")


class Exchange:
    def __init__(self, provider: Provider, request: web.BaseRequest, api: Api) -> None:
        self._provider = provider
        self._request = request
        self._api = api
        self._dialect = DIALECTS[api]
        self._at = provider.at()
        number = provider.number()
        self._stamp = Stamp(f"{self._dialect.id_prefix}{number}", int(self._at.timestamp()))
        self._headers = {"X-Request-Id": f"req_{number}"}
        self._call_id = request.headers.get("X-Client-Request-Id")
        self._call: ModelCall | None = None
        self._answer: Answer | None = None
        self._billed = False
        self._booked = False

    async def serve(self) -> web.StreamResponse:
        self._provider.enter()
        try:
            return await self._serve()
        except InvalidCallError as error:
            self._book("rejected_400")
            return self._whole(error.body, status=400)
        except ConnectionResetError:
            self._book_departure()
            return self._whole(b"", status=CLIENT_GONE)
        except asyncio.CancelledError:
            self._book_departure()
            raise
        finally:
            self._book("failed_500")  # an error of our own: each call has its line
            self._provider.leave()

    async def _serve(self) -> web.StreamResponse:
        self._call = call = self._read(_body(await self._request.read()))
        said, outputs = call.last_user()
        steering, spoken = self._steering(said)
        # Counted on arrival: an attempt that its caller gives up on is an attempt all the same.
        attempt = self._provider.attempts.count(self._call_id, call.input_sha256) if steering.failures else 0
        await _pause(_either(steering.latency_ms, self._provider.options.latency_ms))
        failure = steering.failure_at(attempt)
        if failure is not None:
            return self._fail(failure.status, steering.retry_after)
        if steering.hang:
            return await self._hang()
        self._answer = compose(call, steering, spoken, outputs)
        if call.streamed:
            return await self._stream(call, self._answer, steering)
        return await self._send(self._dialect.whole(call, self._answer, self._stamp), steering)

    def _fail(self, status: int, retry_after: float | None) -> web.StreamResponse:
        self._book(f"failed_{status}")
        error = status_error(status, retry_after)
        self._headers |= error.headers
        return self._whole(error.body, status=status)

    async def _hang(self) -> web.StreamResponse:
        self._book("hung")
        await self._provider.stopping.wait()
        return self._cut(web.Response())

    async def _send(self, body: bytes, steering: Steering) -> web.StreamResponse:
        self._billed = True
        if steering.malformed:
            self._book("malformed")
            return self._whole(body[: len(body) // 2])
        if steering.drop_after is None:
            self._book("ok")
            return self._whole(body)
        self._book("dropped")
        response = web.StreamResponse(headers=self._headers)
        response.content_type = JSON
        response.content_length = len(body)
        await response.prepare(self._request)
        await response.write(body[: len(body) // 2])
        return self._cut(response)

    async def _stream(self, call: ModelCall, answer: Answer, steering: Steering) -> web.StreamResponse:
        options = self._provider.options
        script = self._dialect.script(call, answer, self._stamp, _either(steering.deltas, options.deltas))
        outcome, deltas, last = _course(script, steering)
        chunk_ms = _either(steering.chunk_ms, options.chunk_ms)
        if not chunk_ms and last is not None:
            # Nothing happens between the deltas, so all go out in one write.
            self._billed = True
            self._book(outcome)
            return self._whole(b"".join((script.opening, *deltas, last)), kind=EVENTS)
        response = web.StreamResponse(headers=self._headers)
        response.content_type = EVENTS
        await response.prepare(self._request)
        await response.write(script.opening)
        for number, delta in enumerate(deltas):
            if number:
                await _pause(chunk_ms)
            self._billed = True
            await response.write(delta)
        self._billed = self._billed or last is not None
        self._book(outcome)
        if last is None:
            return self._cut(response)
        await response.write_eof(last)
        return response

    def _cut(self, response: web.StreamResponse) -> web.StreamResponse:
        """Ends the connection within the answer; what was written before still goes out."""
        if self._request.transport is not None:
            self._request.transport.close()
        return response

    def _whole(self, body: bytes, *, status: int = 200, kind: str = JSON) -> web.Response:
        return web.Response(body=body, status=status, headers=self._headers, content_type=kind)

    def _read(self, body: dict[str, Any]) -> ModelCall:
        try:
            return self._dialect.read(body)
        except (TypeError, AttributeError, ValueError) as error:
            raise InvalidCallError(f"a field of the request has the wrong type: {error}") from error

    def _steering(self, said: str) -> tuple[Steering, str]:
        try:
            return parse(said)
        except SteeringError as error:
            raise InvalidCallError(str(error), self._dialect.input_field, "invalid_steering") from error

    def _book_departure(self) -> None:
        self._book("server_stopped" if self._provider.stopping.is_set() else "client_gone")

    def _book(self, outcome: str) -> None:
        """One line per call: what is known first is what counts."""
        if self._booked:
            return
        self._booked = True
        call = self._call
        usage = self._answer.usage if self._billed and self._answer else NOTHING_USED
        took = self._provider.at() - self._at
        self._provider.record(
            Entry(
                at=self._at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                call_id=self._call_id,
                api=self._api,
                model=call.model if call else None,
                input_sha256=call.input_sha256 if call else None,
                streamed=call.streamed if call else False,
                input_tokens=usage.input_tokens,
                cached_tokens=usage.cached_tokens,
                output_tokens=usage.output_tokens,
                reasoning_tokens=usage.reasoning_tokens,
                billed=self._billed,
                outcome=outcome,
                response_id=self._stamp.answer_id if self._billed else None,
                took_ms=int(took.total_seconds() * 1000),
            )
        )


def _course(script: Script, steering: Steering) -> tuple[str, tuple[bytes, ...], bytes | None]:
    """How a stream turns out, the deltas that are sent, and its last bytes; None: it is cut."""
    if steering.malformed:
        return "malformed", script.deltas[: len(script.deltas) // 2], script.garbled
    if steering.drop_after is not None:
        return "dropped", script.deltas[: steering.drop_after], None
    return "ok", script.deltas, script.closing


def _body(raw: bytes) -> dict[str, Any]:
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise InvalidCallError(f"the body is not valid JSON: {error}") from error
    if not isinstance(body, dict):
        raise InvalidCallError("the body must be a JSON object")
    if not isinstance(body.get("model"), str):
        raise InvalidCallError("you must provide a model parameter", "model")
    return body


def _either(steered: T | None, otherwise: T) -> T:
    return otherwise if steered is None else steered


async def _pause(duration_ms: float) -> None:
    if duration_ms:
        await asyncio.sleep(duration_ms / 1000)
