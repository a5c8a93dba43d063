"""Partitions come and go: what is kept is adopted, what is lost is let go, and nobody answers twice."""

import asyncio

import pytest

from tests.doubles.flume import Flume, World
from tests.doubles.held_runs import HeldRuns
from tests.doubles.requests import PARTITIONS, body, partition_of, tenants_on

ALL = range(PARTITIONS)


async def test_a_run_on_a_retained_partition_is_not_started_again(flume: Flume) -> None:
    flume.write(body("r-1"))
    await flume.running("r-1")

    await flume.own(ALL)
    await flume.rest()
    await flume.finish("r-1")
    await flume.settle()

    assert flume.runs.started == ["r-1"]
    assert flume.runs.cancelled == []
    assert len(flume.world.responses()) == 1
    assert flume.lag() == 0


async def test_a_run_that_ends_between_rebalance_and_redelivery_is_answered_once(flume: Flume) -> None:
    flume.write(body("r-1"))
    await flume.running("r-1")
    waiting = dict(flume.position)

    await flume.own(ALL)
    flume.position = waiting  # nothing is delivered again yet
    await flume.finish("r-1")
    await flume.until(flume.world.responses)
    flume.position = dict(flume.world.committed)
    await flume.settle()

    assert flume.runs.started == ["r-1"]
    assert len(flume.world.responses()) == 1
    assert flume.lag() == 0


async def test_a_lost_partition_is_let_go(flume: Flume) -> None:
    flume.write(body("r-1"), body("r-2", session_id="s"), body("r-3", session_id="s"), body("r-2"))
    await flume.running("r-1", "r-2")

    await flume.own([partition for partition in ALL if partition != partition_of("acme")])
    await flume.rest()

    assert sorted(flume.runs.cancelled) == ["r-1", "r-2"]
    assert flume.runs.running == []
    assert flume.pipeline.held == 0
    assert (flume.pipeline.lanes.running, flume.pipeline.lanes.held) == (0, 0)
    assert flume.world.responses() == []


async def test_what_one_worker_lost_another_answers(flume: Flume) -> None:
    flume.write(body("r-1"), body("r-2"))
    await flume.running("r-1", "r-2")

    await flume.own([])
    async with Flume(flume.world, HeldRuns(instant=True)) as other:
        await other.settle()

        assert other.lag() == 0
        assert len(flume.world.responses("r-1")) == 1
        assert {one["attempts"] for one in flume.world.responses()} == {2}


async def test_a_partition_that_comes_back_is_delivered_anew_even_while_a_run_winds_down() -> None:
    runs = HeldRuns(stubborn=True)
    async with Flume(runs=runs) as flume:
        flume.write(body("r-1", session_id="s"))
        await flume.running("r-1")

        await flume.own([])
        await flume.own(ALL)
        await flume.rest()
        assert runs.started == ["r-1"]  # its session is not free yet

        runs.end("r-1", "too late")
        await flume.until(lambda: runs.started == ["r-1", "r-1"])
        runs.end("r-1", "in time")
        await flume.settle()

        (response,) = flume.world.responses()
        assert (response["output"], response["attempts"]) == ("in time", 2)
        assert flume.lag() == 0


async def test_a_worker_that_was_taken_for_dead_does_not_go_on_with_what_it_had(flume: Flume) -> None:
    flume.write(body("r-1"))
    await flume.running("r-1")
    async with Flume(flume.world, HeldRuns(instant=True)) as other:
        await other.settle()
        flume.world.committed.clear()

    # Frozen meanwhile, it only notices that it is another member now, of the same partitions.
    await flume.own(ALL, as_member="reborn")
    await flume.settle()

    assert flume.runs.cancelled == ["r-1"]
    assert flume.runs.started == ["r-1"]
    assert len(flume.world.responses()) == 1


async def test_a_worker_that_missed_a_generation_does_not_go_on_with_what_it_had(flume: Flume) -> None:
    flume.write(body("r-1"))
    await flume.running("r-1")

    flume.world.generation += 1  # in which its partitions may have been another's
    await flume.own(ALL)
    await flume.until(lambda: flume.runs.started == ["r-1", "r-1"])

    assert flume.runs.cancelled == ["r-1"]


async def test_an_outcome_that_waits_for_a_rebalance_is_published_by_whoever_owns_it_then(
    flume: Flume,
) -> None:
    flume.write(body("r-1"), body("r-2", "globex"))
    await flume.running("r-1", "r-2")
    flume.ownership.revoked()
    await flume.finish("r-1", "r-2")
    await flume.rest()
    assert flume.world.responses() == []

    await flume.own([partition_of("acme")])
    await flume.settle()

    assert set(flume.world.statuses()) == {"r-1"}


async def test_an_outcome_that_was_decided_is_published_once_by_the_next_owner(flume: Flume) -> None:
    flume.write(body("r-1"))
    await flume.running("r-1")
    flume.ownership.revoked()
    await flume.finish("r-1", verdict="by the one taken for dead")
    await flume.rest()
    async with Flume(flume.world, HeldRuns(instant=True)) as other:
        await other.settle()
        flume.world.committed.clear()

    await flume.own(ALL, as_member="reborn")
    await flume.settle()

    assert other.runs.started == []  # what was decided is not run again
    assert [one["output"] for one in flume.world.responses()] == ["by the one taken for dead"]


async def test_a_delivery_that_is_refused_is_tried_again_under_the_new_assignment(
    flume: Flume, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.adapters.group_commit.FIRST_RETRY_S", 0)
    flume.write(body("r-1"))
    await flume.running("r-1")
    flume.outbox.hold()
    await flume.finish("r-1")
    await flume.rest()

    await flume.own(ALL)
    flume.outbox.let_go()
    await flume.settle()

    assert len(flume.world.responses()) == 1


async def test_a_verdict_that_comes_after_its_partition_left_and_came_back_starts_nothing_twice(
    flume: Flume,
) -> None:
    flume.claims.hold()
    flume.write(body("r-1"))
    await flume.rest()

    await flume.own([])
    await flume.own(ALL)
    await flume.rest()
    flume.claims.let_go()
    await flume.running("r-1")
    await flume.finish("r-1")
    await flume.settle()

    assert flume.runs.started == ["r-1"]
    assert len(flume.world.responses()) == 1
    assert flume.lag() == 0


async def test_a_verdict_that_comes_after_its_partition_left_starts_nothing(flume: Flume) -> None:
    flume.claims.hold()
    flume.write(body("r-1"), body("r-2", "globex"))
    await flume.rest()

    await flume.own([partition_of("globex")])
    flume.claims.let_go()
    await flume.running("r-2")

    assert flume.runs.started == ["r-2"]


async def test_resends_of_a_lost_request_go_with_it(flume: Flume) -> None:
    flume.write(body("r-1"), body("r-1"))
    await flume.running("r-1")

    await flume.own([])
    await flume.own(ALL)
    await flume.until(lambda: flume.runs.started == ["r-1", "r-1"])
    await flume.finish("r-1")
    await flume.settle()

    assert len(flume.world.responses()) == 1
    assert flume.lag() == 0


async def test_a_partition_without_a_ledger_that_was_lost_meanwhile_does_not_stop_admission(
    flume: Flume,
) -> None:
    flume.world.plans.put("globex", limits=[])
    flume.claims.hold()
    flume.write(body("r-1"), body("r-2", "globex"))
    await flume.rest()
    flume.world.memory.become(type(flume.world.memory)())

    await flume.own([partition_of("globex")])
    flume.claims.let_go()
    await flume.running("r-2")

    assert "r-1" not in flume.runs.started


async def test_a_second_worker_is_told_apart_by_the_attempt() -> None:
    world = World()
    async with Flume(world) as first:
        first.write(body("r-1", stream=True))
        await first.running("r-1")

    async with Flume(world) as second:
        await second.finish("r-1", verdict="at last")
        await second.settle()

        (response,) = world.responses()
        assert response["attempts"] == 2
        assert [order.attempt for order in second.runs.orders] == [2]
        assert second.runs.orders[0].run_id == "acme/r-1/0"


async def test_workers_share_the_tenants_and_answer_each_request_once() -> None:
    world = World()
    tenants = [name for partition in ALL for name in tenants_on(partition, 5)]
    world.write(*(body(f"r-{number}", tenant) for tenant in tenants for number in range(5)))
    one, two = Flume(world, HeldRuns(instant=True)), Flume(world, HeldRuns(instant=True))
    for worker in (one, two):
        await worker.outbox.start()
    splits = [([0, 1], [2, 3]), ([0, 3], [1, 2]), ([0, 1, 2, 3], []), ([2], [0, 1, 3])]

    for first, second in splits:
        one.ownership.revoked()
        two.ownership.revoked()
        await one.own(first)
        world.generation -= 1  # both take part in the same generation
        await two.own(second)
        one.pump()
        two.pump()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    await one.until(lambda: one.pump() + two.pump() == 0 and not one.pipeline.held + two.pipeline.held)

    answered = [(response["tenant_id"], response["request_id"]) for response in world.responses()]
    assert len(answered) == len(set(answered)) == 100
    assert one.lag() == 0
    await one.die()
    await two.die()
