"""A model that is served in several places: each call goes to one of them, chosen by how they do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from agents import Model, ModelResponse

from agents_defs import endpoints
from agents_defs.endpoints import EndpointOptions, Routing, Standing
from agents_defs.provider_failures import call_failure

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from agents.items import TResponseStreamEvent

Looks = Callable[[], Awaitable[bool]]


class Place:
    """One endpoint, as one model is asked there."""

    __slots__ = ("_looks", "_watch", "model", "options", "standing")

    def __init__(self, options: EndpointOptions, model: Callable[[], Model], looks: Looks) -> None:
        self.options = options
        self.model = model  # by the key of whoever asks
        self.standing = Standing()
        self._looks = looks
        self._watch: asyncio.Task[None] | None = None

    def out(self, now: Callable[[], float]) -> None:
        """Look after it while it is left alone, so that no request has to find out whether it is back."""
        if self._watch is None or self._watch.done():
            self._watch = asyncio.get_running_loop().create_task(self._looked_after(now))

    async def _looked_after(self, now: Callable[[], float]) -> None:
        while self.standing.failures:
            await asyncio.sleep(max(0.0, self.standing.out_until - now()))
            if await self._looks():
                self.standing = endpoints.recovered(self.standing)
            elif self.standing.failures:  # else a call has found out meanwhile
                self.standing = endpoints.still_out(self.standing, now())

    def close(self) -> None:
        """Look no more."""
        if self._watch is not None:
            self._watch.cancel()


class PooledModel(Model):
    """Chooses for each call."""

    def __init__(self, name: str, places: Sequence[Place], routing: Routing) -> None:
        self.model = name
        self.places = tuple(places)
        self._routing = routing

    async def get_response(self, *positional: Any, **named: Any) -> ModelResponse:
        async with self._chosen() as place:
            return await place.model().get_response(*positional, **named)

    async def stream_response(
        self, *positional: Any, **named: Any
    ) -> AsyncGenerator[TResponseStreamEvent, None]:
        async with self._chosen() as place:
            async for event in place.model().stream_response(*positional, **named):
                yield event

    @asynccontextmanager
    async def _chosen(self) -> AsyncIterator[Place]:
        now = asyncio.get_running_loop().time
        place, began = self._next(now()), now()
        least = min(one.standing.asked for one in self.places)
        place.standing = endpoints.sent(place.standing, place.options, least)
        try:
            yield place
        except Exception as error:
            found = call_failure(error, self.model)
            if not (found.retriable or found.throttled):
                place.standing = endpoints.let_go(place.standing)  # what was asked is at fault, or its key
                raise
            waits_ms = found.failure.retry_after_ms
            place.standing = endpoints.failed(place.standing, now(), (waits_ms or 0) / 1000)
            place.out(now)
            raise
        except BaseException:
            place.standing = endpoints.let_go(place.standing)
            raise
        place.standing = endpoints.answered(place.standing, now() - began)

    def _next(self, now: float) -> Place:
        options = [one.options for one in self.places]
        return self.places[endpoints.choose(self._routing, options, [p.standing for p in self.places], now)]

    async def close(self) -> None:
        for place in self.places:
            place.close()
