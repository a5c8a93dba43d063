"""An agent asks another through the stream: its run is parked until the other's response is there."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from agents import Agent
from agents.testing import assistant_message, function_call

from agents_defs.agent_spec import AgentSpec
from agents_defs.model_access import FixedAccess
from agents_defs.registry import Registry
from agents_defs.runner import AgentRunner
from agents_defs.tools.ask_agent import ask_agent
from schemas.codec import encode
from schemas.signatures import Content, sign
from schemas.times import format_at
from streams import correspondence
from tests.doubles.flume import Flume, World
from tests.doubles.history_model import HistoryModel
from tests.doubles.memory_claims import ClaimMemory
from tests.doubles.memory_outbox import NAMES
from tests.doubles.memory_verifier import entry_of, signed, signing_key
from tests.doubles.requests import body, record


def outputs(items: list[Any]) -> list[str]:
    """What the tools gave back so far."""
    return [one["output"] for one in items if one.get("type") == "function_call_output"]


def said(items: list[Any]) -> str:
    """The question itself."""
    return str(items[0].get("content"))


class Firm:
    """`boss` asks `clerk` and `scribe`, as often as it is told, and answers with what they said."""

    def __init__(self) -> None:
        self.model = HistoryModel(self._answer)
        self.answered: list[str] = []

    def _answer(self, instructions: str | None, items: list[Any]) -> Any:
        who, asked, got = instructions or "", said(items), outputs(items)
        if who == "boss" and not got:
            names = asked.removeprefix("ask ").split(" and ")
            return [
                function_call(
                    "ask_agent", {"agent": name, "question": f"from boss: {name}?"}, call_id=f"c-{nth}"
                )
                for nth, name in enumerate(names)
            ]
        if who == "clerk" and asked.startswith("ask ") and not got:
            return [function_call("ask_agent", {"agent": "boss", "question": "ask clerk"}, call_id="c-0")]
        self.answered.append(who)
        return [assistant_message(f"{who} says {' | '.join(got) or asked}")]

    def spec(self, name: str) -> AgentSpec:
        """One of them."""

        def build() -> Agent[Any]:
            others = {"boss": ("clerk", "scribe"), "clerk": ("boss", "scribe"), "scribe": ("clerk",)}[name]
            return Agent(name=name, instructions=name, tools=[ask_agent(*others)])

        return AgentSpec(name, 1, build)

    @property
    def specs(self) -> list[AgentSpec]:
        return [self.spec(name) for name in ("boss", "clerk", "scribe")]

    def runs(self) -> AgentRunner:
        return AgentRunner(Registry(self.specs), FixedAccess(self.model))


def post(world: World) -> list[dict[str, Any]]:
    """Questions that were published come to stand on the topic; returns what they say."""
    for emission in world.log.emissions(NAMES.requests):
        if emission.value not in [one.value for one in world.requests[emission.partition]]:
            world.write(emission.value, headers=emission.headers)
    return world.log.read(NAMES.requests)


async def settle(flume: Flume) -> None:
    """Until nothing goes on any more: questions are answered, and replies taken up."""
    for _ in range(6):
        await flume.rest()
        post(flume.world)


def worker(world: World, firm: Firm, **options: Any) -> Flume:
    return Flume(world, firm.runs(), firm.specs, **options)


async def test_a_question_is_a_request_of_its_own_and_its_answer_reaches_who_asked() -> None:
    world, firm = World(), Firm()
    async with worker(world, firm) as flume:
        flume.write(body("r-1", agent="boss", input="ask clerk", user_id="u-1", metadata={"case": "7"}))
        await settle(flume)

        (question,) = world.log.read(NAMES.requests)
        assert question["agent"] == "clerk"
        assert question["input"] == "from boss: clerk?"
        assert question["parent"] == {"request_id": "r-1", "depth": 1, "path": ["boss"]}
        assert (question["user_id"], question["metadata"]) == ("u-1", {"case": "7"})
        assert world.statuses() == {question["request_id"]: "completed", "r-1": "completed"}
        assert world.responses("r-1")[0]["output"] == "boss says clerk says from boss: clerk?"
        assert len(flume.parking.lot) == 0
        assert flume.parking.lot.asking(("acme", question["request_id"])) is None


async def test_who_waits_holds_no_slot() -> None:
    world, firm = World(), Firm()
    async with worker(world, firm, max_in_flight=1) as flume:
        flume.write(body("r-1", agent="boss", input="ask clerk"))

        await settle(flume)

        assert world.responses("r-1")[0]["status"] == "completed"


async def test_questions_of_one_turn_go_out_together_and_it_goes_on_when_all_are_answered() -> None:
    world, firm = World(), Firm()
    async with worker(world, firm) as flume:
        flume.write(body("r-1", agent="boss", input="ask clerk and scribe"))
        await flume.settle()

        questions = post(world)
        await settle(flume)

        assert [one["agent"] for one in questions] == ["clerk", "scribe"]
        assert world.responses("r-1")[0]["output"] == (
            "boss says clerk says from boss: clerk? | scribe says from boss: scribe?"
        )
        assert world.responses("r-1")[0]["attempts"] == 2


@pytest.mark.parametrize("when", ["parked", "asked", "answered"])
async def test_a_crash_at_any_moment_asks_nobody_twice(when: str) -> None:
    world, firm = World(), Firm()
    async with worker(world, firm) as first:
        first.write(body("r-1", agent="boss", input="ask clerk"))
        await first.settle()
        if when != "parked":
            post(world)
        if when == "answered":
            first.pump()
            await first.settle()
        await first.die()
    async with worker(world, firm) as second:
        second.pump()
        await settle(second)

        assert len(world.log.read(NAMES.requests)) == 1
        assert world.responses("r-1")[0]["output"] == "boss says clerk says from boss: clerk?"
        assert len(world.responses()) == 2
        assert firm.answered == ["clerk", "boss"]


async def test_a_reply_survives_a_store_that_was_emptied() -> None:
    world, firm = World(), Firm()
    async with worker(world, firm) as flume:
        flume.write(body("r-1", agent="boss", input="ask clerk"))
        await flume.settle()
        world.memory.become(ClaimMemory())

        await settle(flume)

        assert world.responses("r-1")[0]["status"] == "completed"


async def test_a_refused_question_is_told_to_the_model() -> None:
    world, firm = World(), Firm()
    world.plans.put(agents=["boss"])
    async with worker(world, firm) as flume:
        flume.write(body("r-1", agent="boss", input="ask clerk"))

        await settle(flume)

        output = world.responses("r-1")[0]["output"]
        assert output.startswith("boss says clerk gave no answer (agent_not_allowed")


async def test_nobody_is_asked_in_a_circle() -> None:
    world, firm = World(), Firm()
    async with worker(world, firm) as flume:
        flume.write(body("r-1", agent="clerk", input="ask boss"))

        await settle(flume)

        output = world.responses("r-1")[0]["output"]
        assert "clerk is not asked: it waits for this very answer itself (clerk -> boss -> clerk)" in output
        assert len(world.log.read(NAMES.requests)) == 1


async def test_what_somebody_else_says_of_a_parent_counts_for_nothing() -> None:
    world, firm = World(), Firm()
    async with worker(world, firm) as flume:
        claimed = {"request_id": "r-0", "depth": 4, "path": ["clerk", "scribe", "x", "y"]}
        flume.write(body("r-1", agent="boss", input="ask clerk", parent=claimed))

        await settle(flume)

        (question,) = world.log.read(NAMES.requests)
        assert question["parent"]["path"] == ["boss"]
        assert world.responses("r-1")[0]["output"] == "boss says clerk says from boss: clerk?"


async def test_questions_share_what_may_be_spent_still() -> None:
    world, firm = World(), Firm()
    async with worker(world, firm) as flume:
        flume.write(body("r-1", agent="boss", input="ask clerk and scribe", max_cost_usd="0.5"))
        await flume.settle()

        caps = [Decimal(one["max_cost_usd"]) for one in post(world)]

        assert caps == [Decimal("0.25")] * 2


async def test_a_share_that_has_no_end_is_rounded_down_to_what_a_request_may_say() -> None:
    world, firm = World(), Firm()
    async with worker(world, firm) as flume:
        flume.write(body("r-1", agent="boss", input="ask clerk and scribe and clerk", max_cost_usd="1"))
        await settle(flume)

        caps = [one["max_cost_usd"] for one in world.log.read(NAMES.requests)]

        assert caps == ["0." + 18 * "3"] * 3
        assert set(world.statuses().values()) == {"completed"}
        assert "gave no answer" not in world.responses("r-1")[0]["output"]


async def test_the_deadline_is_theirs_too_and_ends_who_waits() -> None:
    world, firm = World(), Firm()
    async with worker(world, firm) as flume:
        deadline = format_at(flume.clock.at() + timedelta(seconds=60))
        flume.write(body("r-1", agent="boss", input="ask clerk", deadline=deadline))
        await flume.settle()
        (question,) = world.log.read(NAMES.requests)

        flume.clock.advance(61)
        await flume.rest()
        await flume.settle()

        assert question["deadline"] == deadline
        assert world.statuses() == {"r-1": "expired"}
        cancels = world.log.read(NAMES.control)
        assert [(one["command"], one["request_id"]) for one in cancels] == [
            ("cancel", question["request_id"])
        ]


async def test_who_is_cancelled_calls_off_what_was_asked() -> None:
    world, firm = World(), Firm()
    async with worker(world, firm) as flume:
        flume.write(body("r-1", agent="boss", input="ask clerk"))
        await flume.settle()
        flume.command(command="cancel", request_id="r-1")
        await flume.rest()

        assert world.statuses() == {"r-1": "cancelled"}
        (cancel,) = world.log.read(NAMES.control)
        assert cancel["request_id"] == world.log.read(NAMES.requests)[0]["request_id"]


async def test_its_session_waits_for_who_waits() -> None:
    world, firm = World(), Firm()
    async with worker(world, firm) as flume:
        flume.write(
            body("r-1", agent="boss", input="ask clerk", session_id="s"),
            body("r-2", agent="scribe", input="hello", session_id="s"),
        )
        await settle(flume)

        ended = [one["request_id"] for one in world.responses() if one["request_id"] in {"r-1", "r-2"}]
        assert ended == ["r-1", "r-2"]


async def test_where_requests_have_to_be_signed_a_question_is() -> None:
    world, firm, key = World(), Firm(), signing_key("acme-1")
    world.keys["acme-1"] = entry_of(key).key()
    world.signed_requests = True
    world.sign = lambda topic, about, value: [sign(key, Content(topic, about, value), world.clock.at())]
    request = signed(record(0, body("r-1", agent="boss", input="ask clerk")), key, world.clock.at())
    async with worker(world, firm) as flume:
        world.requests[request.partition].append(request)

        await settle(flume)

        assert world.responses("r-1")[0]["output"] == "boss says clerk says from boss: clerk?"
        assert world.dead_letters() == []


async def test_a_worker_that_cannot_sign_says_so_instead_of_asking() -> None:
    world, firm = World(), Firm()
    world.sign = lambda *_: None
    async with worker(world, firm) as flume:
        flume.write(body("r-1", agent="boss", input="ask clerk"))

        await settle(flume)

        assert world.log.read(NAMES.requests) == []
        assert "PENSTOCK_SIGNING_KEY_FILE" in world.responses("r-1")[0]["output"]


async def test_a_question_is_encoded_and_signed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    world, firm, signed_topics, encoded = World(), Firm(), list[str](), list[Any]()

    def sign_it(topic: str, *_: bytes | None) -> list[tuple[str, bytes]]:
        signed_topics.append(topic)
        return []

    def encode_it(one: Any) -> bytes:
        encoded.append(one)
        return encode(one)

    world.sign = sign_it
    monkeypatch.setattr(correspondence, "encode", encode_it)
    async with worker(world, firm) as flume:
        flume.write(body("r-1", agent="boss", input="ask clerk and scribe"))

        await settle(flume)

        assert signed_topics == [NAMES.requests] * 2
        assert [one.agent for one in encoded] == ["clerk", "scribe"]
