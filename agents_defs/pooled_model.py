"""A model that is served in several places: each call goes to one of them, chosen by how they do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from agents import Model, ModelResponse

from agents_defs import endpoints
from agents_defs.endpoints import EndpointOptions, Load, Routing, Standing
from agents_defs.provider_failures import call_failure

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from agents.items import TResponseStreamEvent


@dataclass(frozen=True, slots=True)
class Asking:
    """How one model is asked at an endpoint."""

    model: Callable[[], Model]  # by the key of whoever asks
    brought_key: Callable[[], bool]  # whether that key is the tenant's own
    looks: Callable[[], Awaitable[bool]]  # whether it answers at all


class Place:
    """One endpoint, as one model is asked there."""

    __slots__ = ("_closed", "_watch", "asking", "load", "options", "standing")

    def __init__(self, options: EndpointOptions, asking: Asking, load: Load) -> None:
        self.options = options
        self.asking = asking
        self.load = load  # of all models that are asked there
        self.standing = Standing()
        self._watch: asyncio.Task[None] | None = None
        self._closed = False

    def out(self, now: Callable[[], float]) -> None:
        """Look after it while it is left alone, so that no request has to find out whether it is back."""
        if not self._closed and (self._watch is None or self._watch.done()):
            self._watch = asyncio.get_running_loop().create_task(self._looked_after(now))

    async def _looked_after(self, now: Callable[[], float]) -> None:
        while self.standing.failures:
            until = self.standing.out_until
            await asyncio.sleep(max(0.0, until - now()))
            well = self.standing.out_until == until and await self.asking.looks()
            if self.standing.out_until != until:
                continue  # calls have found out more meanwhile
            if well:
                self.standing = endpoints.recovered(self.standing)
            else:
                self.standing = endpoints.still_out(self.standing, now())

    def close(self) -> None:
        """Look no more."""
        self._closed = True
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
            return await place.asking.model().get_response(*positional, **named)

    async def stream_response(
        self, *positional: Any, **named: Any
    ) -> AsyncGenerator[TResponseStreamEvent, None]:
        async with self._chosen() as place:
            async for event in place.asking.model().stream_response(*positional, **named):
                yield event

    @asynccontextmanager
    async def _chosen(self) -> AsyncIterator[Place]:
        now = asyncio.get_running_loop().time
        place, began = self._next(now()), now()
        least = min(one.standing.asked for one in self.places)
        place.standing = endpoints.sent(place.standing, place.options, least)
        place.load.calls += 1
        try:
            yield place
        except Exception as error:
            found = call_failure(error, self.model)
            its_fault = found.retriable or found.throttled
            if not its_fault or (found.throttled and place.asking.brought_key()):
                place.standing = endpoints.let_go(place.standing)  # what was asked is at fault, or its key
                raise
            waits_ms = found.failure.retry_after_ms
            place.standing = endpoints.failed(place.standing, now(), (waits_ms or 0) / 1000)
            place.out(now)
            raise
        except BaseException:
            place.standing = endpoints.cut_off(place.standing, now() - began)
            raise
        else:
            place.standing = endpoints.answered(place.standing, now() - began)
        finally:
            place.load.calls -= 1

    def _next(self, now: float) -> Place:
        options = [one.options for one in self.places]
        standings = [replace(one.standing, in_flight=one.load.calls) for one in self.places]
        return self.places[endpoints.choose(self._routing, options, standings, now)]

    async def close(self) -> None:
        self.let_be()

    def let_be(self) -> None:
        """Look after no endpoint any more. Calls that are under way go on."""
        for place in self.places:
            place.close()
