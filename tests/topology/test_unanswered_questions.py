"""Questions that come to a dead letter: nobody answers them, and who asked is told at once."""

from dataclasses import replace
from typing import Any

import pytest

from schemas.signatures import Content, SigningKey, sign
from streams.flow import Parcel, Record
from tests.doubles.flume import Flume, World
from tests.doubles.memory_outbox import NAMES
from tests.doubles.memory_verifier import entry_of, signed, signing_key
from tests.doubles.requests import body, record
from tests.topology.test_asked_agents import Firm, post, settle, worker

PRODUCER, WORKER = signing_key("acme-1"), signing_key("worker-1")


def signing(*known: SigningKey) -> World:
    """Where requests are signed, workers by a key of their own; these keys are known."""
    world = World()
    world.signed_requests = True
    world.keys.update({one.kid: entry_of(one).key() for one in known})
    world.sign = lambda topic, key, value: [sign(WORKER, Content(topic, key, value), world.clock.at())]
    return world


def ask(flume: Flume, asked: str = "ask clerk") -> None:
    """Boss is told to ask."""
    flume.world.requests[record(0).partition].append(
        signed(record(0, body("r-1", agent="boss", input=asked)), PRODUCER, flume.clock.at())
    )
    flume.pump()


def question(world: World) -> Record:
    """As its worker wrote it."""
    (emission,) = world.log.emissions(NAMES.requests)
    return replace(record(0, emission.value), headers=tuple(emission.headers))


def too_few_bytes(world: World) -> int:
    """For the question; who asked fits."""
    return len(question(world).value or b"") - 1


def put(flume: Flume, written: Record) -> None:
    stood = flume.world.requests[written.partition]
    stood.append(replace(written, offset=len(stood)))
    flume.pump()


def codes(world: World) -> list[str]:
    return [one["code"] for one in world.dead_letters()]


async def test_who_asked_with_a_key_that_nobody_knows_is_told() -> None:
    world, firm = signing(PRODUCER), Firm()
    async with worker(world, firm) as flume:
        ask(flume)

        await settle(flume)

        assert codes(world) == ["bad_signature"]
        output = world.responses("r-1")[0]["output"]
        assert output.startswith("boss says clerk gave no answer (bad_signature:")
        assert len(flume.parking.lot) == 0
        assert firm.answered == ["boss"]


async def test_the_dead_letter_and_the_reply_are_published_together(monkeypatch: pytest.MonkeyPatch) -> None:
    world, firm = signing(PRODUCER), Firm()
    async with worker(world, firm) as flume:
        publish, parcels = flume.outbox.publish, list[Parcel]()

        async def kept(parcel: Parcel) -> int | None:
            parcels.append(parcel)
            return await publish(parcel)

        monkeypatch.setattr(flume.outbox, "publish", kept)
        ask(flume)
        await settle(flume)

        together = [[emission.topic for emission in one.emissions] for one in parcels]
        assert [topics for topics in together if NAMES.deadletter in topics] == [
            [NAMES.parked, NAMES.deadletter]
        ]


async def test_a_question_that_is_larger_than_requests_may_be_here_is_told_too() -> None:
    world, firm = World(), Firm()
    async with worker(world, firm) as flume:
        flume.write(body("r-1", agent="boss", input="ask clerk"))
        await flume.settle()
    async with worker(world, firm, max_request_bytes=too_few_bytes(world)) as flume:
        await settle(flume)

        assert codes(world) == ["oversize"]
        assert "clerk gave no answer (oversize:" in world.responses("r-1")[0]["output"]


async def test_a_question_that_waited_and_cannot_be_read_any_more_is_told_too() -> None:
    world, firm = World(), Firm()
    async with worker(world, firm) as flume:
        flume.write(body("r-1", agent="boss", input="ask clerk"))
        await flume.settle()
        flume.command(command="pause")
        await flume.until(lambda: world.plans.paused("acme"))
        await settle(flume)
        assert len(flume.parking.lot) == 2
    async with worker(world, firm, max_request_bytes=too_few_bytes(world)) as flume:
        flume.command(command="resume")
        await settle(flume)

        assert codes(world) == ["oversize"]
        assert "clerk gave no answer (oversize:" in world.responses("r-1")[0]["output"]


async def test_whoever_takes_over_goes_on_with_the_reply() -> None:
    world, firm = signing(PRODUCER), Firm()
    async with worker(world, firm) as flume:
        ask(flume)
        await flume.settle()
        post(world)
        flume.pump()
        await flume.until(world.dead_letters)

    async with worker(world, firm) as other:
        await settle(other)

        assert "bad_signature" in world.responses("r-1")[0]["output"]
        assert codes(world) == ["bad_signature"]


@pytest.mark.parametrize("when", ["while it is answered", "while it waits", "when it is answered"])
async def test_a_copy_without_a_signature_tells_nobody_anything(when: str) -> None:
    world, firm = signing(PRODUCER, WORKER), Firm()
    async with worker(world, firm) as flume:
        ask(flume)
        await flume.settle()
        if when == "while it waits":
            flume.command(command="pause")
            await flume.until(lambda: world.plans.paused("acme"))
        copy = replace(question(world), headers=())
        post(world)
        if when == "when it is answered":
            await settle(flume)
        elif when == "while it waits":
            await settle(flume)
            assert len(flume.parking.lot) == 2
        put(flume, copy)
        await settle(flume)
        if when == "while it waits":
            flume.command(command="resume")
        await settle(flume)

        assert codes(world) == ["bad_signature"]
        assert world.responses("r-1")[0]["output"] == "boss says clerk says from boss: clerk?"


@pytest.mark.parametrize(
    "changed",
    [
        {"partition": (record(0).partition + 1) % 4},
        {"key": b"globex"},
        {"value": b'{"request_id": "r-1~", "tenant_id": "acme"}'},
    ],
    ids=["elsewhere", "another tenant's", "other bytes"],
)
async def test_what_only_looks_like_a_question_tells_nobody_anything(changed: dict[str, Any]) -> None:
    world, firm = signing(PRODUCER, WORKER), Firm()
    async with worker(world, firm) as flume:
        ask(flume)
        await flume.settle()

        asked = question(world)
        put(flume, replace(asked, headers=(), **changed))
        await flume.settle()
        assert len(flume.parking.lot) == 1
        put(flume, asked)
        await flume.rest()
        await flume.settle()

        assert codes(world) == ["bad_signature"]
        assert world.responses("r-1")[0]["output"] == "boss says clerk says from boss: clerk?"
