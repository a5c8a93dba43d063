"""What each pattern does with answers of all kinds: who is asked, what they read, and when it ends."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from typing import Any

import pytest
from agents import Model, ModelResponse, Usage
from agents.testing import assistant_message, function_call

from agents_defs.model_request import CALL_ID_HEADER
from agents_defs.patterns import critic_loop, hierarchy, planner_executor, round_robin
from agents_defs.patterns.voting import Vote, majority
from agents_defs.registry import default_registry
from agents_defs.run_journal import Decision, RunNeedsApproval
from agents_defs.run_order import RunResult
from tests.doubles.memory_journal import MemoryJournal
from tests.doubles.recorded_runs import Recorder, order_for, runner_on

REGISTRY = default_registry(patterns=True)
_ASKED = re.compile(r"a\d+:([\w-]+)/m\d")

Parts = dict[str, Any]
"""By agent: what it says each time, or a list of what it says in turn."""


class Cast(Model):
    """Plays each agent its part. `read`: what each was asked; `offered`: to whom the first could hand off."""

    def __init__(self, parts: Parts) -> None:
        self._parts = {name: list(part) if isinstance(part, list) else part for name, part in parts.items()}
        self.read: dict[str, list[str]] = defaultdict(list)
        self.offered: list[str] = []
        self.seen: list[Any] = []

    async def get_response(self, *positional: Any, **_: Any) -> ModelResponse:
        _, asked, settings, _, _, handoffs = positional[:6]
        found = _ASKED.search(settings.extra_headers[CALL_ID_HEADER])
        agent = found[1] if found else "root"
        self.offered = self.offered or [one.agent_name for one in handoffs]
        self.seen.append(asked)
        self.read[agent].append(asked if isinstance(asked, str) else str(asked))
        part = self._parts[agent]
        said = part.pop(0) if isinstance(part, list) else part
        output = said if not isinstance(said, str | dict) else assistant_message(_text(said))
        return ModelResponse(
            output=[output], usage=Usage(requests=1, input_tokens=1, output_tokens=1), response_id="r"
        )

    def stream_response(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError


def _text(said: str | dict[str, Any]) -> str:
    return said if isinstance(said, str) else json.dumps(said)


async def play(name: str, parts: Parts, **changes: Any) -> tuple[RunResult, Cast]:
    cast = Cast(parts)
    order = order_for(REGISTRY.resolve(name), changes.pop("asked", "the question"), **changes)
    return await runner_on(cast).run(order, Recorder()), cast


def asked(cast: Cast) -> dict[str, int]:
    return {agent: len(read) for agent, read in cast.read.items()}


def plan(*tasks: str) -> dict[str, Any]:
    return {"steps": [{"task": task} for task in tasks]}


GOOD: dict[str, Any] = {"good_enough": True, "advice": ""}
BAD: dict[str, Any] = {"good_enough": False, "advice": "Shorter."}
DONE: dict[str, Any] = {"ok": True, "result": "found"}
FAILED: dict[str, Any] = {"ok": False, "result": "there is none"}


@pytest.mark.parametrize(
    ("choices", "decided"),
    [
        (["approve", "approve", "refuse"], "approve"),
        (["refuse", "refuse", "refuse"], "refuse"),
        (["approve", "refuse", "escalate"], "escalate"),
        (["approve", "refuse"], "escalate"),
    ],
)
def test_a_vote_without_a_majority_goes_to_a_person(choices: list[Any], decided: str) -> None:
    assert majority([Vote(choice=choice, reason="") for choice in choices]) == decided


async def test_jurors_do_not_hear_each_other() -> None:
    vote = {"choice": "approve", "reason": "because"}

    result, cast = await play("voting", {"strict": vote, "lenient": vote, "careful": vote})

    assert result.output["decision"] == "approve"
    assert {*cast.read["strict"], *cast.read["lenient"], *cast.read["careful"]} == {cast.read["strict"][0]}


async def test_a_critic_that_is_content_ends_the_loop() -> None:
    result, cast = await play("critic-loop", {"writer": ["first", "second"], "critic": [BAD, GOOD]})

    assert result.output == "second"
    assert asked(cast) == {"writer": 2, "critic": 2}
    assert "Shorter." in cast.read["writer"][1]


async def test_a_critic_that_is_never_content_does_not_go_on_for_ever() -> None:
    result, cast = await play("critic-loop", {"writer": "a draft", "critic": BAD})

    assert result.output == "a draft"
    assert asked(cast) == {"writer": critic_loop.ROUNDS, "critic": critic_loop.ROUNDS - 1}


async def test_a_plan_whose_step_fails_is_given_up_and_made_anew() -> None:
    parts = {
        "planner": [plan("a", "b", "c"), plan("d")],
        "executor": [DONE, FAILED, DONE],
        "writer": "the end",
    }

    result, cast = await play("planner-executor", parts)

    assert result.output == "the end"
    assert list(map(_question, cast.read["executor"])) == ["a", "b", "d"]
    assert "b (failed): there is none" in cast.read["planner"][1]
    assert "d (done): found" in cast.read["writer"][0]


async def test_a_plan_whose_steps_work_is_the_only_one() -> None:
    parts = {"planner": plan("a", "b"), "executor": DONE, "writer": "the end"}

    _, cast = await play("planner-executor", parts)

    assert asked(cast) == {"planner": 1, "executor": 2, "writer": 1}


async def test_plans_that_always_fail_come_to_an_end() -> None:
    parts = {"planner": plan("a"), "executor": FAILED, "writer": "I could not find out."}

    result, cast = await play("planner-executor", parts)

    assert result.output == "I could not find out."
    assert asked(cast) == {
        "planner": planner_executor.MOST_PLANS,
        "executor": planner_executor.MOST_PLANS,
        "writer": 1,
    }


@pytest.mark.parametrize(("review", "output", "drafts"), [(GOOD, "first", 1), (BAD, "second", 2)])
async def test_a_pipeline_revises_at_most_once(review: dict[str, Any], output: str, drafts: int) -> None:
    parts = {
        "planner": {"topics": ["x", "y"]},
        "searcher": "a passage",
        "analyst": "an analysis",
        "writer": ["first", "second"],
        "reviewer": review,
    }

    result, cast = await play("pipeline", parts)

    assert result.output == output
    assert asked(cast) == {"planner": 1, "searcher": 2, "analyst": 1, "writer": drafts, "reviewer": 1}
    assert "a passage" in cast.read["analyst"][0]


async def test_a_manager_gives_each_part_to_the_worker_that_it_names() -> None:
    parts = [
        {"worker": "devices", "task": "the probe"},
        {"worker": "orders", "task": "order 7"},
        {"worker": "devices", "task": "the gate"},
    ]

    result, cast = await play(
        "hierarchy",
        {"manager": {"parts": parts}, "devices": "works", "orders": "is late", "reporter": "all of it"},
    )

    assert result.output == "all of it"
    assert asked(cast) == {"manager": 1, "devices": 2, "orders": 1, "reporter": 1}
    assert "- From orders: is late" in cast.read["reporter"][0]
    assert len(parts) <= hierarchy.MOST_ASSIGNMENTS


async def test_each_voice_hears_all_who_spoke_before() -> None:
    voices = {voice: f"{voice} speaks" for voice in round_robin.VOICES}

    _, cast = await play("round-robin", {**voices, "moderator": "the sum"})

    assert asked(cast) == {**dict.fromkeys(round_robin.VOICES, round_robin.ROUNDS), "moderator": 1}
    assert "speaks" not in cast.read["engineer"][0]
    assert all(f"{voice}: {voice} speaks" in cast.read["moderator"][0] for voice in voices)


async def test_a_judge_reads_both_sides() -> None:
    verdict = {"winner": "against", "reason": "it is dear"}

    result, cast = await play(
        "debate", {"for": ["cheap", "fast"], "against": ["dear", "slow"], "judge": verdict}
    )

    assert result.output["verdict"] == verdict
    assert result.output["arguments"] == ["for: cheap", "against: dear", "for: fast", "against: slow"]
    assert all(argument in cast.read["judge"][0] for argument in result.output["arguments"])


@pytest.mark.parametrize(
    ("language", "desk"), [("german", "german"), ("french", "french"), ("other", "english")]
)
async def test_who_speaks_the_language_answers(language: str, desk: str) -> None:
    result, cast = await play("language-router", {"router": {"language": language}, desk: "so"})

    assert (result.output, result.last_agent) == ("so", desk)
    assert asked(cast) == {"router": 1, desk: 1}


@pytest.mark.parametrize(("plan_name", "offered"), [("business", True), ("standard", False)])
async def test_an_engineer_is_offered_to_those_who_have_one(plan_name: str, offered: bool) -> None:
    _, cast = await play("handoffs", {"root": "It is late."}, metadata={"plan": plan_name})

    assert ("engineer" in cast.offered) == offered


async def test_who_deals_with_accounts_does_not_see_what_tools_said_of_orders() -> None:
    ticket = {"reason": "a password", "order": None, "urgency": "normal"}
    parts = [
        function_call("lookup_order", {"order": 7}, call_id="c1"),
        function_call("transfer_to_account", ticket, call_id="c2"),
        "Look into your mail.",
    ]

    result, cast = await play("handoffs", {"root": parts})

    assert result.last_agent == "account"
    assert "lookup_order" in str(cast.seen[1])
    assert "lookup_order" not in str(cast.seen[2])


@pytest.mark.parametrize("approved", [True, False])
async def test_money_is_paid_back_only_after_a_person_said_so(approved: bool) -> None:
    def parts() -> Parts:
        return {"root": [function_call("pay_back", {"order": 7, "cents": 4500}, call_id="c1"), "the end"]}

    journal = MemoryJournal()
    with pytest.raises(RunNeedsApproval) as waits:
        await play("approval", parts(), journal=journal)
    (request,) = waits.value.requests
    decision = Decision(request.approval_id, approved=approved, actor="eve", reason="too much")

    result, cast = await play(
        "approval",
        {"root": parts()["root"][1:]},
        journal=journal.resumed(),
        attempt=2,
        decisions={request.approval_id: decision},
    )

    assert result.output == "the end"
    told = str(cast.seen[-1])
    assert ("receipt" in told) == approved
    assert ("eve rejected" in told) != approved


def _question(read: str) -> str:
    """The text of the last user message, as the SDK hands it to a model."""
    found = re.search(r"'content': '([^']*)'", read)
    return found[1] if found else read
