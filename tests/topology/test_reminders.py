"""Plain delivery: what stands on one topic may be missing on another, and agents' questions outlive that."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import orjson
import pytest

from agents_defs.registry import Registry
from streams.flow import Emission
from streams.intake import Intake
from streams.parked import Parked, ParkedPlace, decode_parked
from streams.reminders import Means, Reminders
from tests.doubles.flume import Flume, World
from tests.doubles.memory_outbox import NAMES
from tests.doubles.requests import PARTITIONS, body, record
from tests.topology.test_asked_agents import Firm, settle, worker

PARTITION = record(0).partition


def plain(world: World, firm: Firm) -> Flume:
    """A worker whose deliveries are not atomic."""
    flume, most = worker(world, firm), 1024 * 1024
    intake = Intake(Registry(firm.specs), PARTITIONS, most, most)
    letters = flume.pipeline._stages.completion.letters
    Reminders(Means(letters, flume.parking, flume.bodies, intake, flume.clock, flume.lifeline))
    return flume


async def asked(world: World, firm: Firm) -> None:
    """Boss asks clerk, and the worker dies."""
    async with worker(world, firm) as flume:
        flume.write(body("r-1", agent="boss", input="ask clerk"))
        await flume.settle()


def questions(world: World) -> list[Emission]:
    return world.log.emissions(NAMES.requests)


def written(world: World) -> None:
    """All that was published stands on the topic, also what is there already."""
    for one in questions(world):
        world.write(one.value, headers=one.headers)


async def test_a_question_that_was_not_written_is_sent_again_by_whoever_takes_over() -> None:
    world, firm = World(), Firm()
    await asked(world, firm)
    (lost,) = questions(world)
    world.log.partitions[NAMES.requests, PARTITION].clear()

    async with plain(world, firm) as flume:
        await settle(flume)

        assert [one.value for one in questions(world)] == [lost.value]
        assert world.responses("r-1")[0]["output"] == "boss says clerk says from boss: clerk?"


async def test_a_question_that_was_written_is_answered_once_all_the_same() -> None:
    world, firm = World(), Firm()
    await asked(world, firm)

    async with plain(world, firm) as flume:
        await flume.rest()
        written(world)
        await flume.until(lambda: world.responses("r-1"))
        await flume.settle()

        assert len(questions(world)) == 2
        assert firm.answered == ["clerk", "boss"]
        assert (len(world.responses()), world.dead_letters()) == (2, [])
        assert flume.lag() == 0


async def test_who_asked_is_told_where_the_answer_stands_and_the_reply_does_not() -> None:
    world, firm = World(), Firm()
    await asked(world, firm)
    written(world)
    async with worker(world, firm) as flume:
        flume.pump()
        await flume.until(world.responses)
    place = world.log.partitions[NAMES.parked, PARTITION]
    assert len(decode_parked(place[1].value or b"").asked) == 1
    del place[1:]

    async with plain(world, firm) as other:
        await other.rest()
        assert len(questions(world)) == 2
        world.write(questions(world)[1].value)
        await other.until(lambda: world.responses("r-1"))
        await other.settle()

        assert firm.answered == ["clerk", "boss"]
        assert "clerk gave no answer (internal: it was answered" in world.responses("r-1")[0]["output"]


async def test_whose_asker_has_ended_meanwhile_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    world, firm = World(), Firm()
    await asked(world, firm)
    flume = plain(world, firm)
    fetch, read = flume.bodies.fetch, asyncio.Event()

    async def late(places: Sequence[ParkedPlace]) -> Sequence[Parked | None]:
        monkeypatch.undo()
        await read.wait()
        return await fetch(places)

    monkeypatch.setattr(flume.bodies, "fetch", late)
    async with flume:
        await flume.rest()
        flume.command(command="cancel", request_id="r-1")
        await flume.until(world.responses)
        read.set()
        await flume.rest()

        assert len(questions(world)) == 1


async def test_what_is_written_in_other_bytes_by_now_is_not_sent() -> None:
    world, firm = World(), Firm()
    await asked(world, firm)
    place = world.log.partitions[NAMES.parked, PARTITION]
    told = orjson.loads(place[0].value or b"")
    told["asked"][0]["sha256"] = "0" * 64
    place[0] = Emission(place[0].topic, PARTITION, place[0].key, orjson.dumps(told))

    async with plain(world, firm) as flume:
        await flume.rest()

        assert len(questions(world)) == 1
