"""Flows: Python code that asks agents, one after the other and at once, and that goes on where it stopped."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import pytest
from agents import Agent, function_tool
from agents.testing import assistant_message, function_call
from pydantic import BaseModel

from agents_defs.agent_graph import Workshop, build_graph
from agents_defs.flow import Flow
from agents_defs.flow_run import FlowRun
from agents_defs.journal_entries import calls_of, place_of
from agents_defs.model_access import FixedAccess
from agents_defs.registry import BadRegistration
from agents_defs.run_journal import Decision, RunHandedOver, RunLost, RunNeedsApproval
from schemas.failures import Code, RunFailure
from tests.doubles.history_model import HistoryModel, results
from tests.doubles.memory_journal import MemoryJournal
from tests.doubles.recorded_runs import Recorder, order_for, run_agent, runner_on, spec_of

CALLED: list[str] = []


class Note(BaseModel):
    text: str


@function_tool(needs_approval=True)
async def wipe(what: str) -> str:
    """Wipes it."""
    return f"wiped {what}"


def answers(instructions: str | None, asked: list[Any]) -> list[Any]:
    question = str(next(item["content"] for item in reversed(asked) if "content" in item))
    if instructions == "types":
        return [assistant_message('{"text": "noted"}')]
    if instructions == "wipes" and not results(asked):
        return [function_call("wipe", {"what": "all"}, call_id="c1")]
    if instructions == "breaks":
        raise ValueError("broken")
    return [assistant_message(f"{instructions}({question})")]


def crew() -> list[Agent[Any]]:
    return [
        Agent(name="one", instructions="1"),
        Agent(name="two", instructions="2"),
        Agent(name="typist", instructions="types", output_type=Note),
        Agent(name="wiper", instructions="wipes", tools=[wipe]),
        Agent(name="breaker", instructions="breaks"),
    ]


def flow_of(steps: Any) -> Any:
    return lambda: Flow("tested", steps, crew())


async def run(steps: Any, recorder: Recorder | None = None, model: Any = None, **changes: Any) -> Any:
    return await run_agent(flow_of(steps), model or HistoryModel(answers), recorder, **changes)


async def in_line(run: FlowRun, question: str) -> str:
    first = await run.ask("one", question)
    return str(await run.ask("two", first, aloud=True))


async def chain(part: FlowRun, question: str) -> str:
    first = await part.ask("one", question)
    return str(await part.ask("two", first))


async def beside_each_other(run: FlowRun, question: str) -> list[str]:
    begun = await run.ask("one", question)
    found = await run.each(chain, [f"{begun} {letter}" for letter in "abc"])
    again = await run.ask_all([("one", "x"), ("one", "x")])
    return [*found, *again, await run.ask("two", "end")]


async def within_each_other(run: FlowRun, question: str) -> list[list[str]]:
    async def pair(part: FlowRun, letter: str) -> list[str]:
        first = await part.ask("one", letter)
        return [str(one) for one in await part.ask_all([("two", first), ("two", letter)])]

    return await run.each(pair, ["a", "b", "c"])


async def test_agents_are_asked_one_after_the_other() -> None:
    model = HistoryModel(answers)

    result = await run(in_line, model=model)

    assert result.output == "2(1(hello))"
    assert (result.last_agent, result.turns) == ("two", 2)
    assert model.asked == ["run-1/a0:one/m0.1", "run-1/a1:two/m0.1"]
    assert [call.agent for call in result.calls] == ["one", "two"]


async def test_a_session_remembers_the_question_and_the_answer_only() -> None:
    result = await run(in_line)

    assert result.new_items == [
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": "2(1(hello))"},
    ]


async def test_a_flow_knows_the_session_so_far_and_the_words_of_a_list_of_items() -> None:
    async def steps(run: FlowRun, question: str) -> Any:
        return [question, len(run.history), run.context.tenant_id]

    items = [{"role": "user", "content": [{"type": "input_text", "text": "hi"}]}]

    result = await run(steps, asked=items, session_items=[{"role": "user", "content": "before"}])

    assert result.output == ["hi", 1, "acme"]


async def test_what_an_agent_answers_by_its_type_can_be_asked_on_and_given_back() -> None:
    async def steps(run: FlowRun, question: str) -> Any:
        note = await run.ask("typist", question)
        assert isinstance(note, Note)
        return {"note": note, "said": await run.ask("one", note)}

    result = await run(steps)

    assert result.output == {"note": {"text": "noted"}, "said": '1({"text":"noted"})'}


async def test_who_watches_is_told_who_is_asked_and_what_is_said_aloud() -> None:
    recorder = Recorder()

    await run(in_line, recorder, stream=True)

    assert recorder.told("agent_changed") == [
        ("agent_changed", {"from": "tested", "to": "one"}),
        ("agent_changed", {"from": "one", "to": "two"}),
    ]
    assert recorder.text_of_last_turn() == "2(1(hello))"
    assert {turn for kind, _, turn, _ in recorder.deltas if kind == "text"} == {1}


async def test_a_text_that_was_said_aloud_is_not_told_again_when_others_were_asked_after_it() -> None:
    async def steps(run: FlowRun, question: str) -> str:
        said = await run.ask("one", question, aloud=True)
        await run.ask("two", said)
        return str(said)

    recorder = Recorder()

    await run(steps, recorder, stream=True)

    assert "".join(data["text"] for _, data in recorder.told("text")) == "1(hello)"


async def test_an_output_that_nobody_said_aloud_is_told_at_the_end() -> None:
    async def steps(run: FlowRun, question: str) -> str:
        return " and ".join(await run.ask_all([("one", question), ("two", question)]))

    recorder = Recorder()

    await run(steps, recorder, stream=True)

    assert recorder.told("text") == [("text", {"text": "1(hello) and 2(hello)"})]


async def test_answers_of_what_is_asked_at_once_come_in_the_order_of_the_questions() -> None:
    result = await run(beside_each_other)

    assert result.output == [
        "2(1(1(hello) a))",
        "2(1(1(hello) b))",
        "2(1(1(hello) c))",
        "1(x)",
        "1(x)",
        "2(end)",
    ]


class Racing(HistoryModel):
    """Whose answers overtake each other, in another way for each seed."""

    def __init__(self, seed: int) -> None:
        super().__init__(answers)
        self._rng = Random(seed)

    async def get_response(self, *positional: Any, **named: Any) -> Any:
        for _ in range(self._rng.randrange(20)):
            await asyncio.sleep(0)
        return await super().get_response(*positional, **named)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("steps", [beside_each_other, within_each_other])
async def test_places_do_not_depend_on_who_is_answered_first(seed: int, steps: Any) -> None:
    model, other = Racing(seed), Racing(seed + 100)
    await run(steps, model=model)
    await run(steps, model=other)

    assert model.asked != other.asked
    assert sorted(model.asked) == sorted(other.asked)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("steps", [in_line, beside_each_other, within_each_other])
async def test_a_flow_that_is_cut_off_at_any_write_goes_on_from_there(steps: Any, stream: bool) -> None:
    whole = MemoryJournal()
    spec = spec_of(flow_of(steps))
    expected = await runner_on(Racing(1)).run(order_for(spec, journal=whole, stream=stream), Recorder())

    for write in range(1, whole.writes + 1):
        journal = MemoryJournal(fail_after=write)
        with pytest.raises(RunLost):
            await runner_on(Racing(2)).run(order_for(spec, journal=journal, stream=stream), Recorder())
        left, model = journal.resumed(), Racing(3)
        recorded = {f"run-1/{name[2:]}" for name in left.entries if name.startswith("m:")}
        order = order_for(spec, journal=left, attempt=2, stream=stream, paid=calls_of(left.entries))

        result = await runner_on(model).run(order, Recorder())

        assert result.output == expected.output
        assert (result.turns, result.last_agent) == (expected.turns, expected.last_agent)
        assert not recorded & {place_of(call_id) for call_id in model.asked}


async def test_what_is_done_once_is_not_done_again_when_it_is_recorded() -> None:
    async def steps(run: FlowRun, question: str) -> Any:
        async def call() -> dict[str, Any]:
            CALLED.append(question)
            return {"found": (1, 2)}

        found = await run.once("look", call)
        await run.ask("one", question)
        return found

    CALLED.clear()
    journal = MemoryJournal()
    first = await run(steps, journal=journal)

    second = await run(steps, journal=journal.resumed(), attempt=2)

    assert first.output == second.output == {"found": [1, 2]}
    assert CALLED == ["hello"]


@pytest.mark.parametrize("steps", [in_line, beside_each_other])
async def test_a_flow_has_so_many_model_calls_and_no_more(steps: Any) -> None:
    needed = (await run(steps)).turns

    with pytest.raises(RunFailure) as failure:
        await runner_on(HistoryModel(answers)).run(
            order_for(spec_of(flow_of(steps), max_turns=needed - 1)), Recorder()
        )

    assert failure.value.code is Code.RUN_TURN_CAP
    enough = order_for(spec_of(flow_of(steps), max_turns=needed))
    assert (await runner_on(HistoryModel(answers)).run(enough, Recorder())).turns == needed


async def test_a_flow_may_not_ask_from_tasks_of_its_own() -> None:
    async def steps(run: FlowRun, question: str) -> Any:
        return await asyncio.gather(run.ask("one", question), run.ask("two", question))

    with pytest.raises(RunFailure, match="ask_all"):
        await run(steps)


async def test_what_is_asked_at_once_is_not_told_aloud() -> None:
    async def steps(run: FlowRun, question: str) -> Any:
        return await run.each(lambda part, _: part.ask("one", question, aloud=True), [1])

    with pytest.raises(RunFailure, match="aloud"):
        await run(steps)


async def test_an_agent_that_the_flow_does_not_have_is_named() -> None:
    async def steps(run: FlowRun, question: str) -> Any:
        return await run.ask("three", question)

    with pytest.raises(RunFailure, match="no agent 'three'; it has one, two"):
        await run(steps)


async def test_the_first_that_fails_ends_the_others() -> None:
    asked: list[str] = []

    class Held(HistoryModel):
        async def get_response(self, *positional: Any, **named: Any) -> Any:
            if positional[0] == "1":
                try:
                    await asyncio.Event().wait()
                finally:
                    asked.append("cut off")
            return await super().get_response(*positional, **named)

    async def steps(run: FlowRun, question: str) -> Any:
        return await run.ask_all([("one", question), ("breaker", question)])

    with pytest.raises(RunFailure, match="broken"):
        await run(steps, model=Held(answers))

    assert asked == ["cut off"]


async def test_an_approval_stops_the_flow_which_then_goes_on_with_the_decision() -> None:
    async def steps(run: FlowRun, question: str) -> Any:
        return await run.ask_all([("wiper", question), ("one", question)])

    class Slow(HistoryModel):
        async def get_response(self, *positional: Any, **named: Any) -> Any:
            for _ in range(100 if positional[0] == "1" else 0):
                await asyncio.sleep(0)
            return await super().get_response(*positional, **named)

    journal = MemoryJournal()
    with pytest.raises(RunNeedsApproval) as waits:
        await run(steps, model=Slow(answers), journal=journal)
    (request,) = waits.value.requests
    decision = Decision(request.approval_id, approved=True)

    model = HistoryModel(answers)
    left = journal.resumed()
    result = await run(steps, model=model, journal=left, attempt=2, decisions={request.approval_id: decision})

    assert result.output == ["wipes(hello)", "1(hello)"]
    assert [place_of(call_id) for call_id in model.asked] == ["run-1/p0.0/a0:wiper/m1"]


async def test_a_worker_that_ends_hands_the_flow_over_between_two_agents() -> None:
    journal = MemoryJournal(hand_over=RunHandedOver("ends"))
    model = HistoryModel(answers)

    with pytest.raises(RunHandedOver):
        await run(in_line, model=model, journal=journal)

    assert model.asked == ["run-1/a0:one/m0.1"]
    again = HistoryModel(answers)
    result = await run(in_line, model=again, journal=journal.resumed(), attempt=2)
    assert result.output == "2(1(hello))"
    assert again.asked == ["run-1/a1:two/m0.2"]


def test_agents_of_a_flow_need_names_of_their_own() -> None:
    with pytest.raises(ValueError, match="names of their own"):
        Flow("tested", in_line, [Agent(name="one"), Agent(name="one")])


def test_a_flow_is_nobody_to_hand_off_to() -> None:
    def build() -> Agent[Any]:
        return Agent(name="outer", handoffs=[Flow("inner", in_line, crew())])

    with pytest.raises(BadRegistration, match="'inner'"):
        build_graph(spec_of(build), Workshop(FixedAccess(HistoryModel(answers))))


async def test_what_a_flow_may_use_is_foreseen_by_its_first_agent() -> None:
    spec, other = spec_of(flow_of(in_line)), spec_of(lambda: Flow("tested", in_line, crew()[::-1]))
    runner = runner_on(HistoryModel(answers))

    assert runner.foresee(spec, None, 40, 100).tokens >= 110
    assert runner.foresee(spec, None, 40, 100).tokens != runner.foresee(other, None, 40, 100).tokens


@pytest.mark.parametrize("steps", [in_line, beside_each_other])
async def test_of_turns_that_are_out_nothing_is_told_again(steps: Any) -> None:
    journal, live = MemoryJournal(), Recorder()
    await run(steps, live, journal=journal, stream=True)

    for out in range(3):
        again = Recorder()
        await run(steps, again, journal=journal.resumed(), attempt=2, stream=True, turns_out=out)

        assert again.deltas == [told for told in live.deltas if told[2] >= out]
