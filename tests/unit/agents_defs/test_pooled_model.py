"""What a model that is served in several places notes of them: loads, failures, and who is to blame."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from math import inf
from typing import Any

import httpx2
import openai
import pytest
from agents import Model, ModelSettings
from agents.testing import ScriptedModel, assistant_message

from agents_defs import call_time, configured_access
from agents_defs.current_scope import CURRENT
from agents_defs.endpoint_access import EndpointAccess
from agents_defs.endpoints import (
    FIRST_OUT_S,
    HUNG_CALLS,
    EndpointOptions,
    Load,
    Routing,
    Standing,
    failed,
    still_out,
)
from agents_defs.model_provider import ModelOptions
from agents_defs.pooled_model import Asking, Place, PooledModel
from agents_defs.prices import PriceList
from tests.doubles.recorded_runs import AT

ROUTINGS: tuple[Routing, ...] = ("round_robin", "least_in_flight", "latency")
ANSWERS = ScriptedModel([[assistant_message("hello")]] * 9)
REQUEST = httpx2.Request("POST", "https://models.example/v1/responses")
ASKED: dict[str, Any] = {
    "system_instructions": None,
    "input": "hi",
    "model_settings": ModelSettings(),
    "tools": [],
    "output_schema": None,
    "handoffs": [],
    "tracing": None,
    "previous_response_id": None,
    "conversation_id": None,
    "prompt": None,
}


class Throttled(ScriptedModel):
    """Says 429 to whoever asks."""

    def __init__(self) -> None:
        super().__init__([])

    async def get_response(self, *_: Any, **__: Any) -> Any:
        raise openai.RateLimitError("no", response=httpx2.Response(429, request=REQUEST), body=None)


class Held(ScriptedModel):
    """Answers when it is let go."""

    def __init__(self) -> None:
        super().__init__([])
        self.begun, self.go = asyncio.Event(), asyncio.Event()

    async def get_response(self, *_: Any, **__: Any) -> Any:
        self.begun.set()
        await self.go.wait()


async def well(_hung: bool) -> bool:
    return True


def place(name: str, model: Model, load: Load | None = None, *, brought: bool = False, **more: Any) -> Place:
    asking = Asking(lambda: model, lambda: brought, well)
    return Place(EndpointOptions(name, **more), asking, load or Load())


def access() -> EndpointAccess:
    options = ModelOptions(endpoints=(EndpointOptions("e", base_url="http://127.0.0.1:1"),), tiers={})
    return EndpointAccess(options, PriceList(lambda: 0.0, lambda: AT))


async def test_what_an_endpoint_is_given_at_a_time_counts_for_all_its_models() -> None:
    shared, held = Load(), Held()
    one = PooledModel("one", [place("small", held, shared, max_in_flight=1)], "round_robin")
    other = place("other", ANSWERS)
    two = PooledModel("two", [place("small", ANSWERS, shared, max_in_flight=1), other], "round_robin")
    under_way = asyncio.create_task(one.get_response(**ASKED))
    await held.begun.wait()

    await two.get_response(**ASKED)

    assert other.standing.asked == 1
    held.go.set()
    await under_way
    assert shared.calls == 0


@pytest.mark.parametrize(("brought", "failures"), [(True, 0), (False, 1)])
async def test_an_endpoint_is_not_left_alone_for_a_key_that_its_tenant_brought(
    brought: bool, failures: int
) -> None:
    theirs = place("theirs", Throttled(), brought=brought)
    model = PooledModel("m", [theirs], "round_robin")

    with pytest.raises(openai.RateLimitError):
        await model.get_response(**ASKED)

    assert (theirs.standing.failures, theirs.load.calls) == (failures, 0)
    await model.close()


async def waited_for(model: PooledModel, seconds: float, run_ends: float = inf) -> None:
    """A call that gets no answer in its time."""
    with suppress(TimeoutError):
        async with call_time.within(seconds, run_ends):
            await model.get_response(**ASKED)


@pytest.mark.parametrize("routing", ROUTINGS)
async def test_an_endpoint_that_never_answers_is_left_alone(routing: Routing) -> None:
    hangs, answers = place("hangs", Held()), place("answers", ANSWERS)
    model = PooledModel("m", [hangs, answers], routing)
    hangs.standing = replace(hangs.standing, hung=HUNG_CALLS - 1)

    await waited_for(model, 0.0)

    assert (hangs.standing.failures, hangs.load.calls) == (1, 0)
    for _ in range(2):
        assert model._next(asyncio.get_running_loop().time()) is answers
    await model.close()


@pytest.mark.parametrize(("fair_s", "hung"), [(-inf, 1), (call_time.FAIR_S, 0)])
async def test_a_call_whose_runs_time_is_up_got_no_answer_if_it_had_a_fair_time(
    monkeypatch: pytest.MonkeyPatch, fair_s: float, hung: int
) -> None:
    monkeypatch.setattr(call_time, "FAIR_S", fair_s)
    hangs = place("hangs", Held())
    model = PooledModel("m", [hangs], "round_robin")
    now = asyncio.get_running_loop().time()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.0), call_time.within(60.0, now):
            await model.get_response(**ASKED)

    assert hangs.standing.hung == hung
    await model.close()


async def test_a_call_that_somebody_cancels_is_not_the_endpoints_fault() -> None:
    held = Held()
    hangs = place("hangs", held)
    model = PooledModel("m", [hangs], "round_robin")

    under_way = asyncio.create_task(waited_for(model, 60.0))
    await held.begun.wait()
    under_way.cancel()
    await asyncio.wait([under_way])

    assert (hangs.standing.hung, hangs.load.calls) == (0, 0)


async def test_an_endpoint_on_which_calls_hung_is_asked_for_an_answer_before_it_comes_back() -> None:
    asked: list[bool] = []

    async def looks(hung: bool) -> bool:
        asked.append(hung)
        return True

    tested = Place(EndpointOptions("e"), Asking(lambda: ANSWERS, lambda: False, looks), Load())
    for hung in (HUNG_CALLS, 1):
        tested.standing = replace(still_out(Standing(), -100.0), hung=hung)
        tested.attend(lambda: 0.0)
        while tested.standing.failures:
            await asyncio.sleep(0)
        await asyncio.sleep(0)

    assert asked == [True, False]


async def test_an_endpoint_is_left_alone_while_it_is_looked_at() -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    async def looks(_hung: bool) -> bool:
        begun.set()
        await go.wait()
        return True

    seen = Place(EndpointOptions("seen"), Asking(lambda: ANSWERS, lambda: False, looks), Load())
    other = place("other", ANSWERS)
    other.standing = Standing(asked=99)
    model = PooledModel("m", [seen, other], "round_robin")
    seen.standing = still_out(Standing(), -FIRST_OUT_S - 0.5)
    seen.attend(lambda: 0.0)
    await begun.wait()

    assert model._next(0.0) is other
    go.set()
    while seen.standing.failures:
        await asyncio.sleep(0)
    assert model._next(0.0) is seen
    await model.close()


async def test_who_looks_after_an_endpoint_holds_no_run() -> None:
    seen: list[Any] = []

    async def looks(_hung: bool) -> bool:
        seen.append(CURRENT.get())
        return True

    tested = Place(EndpointOptions("e"), Asking(Throttled, lambda: False, looks), Load())
    model, token = PooledModel("m", [tested], "round_robin"), CURRENT.set("a run")
    tested.standing = still_out(Standing(), -100.0)
    tested.attend(lambda: 0.0)
    CURRENT.reset(token)
    while not seen:
        await asyncio.sleep(0)

    assert seen == [None]
    await model.close()


async def test_who_looks_after_an_endpoint_waits_for_as_long_as_a_later_call_was_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    passed, looked, real_sleep = [0.0], list[float](), asyncio.sleep

    async def looks(_hung: bool) -> bool:
        looked.append(passed[0])
        return True

    tested = Place(EndpointOptions("e"), Asking(lambda: ANSWERS, lambda: False, looks), Load())
    tested.standing = failed(tested.standing, 0.0)

    async def sleep(seconds: float) -> None:
        if not passed[0]:
            tested.standing = failed(tested.standing, 1.0, retry_after_s=30)
        passed[0] += seconds
        await real_sleep(0)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    tested.attend(lambda: passed[0])
    while tested.standing.failures:
        await real_sleep(0)

    assert looked == [31.0]


async def test_a_model_that_was_closed_looks_after_nothing() -> None:
    tested = place("e", Throttled())
    model = PooledModel("m", [tested], "round_robin")
    await model.close()
    before = asyncio.all_tasks()

    with pytest.raises(openai.RateLimitError):
        await model.get_response(**ASKED)

    assert asyncio.all_tasks() == before


async def test_models_that_somebody_makes_up_do_not_displace_the_one_that_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(configured_access, "MAX_MODELS", 3)
    tested = access()
    used = tested.named("used")

    for number in range(9):
        tested.named(f"made-up-{number}")
        assert tested.named("used") is used

    await tested.close()


async def test_a_model_that_is_forgotten_is_not_looked_after(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configured_access, "MAX_MODELS", 1)
    tested = access()
    first = tested.named("first").model
    assert isinstance(first, PooledModel)
    first.places[0].standing = failed(Standing(), 1e12)
    before = asyncio.all_tasks()
    first.places[0].attend(asyncio.get_running_loop().time)

    tested.named("second")
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert asyncio.all_tasks() == before
    await tested.close()
