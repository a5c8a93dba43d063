"""A model that is served in several places: each call goes to one of them, chosen by how they do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import Context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agents import Model, ModelResponse

from agents_defs import call_time, endpoints
from agents_defs.endpoints import Candidate, EndpointOptions, Load, Routing, Standing
from agents_defs.provider_failures import call_failure

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from agents.items import TResponseStreamEvent


@dataclass(frozen=True, slots=True)
class Asking:
    """How one model is asked at an endpoint."""

    model: Callable[[], Model]  # by the key of whoever asks
    brought_key: Callable[[], bool]  # whether that key is the tenant's own
    looks: Callable[[bool], Awaitable[bool]]  # whether it is well, also where calls hung


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

    @property
    def candidate(self) -> Candidate:
        """As it stands now."""
        return Candidate(self.options, self.standing, self.load.calls)

    def attend(self, now: Callable[[], float]) -> None:
        """Look after it while it is left alone, so that no request has to find out whether it is back."""
        if self.standing.failures and not self._closed and (self._watch is None or self._watch.done()):
            # The run that found out is nothing to it.
            watch = self._looked_after(now)
            self._watch = asyncio.get_running_loop().create_task(watch, context=Context())

    async def _looked_after(self, now: Callable[[], float]) -> None:
        while self.standing.failures:
            until = self.standing.out_until
            await asyncio.sleep(max(0.0, until - now()))
            well = self.standing.out_until == until and await self.asking.looks(self.standing.hangs)
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
            self._failed(place, error, now())
            raise
        except BaseException:
            place.standing = self._cut_off(place.standing, now() - began, now())
            raise
        else:
            place.standing = endpoints.answered(place.standing, now() - began)
        finally:
            place.load.calls -= 1
            place.attend(now)

    def _failed(self, place: Place, error: Exception, now: float) -> None:
        found = call_failure(error, self.model)
        its_fault = found.retriable or found.throttled
        if its_fault and not (found.throttled and place.asking.brought_key()):
            waits_ms = found.failure.retry_after_ms
            place.standing = endpoints.failed(place.standing, now, (waits_ms or 0) / 1000)

    def _cut_off(self, standing: Standing, took_s: float, now: float) -> Standing:
        """Whoever is told to stop may also be tired of waiting: that says less of the endpoint."""
        if call_time.is_up():
            return endpoints.ran_out(standing, took_s, now)
        return endpoints.cut_off(standing, took_s)

    def _next(self, now: float) -> Place:
        candidates = [one.candidate for one in self.places]
        return self.places[endpoints.choose(self._routing, candidates, now)]

    async def close(self) -> None:
        self.let_be()

    def let_be(self) -> None:
        """Look after no endpoint any more. Calls that are under way go on."""
        for place in self.places:
            place.close()
