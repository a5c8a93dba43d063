"""Before each model call a run asks whether it may: for what it used, what is under way, and this call."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import orjson
import pytest
from agents import Agent, ModelSettings, Usage, function_tool
from agents.testing import ModelStep, ScriptedModel, assistant_message, function_call
from pydantic import BaseModel

from agents_defs.agent_graph import Allowed
from agents_defs.model_access import FixedAccess
from agents_defs.prices import Rates
from agents_defs.registry import Registry
from agents_defs.run_journal import RunOverLimit
from agents_defs.run_order import Foreseen
from agents_defs.runner import AgentRunner
from schemas.failures import Code, RunFailure
from tests.doubles.recorded_runs import Recorder, one_try, order_for, plain_agent, spec_of

DOLLAR_A_TOKEN = Rates("list", input=((-1, Decimal(10**6)),), output=((-1, Decimal(10**6)),))


@function_tool
async def look() -> str:
    """Looks."""
    return "seen"


class Seen(BaseModel):
    """What was seen."""

    what: str


def looking() -> Agent[Any]:
    return plain_agent(tools=[look])


def two_turns() -> ScriptedModel:
    first = ModelStep(
        [function_call("look", {}, call_id="c-1")], usage=Usage(requests=1, input_tokens=30, output_tokens=5)
    )
    return ScriptedModel([first, ModelStep([assistant_message("done")])])


class Counter:
    """Allows so many calls."""

    def __init__(self, most: int = 99, refusal: Exception | None = None) -> None:
        self.most = most
        self.refusal = refusal
        self.wanted: list[Foreseen] = []

    async def __call__(self, wanted: Foreseen, used: Foreseen) -> None:
        assert used.tokens < wanted.tokens
        self.wanted.append(wanted)
        if len(self.wanted) > self.most and self.refusal is not None:
            raise self.refusal


def runner(model: ScriptedModel) -> AgentRunner:
    return AgentRunner(Registry(), FixedAccess(model, rates=DOLLAR_A_TOKEN), recovery=one_try())


async def test_each_call_is_asked_for_with_all_that_was_used_before() -> None:
    allowance, recorder = Counter(), Recorder()

    await runner(two_turns()).run(
        order_for(spec_of(looking, output_tokens=400), allowance=allowance), recorder
    )

    first, second = allowance.wanted
    used = recorder.calls[0].input_tokens + recorder.calls[0].output_tokens
    assert 400 < first.tokens < 700
    assert first.cost_usd == first.tokens
    assert second.tokens > used + 400


@pytest.mark.parametrize(
    "refusal", [RunFailure(Code.LIMIT_TOKENS), RunOverLimit(3.0, RunFailure(Code.LIMIT_COST))]
)
async def test_a_call_that_is_not_allowed_is_not_made(refusal: Exception) -> None:
    model, recorder = two_turns(), Recorder()
    order = order_for(spec_of(looking), allowance=Counter(1, refusal))

    with pytest.raises(type(refusal)) as caught:
        await runner(model).run(order, recorder)

    assert caught.value is refusal
    assert len(model.calls) == len(recorder.calls) == 1


async def test_a_tool_that_asks_a_model_cannot_hide_that_it_may_not() -> None:
    other = Agent[Any](name="asked", instructions="Answer.")
    agent = lambda: plain_agent(tools=[other.clone().as_tool("ask", "Asks.")])  # noqa: E731
    model = ScriptedModel(
        [
            ModelStep([function_call("ask", {"input": "?"}, call_id="c-1")]),
            ModelStep([assistant_message("unheard")]),
            ModelStep([assistant_message("unheard")]),
        ]
    )
    order = order_for(spec_of(agent), allowance=Counter(1, RunFailure(Code.LIMIT_TOKENS)))

    with pytest.raises(RunFailure) as caught:
        await runner(model).run(order, Recorder())

    assert caught.value.code is Code.LIMIT_TOKENS
    assert len(model.calls) == 1


async def test_calls_that_are_under_way_at_once_are_asked_for_together() -> None:
    allowance = Counter()
    gate = asyncio.Event()

    async def both(_call: Any) -> Any:
        if len(allowance.wanted) == 3:
            gate.set()
        await gate.wait()
        return ModelStep([assistant_message("heard")])

    def agent() -> Agent[Any]:
        return plain_agent(
            tools=[Agent[Any](name=n, instructions="Answer.").as_tool(n, "Asks.") for n in ("a", "b")]
        )

    calls = [function_call(n, {"input": "?"}, call_id=n) for n in ("a", "b")]
    model = ScriptedModel(
        [
            ModelStep(calls),
            ModelStep(responder=both),
            ModelStep(responder=both),
            ModelStep([assistant_message("done")]),
        ]
    )
    await runner(model).run(order_for(spec_of(agent, output_tokens=500), allowance=allowance), Recorder())

    one, two = allowance.wanted[1], allowance.wanted[2]
    assert two.tokens - one.tokens > 500


async def test_the_cost_cap_stops_a_run_before_the_call_that_would_break_it() -> None:
    cap = Decimal(900)
    for longest, calls in ((100, 2), (800, 1), (901, 0)):
        model = two_turns()
        order = order_for(spec_of(looking), max_cost_usd=cap, max_output_tokens=longest)
        failed: Code | None = None
        try:
            await runner(model).run(order, Recorder())
        except RunFailure as failure:
            failed = failure.code

        assert (len(model.calls), failed) == (calls, None if calls == 2 else Code.RUN_COST_CAP)


async def test_the_turn_cap_stops_a_run_before_the_call_that_would_break_it() -> None:
    model = two_turns()

    with pytest.raises(RunFailure) as caught:
        await runner(model).run(order_for(spec_of(looking), max_turns=1), Recorder())

    assert caught.value.code is Code.RUN_TURN_CAP
    assert len(model.calls) == 1


@pytest.mark.parametrize(
    ("own", "plan", "asked"), [(None, None, None), (7, None, 7), (None, 9, 9), (7, 9, 7), (12, 9, 9)]
)
async def test_an_answer_is_bounded_by_the_agent_and_the_plan(
    own: int | None, plan: int | None, asked: int | None
) -> None:
    model = ScriptedModel([ModelStep([assistant_message("done")])])
    agent = lambda: plain_agent(model_settings=ModelSettings(max_tokens=own))  # noqa: E731

    await runner(model).run(order_for(spec_of(agent), max_output_tokens=plan), Recorder())

    assert model.calls[0].model_settings.max_tokens == asked


async def test_what_the_first_call_may_use_is_known_before_the_run() -> None:
    spec = spec_of(lambda: plain_agent(model_settings=ModelSettings(max_tokens=50)))
    free = spec_of(plain_agent, output_tokens=70)
    asked = runner(ScriptedModel([]))
    told = asked.foresee(spec, None, 0, None).tokens - 50

    assert asked.foresee(spec, None, 400, None) == Foreseen(told + 150, Decimal(told + 150))
    assert asked.foresee(spec, None, 400, 20).tokens == told + 120
    assert asked.foresee(free, None, 400, None).tokens == told + 170


@pytest.mark.parametrize("question", ["hello", "x" * 4000, 'a "quoted"\nline'])
async def test_what_is_foreseen_covers_the_first_call_and_is_not_much_more(question: str) -> None:
    def agent() -> Agent[Any]:
        onward = Agent[Any](name="onward", handoff_description="Goes on.", instructions="Go on.")
        return plain_agent(tools=[look], handoffs=[onward], output_type=Seen)

    allowance, spec = Counter(), spec_of(agent)
    model = ScriptedModel([ModelStep([assistant_message('{"what": "it"}')])])
    asked = runner(model)
    before = asked.foresee(spec, None, len(orjson.dumps(question)), None)

    await asked.run(order_for(spec, question, allowance=allowance), Recorder())

    assert allowance.wanted[0].tokens <= before.tokens <= allowance.wanted[0].tokens + 40


async def test_a_model_is_offered_only_the_tools_that_the_plan_allows() -> None:
    @function_tool
    async def touch() -> str:
        """Touches."""
        return "felt"

    def agent() -> Agent[Any]:
        onward = Agent[Any](name="onward", instructions="Answer.", tools=[touch])
        return plain_agent(tools=[look, touch], handoffs=[onward])

    offered = {}
    for allowed in (None, ("look",), ()):
        step = ModelStep([function_call("transfer_to_onward", {}, call_id="c-1")])
        model = ScriptedModel([step, ModelStep([assistant_message("done")])])
        await runner(model).run(order_for(spec_of(agent), tools=allowed), Recorder())
        offered[allowed] = [sorted(tool.name for tool in call.tools) for call in model.calls]

    assert offered == {None: [["look", "touch"], ["touch"]], ("look",): [["look"], []], (): [[], []]}


async def test_runs_of_tenants_that_may_use_other_tools_share_no_graph() -> None:
    model = ScriptedModel([ModelStep([assistant_message("done")]) for _ in range(3)])
    asked, spec = runner(model), spec_of(looking)

    for allowed in ((), None, ("look",)):
        await asked.run(order_for(spec, tools=allowed), Recorder())

    assert [len(call.tools) for call in model.calls] == [0, 1, 1]


async def test_mcp_servers_that_the_plan_does_not_allow_are_not_asked() -> None:
    class Server:
        def __init__(self, name: str) -> None:
            self.name = name

    servers: list[Any] = [Server("wiki"), Server("shell")]
    agent = plain_agent(mcp_servers=servers)

    Allowed(mcp_servers=frozenset({"wiki"})).left_of(agent)

    assert [one.name for one in agent.mcp_servers] == ["wiki"]


def test_an_agent_that_cannot_be_built_does_not_stop_admission() -> None:
    def broken() -> Agent[Any]:
        raise RuntimeError("no key")

    assert runner(ScriptedModel([])).foresee(spec_of(broken), None, 400, 20) == Foreseen(121, None)
