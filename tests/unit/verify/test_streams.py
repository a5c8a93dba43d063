"""Streams of requests: which deltas are judged against which outcome."""

import json

from app.verify.findings import Promise, Tally
from app.verify.inspection import Inspection
from app.verify.judges.deltas import CUT, EARLIER, STRUCTURED
from app.verify.records import Extent, Kind, Record
from app.verify.standing import Standing
from schemas.deltas import DeltaKind
from schemas.failures import Code
from schemas.responses import Status
from tests.unit.verify.world import BEGIN, Fields, World, ms

REQUEST: Fields = {"tenant_id": "acme", "request_id": "r1"}


async def judge(world: World) -> Tally:
    return (await Inspection(world).run())[Promise.DELTAS]


def streamed(output: object = "It is at sea.") -> World:
    world = World()
    world.answer(world.ask("acme", "r1", stream=True), output=output)
    return world


def source(world: World) -> Record:
    return world.find(Kind.REQUESTS, request_id="r1")


def cut(world: World, kind: Kind, deleted: int) -> None:
    """Retention took the first records of the topic."""
    world.records[kind] = [one for one in world.records[kind] if one.offset >= deleted]
    world.extents[kind, source(world).partition] = Extent(deleted, deleted, 10_000)


async def test_a_stream_that_tells_its_outcome_is_kept() -> None:
    tally = await judge(streamed())

    assert (tally.checked, tally.breached) == (1, 0)


async def test_what_a_worker_says_that_lost_the_request_is_ignored_behind_the_end_too() -> None:
    world = World()
    asked = world.ask("acme", "r1", stream=True)
    world.say(asked, REQUEST, DeltaKind.TEXT, {"text": "Half"}, seq=0)
    world.say(asked, REQUEST, DeltaKind.SUPERSEDED, {"from_turn": 0}, seq=0, attempt=2)
    world.say(asked, REQUEST, DeltaKind.TEXT, {"text": "At sea."}, seq=1, attempt=2)
    world.say(asked, REQUEST, DeltaKind.END, {"status": "completed"}, seq=2, attempt=2)
    world.say(asked, REQUEST, DeltaKind.TEXT, {"text": " a word"}, seq=1, at_char=4)
    world.answer(asked, output="At sea.")
    world.records[Kind.DELTAS] = world.records[Kind.DELTAS][:5]

    tally = await judge(world)

    assert (tally.checked, tally.breached) == (1, 0)


async def test_each_generation_has_its_end() -> None:
    world = World()
    asked = world.ask("acme", "r1", stream=True)
    world.answer(asked, Status.FAILED, code=Code.MODEL_UNAVAILABLE)
    world.answer(asked, generation=1)
    world.records[Kind.DELTAS] = world.records[Kind.DELTAS][:1]
    world.say(asked, REQUEST, DeltaKind.SUPERSEDED, {"from_turn": 0}, seq=0, attempt=2)
    world.say(asked, REQUEST, DeltaKind.TEXT, {"text": "It is at sea."}, seq=1, attempt=2)
    world.say(asked, REQUEST, DeltaKind.END, {"status": "completed"}, seq=2, attempt=2)

    complete = await judge(world)
    world.records[Kind.DELTAS].pop()
    without_its_end = await judge(world)

    assert (complete.checked, complete.breached) == (1, 0)
    assert [breach.what for breach in without_its_end.examples] == ["asked for a stream, which has no end"]


async def test_an_output_that_is_no_text_may_be_said_as_json() -> None:
    world = streamed({"order": 7})
    end = world.records[Kind.DELTAS].pop()
    world.say(source(world), REQUEST, DeltaKind.TEXT, {"text": '{ "order": 7 }'}, seq=0)
    world.write(Kind.DELTAS, end.partition, end.key, (end.value or b"").replace(b'"seq":0', b'"seq":1'))

    tally = await judge(world)

    assert (tally.checked, tally.breached, tally.not_checkable) == (1, 0, {})


async def test_an_output_that_is_no_text_may_be_said_otherwise() -> None:
    tally = await judge(streamed({"order": 7}))

    assert (tally.breached, tally.not_checkable) == (0, {STRUCTURED: 1})


async def test_the_text_of_a_stream_that_begins_in_what_was_deleted_is_not_judged() -> None:
    world = streamed()
    cut(world, Kind.DELTAS, 2)

    tally = await judge(world)

    assert (tally.checked, tally.breached, tally.not_checkable) == (1, 0, {CUT: 1})


async def test_a_stream_that_was_deleted_is_not_missed() -> None:
    world = streamed()
    cut(world, Kind.DELTAS, 4)

    tally = await judge(world)

    assert (tally.checked, tally.not_checkable) == (0, {Standing.EXPIRED: 1})


async def test_under_an_open_transaction_an_end_is_not_missed() -> None:
    world = streamed()
    world.records[Kind.DELTAS].pop()
    world.undecided = frozenset({source(world).partition})

    tally = await judge(world)

    assert (tally.checked, tally.not_checkable) == (0, {Standing.UNDECIDED: 1})


async def test_a_stream_of_an_earlier_request_is_not_judged() -> None:
    world = streamed()
    world.records[Kind.DELTAS].pop(1)
    asked = world.remove(source(world), Kind.REQUESTS)
    world.extents[Kind.REQUESTS, asked.partition] = Extent(0, 1, 10_000)
    world.since_ms = ms(BEGIN) + 1

    tally = await judge(world)

    assert (tally.checked, tally.breached, tally.not_checkable) == (0, 0, {EARLIER: 1})


async def test_a_stream_for_nobody_is_told_once() -> None:
    world = streamed()
    for kind in (Kind.REQUESTS, Kind.RESPONSES):
        world.records[kind].clear()

    tally = await judge(world)

    assert [breach.what for breach in tally.examples] == ["although nobody sent such a request"]


async def test_a_stream_that_nobody_asked_for_is_told_once() -> None:
    world = streamed()
    world.edit(Kind.REQUESTS, source(world), lambda it: it.update(stream=False))

    tally = await judge(world)

    assert [breach.what for breach in tally.examples] == ["although the request did not ask for a stream"]


async def test_people_are_asked_also_where_nobody_asked_for_a_stream() -> None:
    world = streamed()
    world.edit(Kind.REQUESTS, source(world), lambda it: it.update(stream=False))
    del world.records[Kind.DELTAS][1:]
    asking = world.records[Kind.DELTAS][0]
    world.edit(Kind.DELTAS, asking, lambda it: it.update(kind="approval_required", data={}))

    assert (await judge(world)).breached == 0


async def test_an_end_whose_response_is_not_read_yet_is_no_breach() -> None:
    world = streamed()
    world.records[Kind.RESPONSES].clear()
    world.committed = {}

    tally = await judge(world)

    assert (tally.breached, tally.not_checkable) == (0, {Standing.OPEN: 1})


async def test_what_is_no_delta_is_told() -> None:
    world = streamed()
    partition = source(world).partition
    whole = json.loads(world.records[Kind.DELTAS][0].value or b"")
    for broken in (b"?", b"{}", b"[]", json.dumps(whole | {"seq": "4"}).encode(), None):
        world.write(Kind.DELTAS, partition, b"acme", broken)

    tally = await judge(world)

    assert tally.breached == 5
    assert all(breach.what.startswith("is no delta") for breach in tally.examples)
