"""The simulator's HTTP server: in a process of its own, or inside a test."""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from app.simulator.api_errors import INVALID, error_body
from app.simulator.exchange import Exchange
from app.simulator.model_call import Api
from app.simulator.options import SimulatorOptions
from app.simulator.provider import Provider

MODELS = ("gpt-5.4", "gpt-5.4-mini", "gpt-5.4-nano", "gpt-4.1", "gpt-4o", "gpt-4o-mini")
"""What GET /v1/models lists; a call may name any model."""
MAX_BODY_BYTES = 64 * 1024 * 1024
STOP_AFTER_S = 1.0
"""So long a stopping simulator lets the calls in flight finish."""

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class RunningSimulator:
    def __init__(self, provider: Provider, runner: web.ServerRunner, port: int) -> None:
        self._provider = provider
        self._runner = runner
        self.port = port
        self.base_url = f"http://{provider.options.host}:{port}/v1"
        self.ledger_path: Path | None = provider.options.ledger

    @property
    def calls(self) -> int:
        return self._provider.calls

    @property
    def in_flight(self) -> int:
        return self._provider.in_flight

    async def stop(self) -> None:
        """Ends what is in flight and closes the ledger; may be called twice."""
        self._provider.stopping.set()
        await self._runner.cleanup()
        await self._provider.close()


async def start(options: SimulatorOptions) -> RunningSimulator:
    """Listens on the running event loop; raises OSError where the port is taken."""
    provider = Provider(options)
    server = web.Server(
        partial(_route, _routes(provider)),
        request_factory=_sized_request,
        handler_cancellation=True,
        access_log=None,
        keepalive_timeout=3600.0,
    )
    runner = web.ServerRunner(server, shutdown_timeout=STOP_AFTER_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, options.host, options.port, backlog=4096).start()
    except OSError:
        await runner.cleanup()
        await provider.close()
        raise
    return RunningSimulator(provider, runner, runner.addresses[0][1])


def _routes(provider: Provider) -> dict[tuple[str, str], Handler]:
    def answers(api: Api) -> Handler:
        return lambda request: Exchange(provider, request, api).serve()

    async def models(_: web.BaseRequest) -> web.StreamResponse:
        data = [{"id": name, "object": "model", "created": 0, "owned_by": "simulator"} for name in MODELS]
        return _json({"object": "list", "data": data})

    async def healthz(_: web.BaseRequest) -> web.StreamResponse:
        return _json({"status": "ok", "calls": provider.calls, "in_flight": provider.in_flight})

    return {
        ("POST", "/v1/responses"): answers("responses"),
        ("POST", "/v1/chat/completions"): answers("chat"),
        ("GET", "/v1/models"): models,
        ("GET", "/healthz"): healthz,
    }


async def _route(routes: dict[tuple[str, str], Handler], request: web.BaseRequest) -> web.StreamResponse:
    handler = routes.get((request.method, request.rel_url.raw_path))
    if handler is not None:
        return await handler(request)
    known = ", ".join(" ".join(route) for route in routes)
    message = f"no such path: {request.method} {request.rel_url.raw_path}; there are {known}"
    return web.Response(body=error_body(message, INVALID), status=404, content_type="application/json")


def _json(value: object) -> web.Response:
    return web.Response(body=orjson.dumps(value), content_type="application/json")


def _sized_request(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
    """aiohttp's own request, but for prompts over its limit of 1 MiB."""
    loop = task.get_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=MAX_BODY_BYTES)
