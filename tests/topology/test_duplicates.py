"""A request id is answered once, however often and in whatever shape it comes."""

import base64
import json

from streams.observations import DuplicateSeen
from tests.doubles.flume import Flume, World
from tests.doubles.held_runs import HeldRuns
from tests.doubles.requests import body, partition_of


async def answered(flume: Flume, request_id: str) -> None:
    await flume.finish(request_id)
    await flume.settle()


async def test_the_same_request_again_starts_no_run_and_gets_no_second_answer(flume: Flume) -> None:
    flume.write(body("r-1"))
    await answered(flume, "r-1")

    flume.write(body("r-1"))
    await flume.settle()

    assert flume.runs.started == ["r-1"]
    assert len(flume.world.responses()) == 1
    assert flume.lag() == 0
    assert flume.observed.of(DuplicateSeen) == [DuplicateSeen("acme", conflict=False)]


async def test_a_resend_that_differs_only_in_created_at_and_spelling_is_the_same(flume: Flume) -> None:
    flume.write(body("r-1", created_at="2026-01-01T00:00:00.000Z"))
    await answered(flume, "r-1")

    shuffled = dict(reversed(body("r-1", created_at="2026-02-02T00:00:00Z").items()))
    flume.write(json.dumps(shuffled, indent=2).encode(), key=b"acme")
    await flume.settle()

    assert len(flume.world.responses()) == 1
    assert flume.world.dead_letters() == []


async def test_a_resend_during_the_run_waits_for_its_one_outcome(flume: Flume) -> None:
    flume.write(body("r-1"))
    await flume.until(lambda: flume.runs.running)

    flume.write(body("r-1"), body("r-1"))
    await flume.rest()
    assert flume.lag() == 3

    await answered(flume, "r-1")
    assert flume.runs.started == ["r-1"]
    assert len(flume.world.responses()) == 1
    assert flume.lag() == 0


async def test_resends_that_arrive_together_are_one_request(flume: Flume) -> None:
    flume.write(*[body("r-1")] * 5)

    await answered(flume, "r-1")

    assert flume.runs.started == ["r-1"]
    assert len(flume.world.responses()) == 1


async def test_the_same_id_with_another_body_is_a_conflict_and_no_run(flume: Flume) -> None:
    flume.write(body("r-1"))
    await answered(flume, "r-1")

    (other,) = flume.write(body("r-1", input="something else"))
    await flume.settle()

    (letter,) = flume.world.dead_letters()
    assert (letter["code"], letter["request_id"]) == ("duplicate_conflict", "r-1")
    assert base64.b64decode(letter["original"]["value"]) == other.value
    assert letter["source"]["offset"] == other.offset
    assert len(flume.world.responses()) == 1
    assert flume.runs.started == ["r-1"]
    assert flume.observed.of(DuplicateSeen)[-1] == DuplicateSeen("acme", conflict=True)


async def test_a_conflict_during_the_run_does_not_wait_for_it(flume: Flume) -> None:
    flume.write(body("r-1"))
    await flume.until(lambda: flume.runs.running)

    flume.write(body("r-1", input="something else"))
    await flume.until(flume.world.dead_letters)

    assert flume.runs.running == ["r-1"]


async def test_of_two_bodies_that_come_at_once_the_store_knows_which_was_first(flume: Flume) -> None:
    flume.write(body("r-1"))
    await answered(flume, "r-1")

    (other, _) = flume.write(body("r-1", input="something else"), body("r-1"))
    await flume.settle()

    assert [letter["source"]["offset"] for letter in flume.world.dead_letters()] == [other.offset]
    assert len(flume.world.responses()) == 1


async def test_of_two_bodies_that_are_new_the_first_runs(flume: Flume) -> None:
    (_, other, third) = flume.write(body("r-1"), body("r-1", input="b"), body("r-1", input="c"))
    await answered(flume, "r-1")
    await flume.settle()

    assert sorted(letter["source"]["offset"] for letter in flume.world.dead_letters()) == [
        other.offset,
        third.offset,
    ]
    assert len(flume.world.responses()) == 1


async def test_each_conflicting_record_has_its_own_dead_letter(flume: Flume) -> None:
    flume.write(body("r-1"))
    await answered(flume, "r-1")

    flume.write(body("r-1", input="b"), body("r-1", input="b"), body("r-1", input="c"))
    await flume.settle()

    assert sorted(letter["source"]["offset"] for letter in flume.world.dead_letters()) == [1, 2, 3]


async def test_a_refused_request_stays_refused_when_it_is_sent_again(flume: Flume) -> None:
    flume.write(body("r-1", agent="nobody"))
    await flume.settle()

    flume.write(body("r-1", agent="nobody"))
    await flume.settle()

    assert len(flume.world.responses()) == 1


async def test_two_tenants_may_use_the_same_id(flume: Flume) -> None:
    flume.write(body("r-1", "acme"), body("r-1", "globex"))
    await flume.until(lambda: len(flume.runs.running) == 2)

    for order in flume.runs.orders:
        assert order.request_id == "r-1"
    assert {order.tenant_id for order in flume.runs.orders} == {"acme", "globex"}


async def test_what_was_answered_is_known_after_a_restart() -> None:
    world = World()
    async with Flume(world, HeldRuns(instant=True)) as first:
        first.write(body("r-1"))
        await first.settle()

    async with Flume(world, HeldRuns(instant=True)) as second:
        second.write(body("r-1"))
        await second.settle()

        assert second.runs.started == []
        assert len(world.responses()) == 1


async def test_what_was_answered_is_known_although_the_store_was_emptied() -> None:
    world = World()
    async with Flume(world, HeldRuns(instant=True)) as first:
        first.write(body("r-1"), b"rubbish", body("r-1", input="other"))
        await first.settle()
        world.memory.become(type(world.memory)())
        world.committed.clear()

    async with Flume(world, HeldRuns(instant=True)) as second:
        await second.settle()

        assert second.runs.started == []
        assert len(world.responses()) == 1
        assert sorted(letter["code"] for letter in world.dead_letters()) == [
            "duplicate_conflict",
            "undecodable",
        ]


async def test_a_store_that_is_emptied_while_a_worker_runs_is_filled_again_before_it_admits() -> None:
    async with Flume(runs=HeldRuns(instant=True)) as flume:
        flume.world.plans.put("acme", limits=[])
        flume.write(body("r-1"))
        await flume.settle()
        flume.rebuilt.clear()

        flume.world.memory.become(type(flume.world.memory)())
        flume.write(body("r-1"), body("r-2"))
        await flume.settle()

        assert flume.rebuilt
        assert flume.runs.started == ["r-1", "r-2"]
        assert len(flume.world.responses("r-1")) == 1


async def test_an_outcome_published_into_an_emptied_store_does_not_hide_that_it_is_empty(
    flume: Flume,
) -> None:
    flume.write(body("r-1"))
    await answered(flume, "r-1")
    flume.write(body("r-2"))
    await flume.until(lambda: flume.runs.running)

    flume.world.memory.become(type(flume.world.memory)())
    await answered(flume, "r-2")
    flume.write(body("r-1"))
    await flume.settle()

    assert flume.runs.started == ["r-1", "r-2"]
    assert len(flume.world.responses("r-1")) == 1


async def test_a_store_that_lost_its_last_writes_is_brought_up_to_date(flume: Flume) -> None:
    flume.write(body("r-1"))
    await answered(flume, "r-1")
    earlier = flume.world.memory.copied()
    flume.write(body("r-2"))
    await answered(flume, "r-2")
    flume.write(body("r-3"))
    await flume.until(lambda: flume.runs.running)

    flume.world.memory.become(earlier)
    await answered(flume, "r-3")
    flume.write(body("r-2"))
    await flume.settle()

    assert flume.runs.started == ["r-1", "r-2", "r-3"]
    assert len(flume.world.responses("r-2")) == 1


async def test_a_dead_letter_is_not_written_again_after_a_crash_before_its_offset_was_released() -> None:
    world = World()
    async with Flume(world) as first:
        first.write(body("slow"), b"rubbish")
        await first.until(world.dead_letters)
        assert world.committed[partition_of("acme")] == 0

    async with Flume(world) as second:
        await second.until(lambda: second.runs.running)
        second.runs.end("slow")
        await second.settle()

        assert len(world.dead_letters()) == 1
        assert second.lag() == 0
