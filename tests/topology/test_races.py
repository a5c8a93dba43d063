"""What meets at the worst moment: commands, postponements, pauses and takeovers race with runs and waits."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from agents_defs.registry import AgentSpec
from agents_defs.run_journal import RunHandedOver
from schemas.failures import Code, RunFailure
from streams.options import LimitOptions
from streams.ownership import Membership
from tests.doubles.flume import NEVER_BUILT, Flume, World
from tests.doubles.held_runs import HeldRuns
from tests.doubles.memory_outbox import NAMES
from tests.doubles.requests import body, partition_of
from tests.topology.test_control import audited
from tests.topology.test_parking import POSTPONED, later, left_parked, parked, until_parked

PARTITION = partition_of("acme")
ONE_A_MINUTE = LimitOptions(requests_per_minute=1)
FAR_AHEAD = "9999-12-31T23:59:59Z"
BROKEN = RunFailure(Code.MODEL_UNAVAILABLE)


@asynccontextmanager
async def half_taken_over(world: World, told: int) -> AsyncIterator[Flume]:
    """The next owner. So much of the parked topic it has read, of the responses nothing yet."""
    other = Flume(world)
    await other.outbox.start()
    world.generation += 1
    other.ownership.assigned(Membership(world.generation, other.member, None), [PARTITION])
    tenure = other.ownership.tenure(PARTITION)
    assert tenure is not None
    await other.claims.own([PARTITION], tenure.generation, tenure.name)
    for offset, one in enumerate(world.log.partitions[NAMES.parked, PARTITION][:told]):
        other.parking.lot.take(PARTITION, offset, one.key or b"", one.value)
    try:
        yield other
    finally:
        await other.die()


async def parked_twice_before_a_due_one(flume: Flume) -> None:
    """r-2 is postponed for the second time, and r-1, which was for later, is due behind it."""
    flume.write(body("r-1", session_id="s", not_before=later(flume, 20)), body("r-2", session_id="s"))
    await flume.finish("r-2", verdict=POSTPONED)
    await until_parked(flume, "r-1", "r-2")
    flume.clock.advance(31)
    await flume.finish("r-2", verdict=POSTPONED)
    await flume.until(lambda: not flume.runs.running)
    await until_parked(flume, "r-1", "r-2")


async def replay(flume: Flume) -> None:
    """Of the only dead letter."""
    (letter,) = flume.world.dead_letters()
    flume.command(command="replay", dead_letter_id=letter["dead_letter_id"])
    await flume.until(lambda: ("replay", "done", None) in flume.world.audits())


# -- one of a session parks while others of it stand behind it


async def test_what_came_due_behind_a_run_that_is_postponed_goes_on_when_its_turn_comes(flume: Flume) -> None:
    flume.write(body("r-1", session_id="s", not_before=later(flume, 60)))
    flume.write(body("r-2", session_id="s"), body("r-3", session_id="s"))
    await flume.running("r-2")
    flume.clock.advance(61)
    await flume.rest()

    await flume.finish("r-2", verdict=POSTPONED)
    await flume.rest()
    flume.clock.advance(31)
    for request_id in ("r-2", "r-3", "r-1"):
        await flume.finish(request_id)
    await flume.settle()

    assert flume.runs.started == ["r-2", "r-2", "r-3", "r-1"]
    assert left_parked(flume.world) == 0


async def test_a_replay_behind_a_run_that_is_postponed_goes_on_after_it(flume: Flume) -> None:
    flume.write(body("r-1", session_id="s"))
    await flume.finish("r-1", verdict=BROKEN)
    await flume.settle()
    flume.write(body("r-2", session_id="s"))
    await flume.running("r-2")
    await replay(flume)
    await flume.rest()

    await flume.finish("r-2", verdict=POSTPONED)
    await flume.rest()
    flume.clock.advance(31)
    await flume.finish("r-2")
    await flume.finish("r-1")
    await flume.settle()

    assert flume.runs.started == ["r-1", "r-2", "r-2", "r-1"]
    assert flume.world.responses("r-1")[-1]["status"] == "completed"


async def test_nobody_of_a_session_goes_between_the_attempts_of_another(flume: Flume) -> None:
    await parked_twice_before_a_due_one(flume)

    await flume.rest()
    assert flume.runs.running == []
    flume.clock.advance(31)
    await flume.finish("r-2")
    await flume.finish("r-1")
    await flume.settle()

    assert flume.runs.started == ["r-2", "r-2", "r-2", "r-1"]


async def test_nobody_goes_between_the_attempts_of_another_after_a_takeover_either(flume: Flume) -> None:
    await parked_twice_before_a_due_one(flume)
    await flume.own([])

    async with Flume(flume.world) as other:
        await other.rest()
        assert other.runs.running == []
        flume.clock.advance(31)
        await other.finish("r-2")
        await other.finish("r-1")
        await other.settle()

        assert other.runs.started == ["r-2", "r-1"]


# -- cancels and deadlines


async def test_a_cancel_during_the_last_deltas_keeps_what_was_paid(flume: Flume) -> None:
    flume.deltas.hold()
    flume.write(body("r-1", stream=True))
    await flume.finish("r-1")
    await flume.rest()

    flume.command(command="cancel", request_id="r-1")
    await audited(flume)
    flume.deltas.let_go()
    await flume.settle()

    (response,) = flume.world.responses()
    assert (response["status"], response["usage"]["model_calls"]) == ("cancelled", 1)
    assert len(flume.world.log.read(NAMES.usage)) == 1


async def test_a_cancel_while_a_full_window_is_asked_ends_the_request() -> None:
    async with Flume(limits=ONE_A_MINUTE, runs=HeldRuns(instant=True)) as flume:
        flume.write(body("r-1"))
        await flume.settle()
        flume.claims.hold()
        flume.write(body("r-2", over_limit="wait"))
        await flume.until(lambda: len(flume.claims.asked) == 2)

        flume.command(command="cancel", request_id="r-2")
        await audited(flume)
        flume.claims.let_go()
        await flume.settle()

        assert flume.world.audits() == [("cancel", "done", None)]
        assert flume.world.statuses()["r-2"] == "cancelled"


async def test_a_cancel_ends_at_once_what_waits_for_a_window() -> None:
    async with Flume(limits=ONE_A_MINUTE, runs=HeldRuns(instant=True)) as flume:
        flume.write(body("r-1"), body("r-2", over_limit="wait"))
        await until_parked(flume, "r-2")

        flume.command(command="cancel", request_id="r-2")
        await flume.until(lambda: flume.world.responses("r-2"))
        flume.clock.advance(61)
        await flume.rest()

        assert flume.world.statuses()["r-2"] == "cancelled"
        assert flume.runs.started == ["r-1"]


async def test_a_deadline_in_a_full_window_is_answered_after_one_reading() -> None:
    async with Flume(limits=ONE_A_MINUTE, runs=HeldRuns(instant=True)) as flume:
        flume.write(body("r-1"), body("r-2", over_limit="wait", deadline=later(flume, 5)))
        await until_parked(flume, "r-2")

        flume.clock.advance(6)
        await flume.until(lambda: flume.world.responses("r-2"))

        assert flume.world.statuses()["r-2"] == "expired"
        assert flume.bodies.fetched == 1


async def test_what_goes_on_only_to_end_takes_no_room_in_a_window() -> None:
    async with Flume(limits=ONE_A_MINUTE, runs=HeldRuns(instant=True)) as flume:
        flume.write(body("r-1"), body("r-2", over_limit="wait", deadline=later(flume, 50)))
        await until_parked(flume, "r-2")

        flume.clock.advance(61)
        await flume.until(lambda: flume.world.responses("r-2"))
        flume.write(body("r-3"))
        await flume.settle()

        assert flume.world.statuses() == {"r-1": "completed", "r-2": "expired", "r-3": "completed"}


async def test_a_cancel_said_in_the_far_future_ends_no_worker(flume: Flume) -> None:
    flume.command(command="cancel", request_id="r-1", at=FAR_AHEAD)
    flume.command(command="cancel", request_id="r-2")
    await audited(flume, 2)

    await flume.own([])
    async with Flume(flume.world) as other:
        other.write(body("r-1"), body("r-3"))
        await other.running("r-3")
        await other.until(lambda: flume.world.statuses() == {"r-1": "cancelled"})

    assert flume.world.audits() == [("cancel", "kept", None)] * 2


async def test_a_cancel_said_in_the_far_future_is_kept_for_a_day_like_others(flume: Flume) -> None:
    flume.command(command="cancel", request_id="r-1", at=FAR_AHEAD)
    await audited(flume)

    flume.clock.advance(timedelta(hours=24).total_seconds() + 1)
    flume.write(body("r-1"))

    await flume.running("r-1")


async def test_a_cancel_after_the_outcome_is_not_meant_for_a_later_replay(flume: Flume) -> None:
    flume.write(body("r-1"))
    await flume.finish("r-1", verdict=BROKEN)
    await flume.settle()

    flume.command(command="cancel", request_id="r-1")
    await audited(flume)
    flume.clock.advance(1)
    await replay(flume)

    await flume.running("r-1")


async def test_a_cancel_during_a_redelivery_is_kept_until_the_request_is_recognised(flume: Flume) -> None:
    flume.write(body("r-1"))
    await flume.running("r-1")
    flume.write(body("r-2", not_before=later(flume, 3600)))
    await flume.until(lambda: parked(flume, "r-2"))
    await flume.own([])

    first, second = flume.world.requests[PARTITION]
    async with Flume(flume.world) as other:
        other.claims.hold()
        other._take(first)
        await other.until(lambda: other.claims.asked)
        other._take(second)  # its admission waits behind the one that is asked for
        other.command(command="cancel", request_id="r-2")
        await audited(other)
        other.claims.let_go()
        await other.rest()
        other.clock.advance(1)
        await other.until(lambda: flume.world.responses("r-2"))

    assert flume.world.statuses() == {"r-2": "cancelled"}


async def test_a_cancel_while_a_postponed_attempt_is_left_keeps_what_was_paid(flume: Flume) -> None:
    flume.outbox.hold()
    flume.write(body("r-1"))
    await flume.finish("r-1", verdict=POSTPONED)
    await flume.rest()

    flume.command(command="cancel", request_id="r-1")
    await flume.rest()
    flume.outbox.let_go()
    await flume.until(flume.world.responses)

    assert flume.world.statuses() == {"r-1": "cancelled"}
    assert len({one["call_id"] for one in flume.world.log.read(NAMES.usage)}) == 1
    assert flume.world.responses()[0]["usage"]["model_calls"] == 1


# -- takeovers


async def test_nobody_of_a_session_starts_on_a_worker_that_ends(flume: Flume) -> None:
    flume.write(body("r-1", session_id="s"), body("r-2", session_id="s"))
    await flume.running("r-1")

    flume.departure.begun = True
    await flume.finish("r-1", verdict=RunHandedOver("after turn 1"))
    await flume.rest()

    assert flume.runs.started == ["r-1"]


async def test_what_an_agent_cost_that_is_gone_by_the_next_attempt_is_kept(flume: Flume) -> None:
    flume.write(body("r-1"))
    await flume.running("r-1")
    await flume.die()

    async with Flume(flume.world, specs=[AgentSpec("another", 1, NEVER_BUILT)]) as other:
        await other.until(flume.world.responses)
        await other.settle()

    (response,) = flume.world.responses()
    assert (response["status"], response["error"]["code"]) == ("failed", "agent_version_gone")
    assert len(flume.world.log.read(NAMES.usage)) == 1


async def test_a_pause_that_ends_while_nobody_owns_the_partition_holds_nothing_up(flume: Flume) -> None:
    await flume.world.plans.pause("acme", True)
    flume.write(body("r-1"))
    await until_parked(flume, "r-1")
    await flume.own([])

    await flume.world.plans.pause("acme", False)
    async with Flume(flume.world, HeldRuns(instant=True)) as other:
        await other.until(flume.world.responses)

    assert flume.world.statuses() == {"r-1": "completed"}


async def test_what_is_due_at_a_takeover_waits_until_its_partition_is_open(flume: Flume) -> None:
    flume.write(body("r-1"))
    await flume.finish("r-1", verdict=POSTPONED)
    await until_parked(flume, "r-1")
    await flume.own([])
    flume.clock.advance(60)

    async with half_taken_over(flume.world, told=1) as other:
        await other.rest()
        assert other.claims.asked == []
        await other.rebuild([PARTITION])
        other.parking.opened(PARTITION, 0)  # that its offset was released is not committed yet

        await other.running("r-1")


async def test_an_outcome_that_stands_in_the_log_unread_is_not_published_again(flume: Flume) -> None:
    flume.write(body("r-1"))
    await flume.finish("r-1", verdict=POSTPONED)
    await until_parked(flume, "r-1")
    flume.clock.advance(31)
    flume.outbox.hold()
    await flume.finish("r-1")
    await flume.rest()
    flume.claims.away = True  # so what is published now is not remembered
    flume.outbox.let_go()
    await flume.until(flume.world.responses)
    await flume.die()

    async with half_taken_over(flume.world, told=1) as other:
        await other.rest()

        assert len(flume.world.responses()) == 1
