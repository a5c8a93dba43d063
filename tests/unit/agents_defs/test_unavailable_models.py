"""Models that fail for a while: tries, waits, other models, canned answers."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import httpx2
import openai
import pytest
from agents import Agent, Model, function_tool
from agents.testing import assistant_message, function_call
from openai.types.responses import ResponseTextDeltaEvent

from agents_defs.breaker import BreakerRules
from agents_defs.journal_entries import calls_of, model_entry, open_calls
from agents_defs.model_access import FixedAccess, NamedModel, Probe
from agents_defs.prices import FREE_OFFLINE
from agents_defs.recovery import Breakers, Recovery
from agents_defs.registry import Registry
from agents_defs.retry_policy import RetryRules
from agents_defs.run_journal import RunPostponed
from agents_defs.run_order import RunResult
from agents_defs.runner import AgentRunner
from schemas.failures import Code, RunFailure
from tests.doubles.history_model import HistoryModel, results
from tests.doubles.memory_journal import MemoryJournal
from tests.doubles.recorded_runs import Recorder, order_for, plain_agent, spec_of

REQUEST = httpx2.Request("POST", "http://models.test")
BROKEN_OFF = openai.APIConnectionError(request=REQUEST)
TOO_LATE = openai.APITimeoutError(request=REQUEST)
RAN: list[str] = []


def status(code: int, retry_after: str | None = None) -> openai.APIStatusError:
    headers = {"retry-after": retry_after} if retry_after else {}
    response = httpx2.Response(code, headers=headers, request=REQUEST)
    kind = openai.RateLimitError if code == 429 else openai.APIStatusError
    return kind("no", response=response, body=None)


class Outages(HistoryModel):
    """Raises these errors, one a call, and then answers."""

    def __init__(self, *errors: Exception, text: str = "hello") -> None:
        self.errors = list(errors)
        super().__init__(lambda *_: self.errors.pop(0) if self.errors else [assistant_message(text)])


class HalfTold(Outages):
    """Says a part of its answer before it raises."""

    async def stream_response(self, *positional: Any, **named: Any) -> Any:
        yield ResponseTextDeltaEvent(
            type="response.output_text.delta",
            delta="hel",
            item_id="m",
            output_index=0,
            content_index=0,
            sequence_number=0,
            logprobs=[],
        )
        async for event in super().stream_response(*positional, **named):
            yield event


class Names(FixedAccess):
    """Models by name."""

    def __init__(self, **models: Model) -> None:
        super().__init__(models["first"], "first")
        self._models = {n: NamedModel(n, model, lambda: FREE_OFFLINE) for n, model in models.items()}

    def named(self, name: str) -> NamedModel:
        return self._models[name]

    async def probe(self) -> tuple[Probe, ...]:
        return ()


class House:
    """A runner whose waits pass at once."""

    def __init__(self, breakers: Breakers | None = None, **models: Model) -> None:
        self.waits: list[float] = []
        rules = RetryRules(first_wait_s=1.0, factor=2.0, jitter=0.0)
        recovery = Recovery(rules, breakers or Breakers(), self._sleep, Random(1))
        self.runner = AgentRunner(Registry(), Names(**models), recovery=recovery)
        self.recorder = Recorder()

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    async def run(
        self, journal: MemoryJournal | None = None, agent: Any = plain_agent, **changes: Any
    ) -> RunResult:
        limits = {
            name: changes.pop(name)
            for name in ("fallback_models", "canned_answer", "on_unknown_call")
            if name in changes
        }
        paid = calls_of(journal.entries) if journal is not None else ()
        order = order_for(spec_of(agent, **limits), journal=journal, paid=paid, **changes)
        return await self.runner.run(order, self.recorder)

    async def postponed(self, journal: MemoryJournal, **changes: Any) -> RunPostponed:
        with pytest.raises(RunPostponed) as caught:
            await self.run(journal, **changes)
        return caught.value

    async def failure(self, *positional: Any, **changes: Any) -> RunFailure:
        with pytest.raises(RunFailure) as caught:
            await self.run(*positional, **changes)
        return caught.value


async def test_a_call_that_was_refused_is_made_again_and_costs_once() -> None:
    model, journal = Outages(status(429, "2"), status(503)), MemoryJournal()
    house = House(first=model)

    result = await house.run(journal)

    assert (result.output, result.degraded) == ("hello", False)
    assert model.asked == ["run-1/m0.1", "run-1/m0.1-2", "run-1/m0.1-3"]
    assert house.waits == [2.0, 2.0]
    assert [call.call_id for call in result.calls] == ["run-1/m0.1-3"]
    assert calls_of(journal.entries) == result.calls


async def test_a_call_that_may_have_been_paid_stays_booked() -> None:
    journal = MemoryJournal()
    house = House(first=Outages(TOO_LATE))

    result = await house.run(journal)

    assert [(call.call_id, call.state) for call in result.calls] == [
        ("run-1/m0.1", "unknown"),
        ("run-1/m0.1-2", "settled"),
    ]
    assert calls_of(journal.entries) == result.calls
    assert open_calls(journal.entries) == {}


async def test_a_call_that_is_wrong_is_not_made_again() -> None:
    model = Outages(status(400))
    house = House(first=model, second=Outages())

    found = await house.failure(fallback_models=("second",), canned_answer="sorry")

    assert found.code is Code.MODEL_REJECTED
    assert len(model.asked) == 1


@pytest.mark.parametrize("error", [status(429), status(500), TOO_LATE, BROKEN_OFF])
async def test_a_model_has_three_tries(error: Exception) -> None:
    model = Outages(*[error] * 9)

    found = await House(first=model).failure(MemoryJournal())

    assert found.failure.retriable
    assert len(model.asked) == 3


async def test_a_long_wait_gives_the_place_to_others() -> None:
    journal, model = MemoryJournal(), Outages(status(429, "30"))

    stopped = await House(first=model).postponed(journal)

    assert (stopped.after_s, stopped.failure.code) == (30.0, Code.MODEL_UNAVAILABLE)
    assert not [name for name in journal.entries if name.startswith("c:")]
    result = await House(first=model).run(journal.resumed(), attempt=2, on_unknown_call="fail")
    assert result.output == "hello"
    assert model.asked == ["run-1/m0.1", "run-1/m0.2"]


async def test_a_call_that_timed_out_is_not_taken_for_one_in_flight() -> None:
    journal, model = MemoryJournal(), Outages(TOO_LATE, status(429, "30"))
    await House(first=model).postponed(journal, on_unknown_call="fail")

    result = await House(first=model).run(journal.resumed(), attempt=2, on_unknown_call="fail")

    assert [call.call_id for call in result.calls] == ["run-1/m0.1", "run-1/m0.2"]


async def test_without_a_journal_it_waits_as_long_as_the_run_may() -> None:
    house = House(first=Outages(status(429, "20")))

    result = await house.run()

    assert (result.output, house.waits) == ("hello", [20.0])


async def test_or_fails_where_the_run_may_not() -> None:
    house = House(first=Outages(status(429, "40")))

    found = await house.failure()

    assert (found.code, found.retry_after_ms, house.waits) == (Code.MODEL_UNAVAILABLE, 40_000, [])


@pytest.mark.parametrize("stream", [False, True])
async def test_the_next_model_answers_and_the_answer_is_marked(stream: bool) -> None:
    journal, second = MemoryJournal(), Outages(text="from the second")
    house = House(first=Outages(*[status(503)] * 3), second=second)

    result = await house.run(journal, fallback_models=("second",), stream=stream)

    assert (result.output, result.degraded, result.models) == ("from the second", True, ("second",))
    assert second.asked == ["run-1/m0.1-4"]
    assert model_entry(journal.entries["m:m0"]).model == "second"
    back = House(first=Outages(text="it is back"), second=second)
    again = await back.run(journal.resumed(), attempt=2, fallback_models=("second",), stream=stream)
    assert (again.output, again.degraded, again.calls) == (result.output, True, result.calls)


async def test_a_long_wait_is_no_reason_to_wait_where_another_model_is_left() -> None:
    house = House(first=Outages(status(429, "30")), second=Outages(text="second"))

    result = await house.run(MemoryJournal(), fallback_models=("second",))

    assert (result.output, house.waits) == ("second", [])


@pytest.mark.parametrize("stream", [False, True])
async def test_the_last_resort_is_a_canned_answer(stream: bool) -> None:
    journal = MemoryJournal()
    house = House(first=Outages(*[status(503)] * 3), second=Outages(*[status(404)]))

    result = await house.run(
        journal, fallback_models=("second",), canned_answer="Please call us.", stream=stream
    )

    assert (result.output, result.degraded, result.calls) == ("Please call us.", True, ())
    if stream:
        assert house.recorder.text_of_last_turn() == "Please call us."
    back = House(first=Outages(text="it is back"), second=Outages())
    again = await back.run(
        journal.resumed(), attempt=2, fallback_models=("second",), canned_answer="Please call us."
    )
    assert (again.output, again.degraded) == ("Please call us.", True)


async def test_where_nothing_is_left_the_first_models_failure_is_told() -> None:
    house = House(first=Outages(*[status(503)] * 3), second=Outages(status(404)))

    found = await house.failure(MemoryJournal(), fallback_models=("second",))

    assert found.code is Code.MODEL_UNAVAILABLE
    assert "answered 503 for model first" in found.message


@pytest.mark.parametrize("kept", [True, False])
async def test_what_was_told_is_not_told_again_in_the_same_attempt(kept: bool) -> None:
    model, second, journal = HalfTold(BROKEN_OFF), Outages(), MemoryJournal()
    house = House(first=model, second=second)
    limits: dict[str, Any] = {"fallback_models": ("second",), "canned_answer": "sorry", "stream": True}

    if kept:
        stopped = await house.postponed(journal, **limits)
        assert (stopped.after_s, stopped.failure.code) == (0.0, Code.MODEL_UNAVAILABLE)
    else:
        assert (await house.failure(**limits)).code is Code.MODEL_UNAVAILABLE

    assert [data["text"] for _, data in house.recorder.told("text")] == ["hel"]
    assert (len(model.asked), second.asked) == (1, [])


def quick_breaker() -> Breakers:
    return Breakers(BreakerRules(least_calls=3, open_s=20.0))


async def test_a_model_that_keeps_failing_is_not_asked() -> None:
    breakers, second = quick_breaker(), Outages()
    limits: dict[str, Any] = {"fallback_models": ("second",)}
    await House(breakers, first=Outages(*[status(503)] * 3), second=second).run(**limits)
    model = Outages()

    result = await House(breakers, first=model, second=second).run(**limits)

    assert (result.degraded, model.asked) == (True, [])


async def test_runs_that_have_no_other_model_come_back_later() -> None:
    breakers = quick_breaker()
    await House(breakers, first=Outages(*[BROKEN_OFF] * 3)).failure()
    model = Outages()

    stopped = await House(breakers, first=model).postponed(MemoryJournal())
    found = await House(breakers, first=model).failure()

    assert 15.0 < stopped.after_s <= 40.0
    assert (found.code, model.asked) == (Code.MODEL_UNAVAILABLE, [])
    assert "most calls to it failed" in found.message
    assert found.retry_after_ms is not None


async def test_a_provider_that_only_limits_us_is_not_left_alone() -> None:
    breakers = quick_breaker()
    await House(breakers, first=Outages(*[status(429)] * 3)).failure()

    result = await House(breakers, first=Outages()).run()

    assert result.output == "hello"


async def test_what_runs_beside_a_postponed_agent_is_finished_and_recorded() -> None:
    started = asyncio.Event()

    @function_tool
    async def pay() -> str:
        """Pays, slowly."""
        RAN.append("pay")
        started.set()
        for _ in range(500):
            await asyncio.sleep(0)
        return "paid"

    def answers(instructions: str | None, asked: list[Any]) -> Any:
        if instructions == "inner":
            return errors.pop() if errors else [assistant_message("inner")]
        had = results(asked)
        if had:
            return [assistant_message("; ".join(had))]
        return [function_call("pay", {}, call_id="c1"), function_call("tell", {"input": "?"}, call_id="c2")]

    def agent() -> Agent[Any]:
        inner = Agent[Any](name="inner", instructions="inner")
        return Agent(name="outer", instructions="outer", tools=[pay, inner.as_tool("tell", "Tells.")])

    RAN.clear()
    errors: list[Exception] = [status(429, "30")]
    journal = MemoryJournal()
    await House(first=HistoryModel(answers)).postponed(journal, agent=agent)

    result = await House(first=HistoryModel(answers)).run(journal.resumed(), agent, attempt=2)

    assert started.is_set()
    assert "t:t:c1" in journal.entries
    assert (result.output, RAN) == ("paid; inner", ["pay"])


async def test_another_model_gets_settings_that_it_takes() -> None:
    seen: list[Any] = []

    class Watched(Outages):
        async def get_response(self, *positional: Any, **named: Any) -> Any:
            seen.append(positional[2])
            return await super().get_response(*positional, **named)

    models: dict[str, Any] = {
        "first": Outages(*[status(503)] * 3),
        "gpt-5.4": Watched(),
        "gpt-4.1": Watched(status(404)),
    }
    await House(**models).run(fallback_models=("gpt-4.1", "gpt-5.4"))

    assert [settings.reasoning is None for settings in seen] == [True, False]
