"""The HTTP endpoints /healthz, /readyz, /metrics and /version: states and numbers, never data."""

import asyncio
import contextlib
import errno
import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

import orjson
import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.exposition import choose_encoder

CHECK_S = 2.0  # a check that takes longer has failed
BEAT_S = 0.5
HELD_UP_S = 1.0
DELAY_S = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 10)


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found. Anybody who asks is shown `detail`: no data, no addresses, no keys in it."""

    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose pages these are, as it is told."""

    setting: str = "PENSTOCK_HTTP_BIND"
    stopping: str = "the worker is stopping"
    held_up: str = (
        "the worker was held up: a tool or guardrail that blocks has to be a plain function, "
        "which runs in a thread, or to await"
    )


A_WORKERS: Final = Whose()
Ask = Callable[[], Awaitable[Check] | Check]
Checks = Mapping[str, Ask]


class Health:
    """Serves the endpoints on `bind` (host and port; port 0 takes a free one).

    `ready` decides /readyz: may this worker be counted on? `live` decides /healthz: who fails there is
    restarted, so only what a restart mends belongs there. All are asked on each request.
    """

    def __init__(
        self,
        bind: tuple[str, int],
        ready: Checks,
        live: Checks,
        registry: CollectorRegistry,
        version: str,
        whose: Whose = A_WORKERS,
    ) -> None:
        self._bind: Final = bind
        self._ready: Final = ready
        self._live: Final = live
        self._registry: Final = registry
        self._version: Final = version
        self._whose: Final = whose
        self._draining = False
        self._log = structlog.get_logger("penstock.health")
        self._runner: web.AppRunner | None = None
        self._beat: asyncio.Task[None] | None = None
        self._delay = Histogram(
            "penstock_loop_delay_seconds",
            "How much later than planned the event loop comes round, measured twice a second.",
            buckets=DELAY_S,
            registry=registry,
        )

    async def start(self) -> tuple[str, int]:
        """Listen; returns where. The text of an OSError is one line: what is wrong and what to do."""
        app = web.Application()
        app.on_response_prepare.append(_discreet)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/version", self._tell_version)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        host, port = self._bind
        try:
            await web.TCPSite(self._runner, host.strip("[]") or None, port).start()
        except OSError as error:
            await self.stop()
            raise OSError(_advice(f"{self._whose.setting}={host}:{port}", error)) from error
        self._beat = asyncio.create_task(self._beats())
        bound: tuple[str, int] = self._runner.addresses[0][:2]
        return bound

    def drain(self) -> None:
        """The worker is stopping: no longer ready, still alive."""
        self._draining = True

    async def stop(self) -> None:
        """Listen no more."""
        beat, self._beat = self._beat, None
        if beat is not None:
            beat.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await beat
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def _beats(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + BEAT_S
            await asyncio.sleep(BEAT_S)
            self._came_round(max(0.0, loop.time() - due))

    def _came_round(self, late_s: float) -> None:
        self._delay.observe(late_s)
        if late_s >= HELD_UP_S:
            self._log.warning(self._whose.held_up, seconds=round(late_s, 3))

    async def _healthz(self, _: web.Request) -> web.Response:
        return _verdict("alive", "stuck", await _ask_all(self._live))

    async def _readyz(self, _: web.Request) -> web.Response:
        found = await _ask_all(self._ready)
        if self._draining:
            found["draining"] = Check(False, self._whose.stopping)
        return _verdict("ready", "not ready", found)

    async def _metrics(self, request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(self._registry), headers={"Content-Type": content_type})

    async def _tell_version(self, _: web.Request) -> web.Response:
        return _json({"name": "penstock", "version": self._version})


async def _ask_all(checks: Checks) -> dict[str, Check]:
    found = await asyncio.gather(*map(answer, checks.values()))
    return dict(zip(checks, found, strict=True))


async def answer(ask: Ask, within_s: float = CHECK_S) -> Check:
    """What a check says; one that is late or breaks has failed."""
    try:
        async with asyncio.timeout(within_s):
            found = ask()
            return await found if inspect.isawaitable(found) else found
    except TimeoutError:
        return Check(False, f"no answer within {within_s:g} s")
    except Exception as error:  # noqa: BLE001  its text may hold data
        return Check(False, type(error).__name__)


def _verdict(good: str, bad: str, found: Mapping[str, Check]) -> web.Response:
    ok = all(check.ok for check in found.values())
    checks = {name: {"ok": check.ok, "detail": check.detail} for name, check in found.items()}
    return _json({"status": good if ok else bad, "checks": checks}, 200 if ok else 503)


def _json(document: object, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(document), status=status, content_type="application/json")


async def _discreet(_: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = "penstock"  # not which Python and which library, in which versions
    response.headers["Cache-Control"] = "no-store"


def _advice(place: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{place}: the port is taken (by another worker?); choose another, or 0 for a free one"
    if error.errno == errno.EACCES:
        return f"{place}: ports below 1024 need privileges; choose a higher one"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{place}: this machine has no such address; use 127.0.0.1, or 0.0.0.0 for all"
    return f"{place}: cannot listen there ({error.strerror or error})"
