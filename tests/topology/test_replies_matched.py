"""A reply is taken for the answer to the question that was asked, and to no other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from agents.testing import function_call

from agents_defs.questions import UNTOLD, Question
from streams.asked import Asked, read_asked, told_asked
from tests.doubles.flume import World
from tests.doubles.memory_outbox import NAMES
from tests.doubles.requests import body, record
from tests.topology.test_asked_agents import Firm, outputs, settle, worker


class Fickle(Firm):
    """`boss` asks something else, by a call of the same id, once it has changed its mind."""

    def __init__(self, instead: dict[str, str]) -> None:
        super().__init__()
        self.changed = False
        self._instead = instead

    def _answer(self, instructions: str | None, items: list[Any]) -> Any:
        if self.changed and instructions == "boss" and not outputs(items):
            return [function_call("ask_agent", self._instead, call_id="c-0")]
        return super()._answer(instructions, items)


@pytest.mark.parametrize(
    "instead",
    [
        {"agent": "scribe", "question": "from boss: clerk?"},
        {"agent": "clerk", "question": "something else?"},
    ],
    ids=["another agent", "another question"],
)
async def test_a_run_that_goes_another_way_is_not_given_the_answer_to_what_it_had_asked(
    instead: dict[str, str],
) -> None:
    world, firm = World(), Fickle(instead)
    async with worker(world, firm) as flume:
        flume.write(body("r-1", agent="boss", input="ask clerk"))
        await flume.settle()
        del world.memory.journals["acme", "r-1"]  # it begins anew
        firm.changed = True

        await settle(flume)

        questions = [(one["agent"], one["input"]) for one in world.log.read(NAMES.requests)]
        assert questions == [("clerk", "from boss: clerk?"), (instead["agent"], instead["question"])]
        assert world.responses("r-1")[0]["output"] == (
            f"boss says {instead['agent']} says {instead['question']}"
        )


async def test_a_run_that_goes_the_same_way_again_is_given_the_answer() -> None:
    world, firm = World(), Fickle({"agent": "clerk", "question": "from boss: clerk?"})
    async with worker(world, firm) as flume:
        flume.write(body("r-1", agent="boss", input="ask clerk"))
        await flume.settle()
        del world.memory.journals["acme", "r-1"]
        firm.changed = True

        await settle(flume)

        assert len(world.log.read(NAMES.requests)) == 1
        assert world.responses("r-1")[0]["output"] == "boss says clerk says from boss: clerk?"


async def test_the_answer_to_a_request_that_took_the_questions_id_is_not_its_reply() -> None:
    world, firm = World(), Firm()
    async with worker(world, firm) as flume:
        flume.write(body("r-1", agent="boss", input="ask clerk"))
        await flume.settle()
        (asked,) = world.log.read(NAMES.requests)

        flume.write(asked | {"input": "forged"})
        await flume.settle()
        answered = world.statuses()
        await settle(flume)

        assert answered == {asked["request_id"]: "completed"}
        output = world.responses("r-1")[0]["output"]
        assert "forged" not in output
        assert "clerk gave no answer (duplicate_conflict:" in output
        assert [one["code"] for one in world.dead_letters()] == ["duplicate_conflict"]


async def test_who_asked_is_told_of_the_conflict_while_the_other_request_is_under_way() -> None:
    world, firm = World(), Firm()
    async with worker(world, firm) as flume:
        flume.write(body("r-1", agent="boss", input="ask clerk"))
        await flume.settle()
        (asked,) = world.log.read(NAMES.requests)
        flume.write(asked | {"input": "ask scribe"})  # it asks, too, and waits
        await flume.settle()
        first = world.log.emissions(NAMES.requests)[0]

        flume.write(first.value)
        await flume.until(world.responses)

        assert "clerk gave no answer (duplicate_conflict:" in world.responses("r-1")[0]["output"]
        assert list(world.statuses()) == ["r-1"]


async def test_who_takes_the_id_of_a_question_is_not_believed_who_waits_for_it() -> None:
    world, firm = World(), Firm()
    async with worker(world, firm) as flume:
        flume.write(body("r-1", agent="boss", input="ask clerk"))
        await flume.settle()
        (asked,) = world.log.read(NAMES.requests)

        flume.write(asked | {"input": "ask boss"})
        await flume.settle()

        forged = world.log.read(NAMES.requests)[-1]
        assert forged["agent"] == "boss"
        assert forged["parent"]["path"] == ["clerk"]


async def test_what_an_earlier_version_asked_is_answered_by_its_id_alone() -> None:
    world, firm = World(), Firm()
    async with worker(world, firm) as flume:
        flume.write(body("r-1", agent="boss", input="ask clerk"))
        await flume.settle()
    place = world.log.partitions[NAMES.parked, record(0).partition]
    place[:] = [replace(one, value=_as_before(one.value)) for one in place]

    async with worker(world, firm) as other:
        await settle(other)

        assert len(world.log.read(NAMES.requests)) == 1
        assert world.responses("r-1")[0]["output"] == "boss says clerk says from boss: clerk?"


def _as_before(value: bytes | None) -> bytes:
    told = orjson.loads(value or b"")
    for one in told["asked"]:
        del one["digest"], one["sha256"]
    return orjson.dumps(told)


def test_a_question_is_known_by_agent_and_text() -> None:
    question = Question("t", "clerk", "how \ud800?")

    assert question.digest == Question("u", "clerk", "how \ud800?").digest
    assert question.digest != Question("t", "clerk@2", "how \ud800?").digest
    assert question.digest != Question("t", "clerk", "how?").digest


def test_what_is_asked_is_read_as_it_is_written() -> None:
    asked = Asked("t", "clerk", "how?", "r-1~0", None, None, "d", "s")

    assert read_asked(told_asked(asked)) == asked
    before = {"call": "t", "agent": "clerk", "request_id": "r-1~0", "input": "", "max_cost_usd": None}
    assert read_asked(before).digest == UNTOLD
