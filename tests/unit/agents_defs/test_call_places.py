"""So many calls to one model at a time: fair by tenant, within the run's time, every place given back."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import pytest
from agents.testing import assistant_message

from agents_defs.call_places import CallPlaces, places_of
from agents_defs.journal_entries import open_calls
from agents_defs.model_access import FixedAccess
from agents_defs.recovery import Recovery
from agents_defs.registry import Registry
from agents_defs.retry_policy import RetryRules
from agents_defs.run_journal import RunPostponed
from agents_defs.run_order import RunResult
from agents_defs.runner import AgentRunner
from schemas.failures import Code, RunFailure
from tests.doubles.history_model import HistoryModel
from tests.doubles.memory_journal import MemoryJournal
from tests.doubles.recorded_runs import Recorder, order_for, plain_agent, spec_of
from tests.unit.agents_defs.test_unavailable_models import Names, status


async def turn() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def waiting(places: CallPlaces, tenant_id: str, order: list[str]) -> asyncio.Task[None]:
    async def wait() -> None:
        await places.take(tenant_id)
        order.append(tenant_id)

    return asyncio.create_task(wait())


async def test_tenants_take_turns_and_each_has_its_own_order() -> None:
    places, order = CallPlaces(1), list[str]()
    await places.take("acme")
    tasks = [waiting(places, tenant, order) for tenant in ("acme", "acme", "acme", "globex", "globex")]
    await turn()
    assert (places.taken, places.waiting, order) == (1, 5, [])

    for _ in tasks:
        places.give()
        await turn()

    assert order == ["acme", "globex", "acme", "globex", "acme"]
    places.give()
    assert (places.taken, places.waiting) == (0, 0)


async def test_who_is_cut_off_while_it_waits_leaves_its_place_to_the_next() -> None:
    places, order = CallPlaces(1), list[str]()
    await places.take("acme")
    gone, other = waiting(places, "acme", order), waiting(places, "globex", order)
    await turn()

    gone.cancel()
    await turn()
    assert places.waiting == 1
    places.give()
    await turn()

    assert other.done()
    assert (places.taken, order) == (1, ["globex"])


async def test_a_place_that_is_given_in_the_moment_of_a_cancel_is_not_lost() -> None:
    places, order = CallPlaces(1), list[str]()
    await places.take("acme")
    gone, other = waiting(places, "acme", order), waiting(places, "globex", order)
    await turn()

    places.give()
    gone.cancel()
    await turn()

    assert gone.cancelled()
    assert other.done()
    assert (places.taken, places.waiting, order) == (1, 0, ["globex"])


async def test_whatever_happens_no_place_is_lost_and_there_are_never_more() -> None:
    places, rng, held, most = CallPlaces(3), Random(5), 0, 0

    async def call(tenant_id: str) -> None:
        nonlocal held, most
        async with asyncio.timeout(rng.choice([0.0, 0.001, 5])):
            await places.take(tenant_id)
            try:
                held += 1
                most = max(most, held)
                await asyncio.sleep(0)
            finally:
                held -= 1
                places.give()

    tasks = [asyncio.create_task(call(rng.choice("abc"))) for _ in range(300)]
    for _ in range(100):
        rng.choice(tasks).cancel()
        await asyncio.sleep(0)
    await asyncio.gather(*tasks, return_exceptions=True)

    assert most == 3
    assert (places.taken, places.waiting) == (0, 0)


# -- in runs


class Slow(HistoryModel):
    """Answers when it is told to."""

    def __init__(self) -> None:
        super().__init__(lambda *_: [assistant_message("done")])
        self.go, self.in_flight, self.most = asyncio.Event(), 0, 0

    async def get_response(self, *positional: Any, **named: Any) -> Any:
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        try:
            await self.go.wait()
            return await super().get_response(*positional, **named)
        finally:
            self.in_flight -= 1


class House:
    """A runner on such a model, with two places for it."""

    def __init__(self, most: int = 2, **models: Any) -> None:
        self.model = Slow()
        self.places = places_of({"first": most})
        access = Names(first=self.model, **models) if models else FixedAccess(self.model, "first")
        recovery = Recovery(RetryRules(tries=1), places=self.places)
        self.runner = AgentRunner(Registry(), access, recovery=recovery)

    def run(self, request_id: str, **changes: Any) -> asyncio.Task[RunResult]:
        limits = {
            name: changes.pop(name) for name in ("fallback_models", "call_timeout_s") if name in changes
        }
        order = order_for(spec_of(plain_agent, **limits), request_id=request_id, **changes)
        return asyncio.create_task(self.runner.run(order, Recorder()))

    async def until_waiting(self, number: int) -> None:
        async with asyncio.timeout(5):
            while self.places["first"].waiting != number:
                await asyncio.sleep(0)

    async def until_asked(self) -> None:
        async with asyncio.timeout(5):
            while not self.model.in_flight:
                await asyncio.sleep(0)


async def test_no_more_calls_are_in_flight_than_there_are_places_and_all_runs_end() -> None:
    house = House()
    runs = [house.run(f"r-{number}", run_id=f"run-{number}") for number in range(9)]
    await house.until_waiting(7)

    house.model.go.set()
    await asyncio.gather(*runs)

    assert house.model.most == 2
    assert house.places["first"].taken == 0


async def test_a_model_without_a_cap_is_asked_as_often_as_it_is_wanted() -> None:
    house = House()
    house.runner._recovery = Recovery()
    house.model.go.set()

    runs = [house.run(f"r-{number}", run_id=f"run-{number}") for number in range(5)]
    await asyncio.gather(*runs)

    assert house.model.most == 5


async def test_who_waits_has_booked_nothing_and_waits_no_longer_than_its_run_may_last() -> None:
    house, journal = House(1), MemoryJournal()
    first = house.run("r-1")
    late = house.run("r-2", run_id="run-2", timeout_s=0.05, journal=journal)
    await house.until_waiting(1)
    assert not open_calls(journal.entries)

    with pytest.raises(RunFailure) as caught:
        await late

    assert caught.value.code is Code.MODEL_TIMEOUT
    assert "the run did not end within 0.05 s" in caught.value.message
    assert (house.places["first"].waiting, house.places["first"].taken) == (0, 1)
    house.model.go.set()
    await first
    assert house.places["first"].taken == 0


async def test_who_finds_no_place_for_as_long_as_a_call_may_take_makes_room_and_comes_back() -> None:
    house = House(1)
    first = house.run("r-1")
    await house.until_asked()

    with pytest.raises(RunPostponed) as caught:
        await house.run("r-2", run_id="run-2", call_timeout_s=0.02, journal=MemoryJournal())

    assert caught.value.after_s > 0
    assert caught.value.failure.code is Code.MODEL_UNAVAILABLE
    assert "1 calls to the model first are under way" in caught.value.failure.message
    house.model.go.set()
    await first


async def test_where_there_is_another_model_that_one_answers() -> None:
    house = House(1, second=HistoryModel(lambda *_: [assistant_message("from the second")]))
    first = house.run("r-1", model="first")
    await house.until_asked()

    other = await house.run(
        "r-2", run_id="run-2", model="first", call_timeout_s=0.02, fallback_models=("second",)
    )

    assert (other.output, other.degraded) == ("from the second", True)
    house.model.go.set()
    await first


async def test_a_call_that_fails_or_is_cut_off_gives_its_place_back() -> None:
    house = House(1)
    cut = house.run("r-1")
    await house.until_asked()
    assert house.places["first"].taken == 1
    cut.cancel()
    await asyncio.gather(cut, return_exceptions=True)
    assert house.places["first"].taken == 0

    house.model.go.set()
    house.runner = AgentRunner(
        Registry(),
        FixedAccess(HistoryModel(lambda *_: status(400)), "first"),
        recovery=Recovery(RetryRules(tries=1), places=house.places),
    )
    with pytest.raises(RunFailure):
        await house.run("r-2", run_id="run-2")
    assert house.places["first"].taken == 0
