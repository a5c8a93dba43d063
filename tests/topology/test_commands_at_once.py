"""Commands are acted on beside each other; only those that change one thing have their turns."""

from datetime import timedelta

import pytest

from schemas.failures import Code, RunFailure
from schemas.times import format_at
from tests.doubles.flume import Flume
from tests.doubles.held_runs import HeldRuns
from tests.doubles.requests import body
from tests.topology.test_control import audited, needs
from tests.topology.test_parking import until_parked


async def test_decisions_about_one_run_that_come_at_once_all_count(flume: Flume) -> None:
    flume.write(body("r-1"))
    await flume.finish("r-1", verdict=needs("a", "b", "c"))
    await until_parked(flume, "r-1")

    for one in "abc":
        flume.command(command="approve", approval_id=one, arguments_digest=f"digest-{one}")
    await flume.running("r-1")

    assert set(flume.runs.orders[-1].decisions) == {"a", "b", "c"}


async def test_a_cancel_that_comes_right_after_an_approval_is_not_lost(flume: Flume) -> None:
    flume.write(body("r-1"))
    await flume.finish("r-1", verdict=needs("a"))
    await until_parked(flume, "r-1")

    flume.command(command="approve", approval_id="a", arguments_digest="digest-a")
    flume.command(command="cancel", request_id="r-1")
    await flume.until(lambda: flume.world.responses("r-1"))

    assert flume.world.statuses() == {"r-1": "cancelled"}


async def failed(flume: Flume, *request_ids: str) -> list[str]:
    """The ids of their dead letters."""
    flume.write(*map(body, request_ids))
    await flume.finish(*request_ids, verdict=RunFailure(Code.MODEL_UNAVAILABLE))
    await flume.settle()
    found = {one["request_id"]: one["dead_letter_id"] for one in flume.world.dead_letters()}
    return [found[one] for one in request_ids]


async def test_commands_about_other_requests_do_not_wait_for_a_letter_that_is_looked_for(
    flume: Flume,
) -> None:
    first, second = await failed(flume, "r-1", "r-2")
    flume.letters.hold(first)

    flume.command(command="replay", dead_letter_id=first, request_id="r-1")
    flume.command(command="replay", dead_letter_id=second, request_id="r-2")
    flume.command(command="cancel", request_id="r-3")
    flume.command(command="pause", tenant_id="acme")
    assert await audited(flume, 3) == [
        ("replay", "done", None),
        ("cancel", "kept", None),
        ("pause", "done", None),
    ]
    flume.letters.let_go()

    assert (await audited(flume, 4))[3] == ("replay", "done", None)


async def test_commands_that_were_dealt_with_before_an_earlier_one_are_not_acted_on_again(
    flume: Flume,
) -> None:
    (letter,) = await failed(flume, "r-1")
    flume.letters.hold(letter)
    flume.command(command="replay", dead_letter_id=letter)
    for command in ("pause", "resume"):
        flume.command(command=command)
    await audited(flume, 2)
    await flume.own([])

    async with Flume(flume.world, HeldRuns()) as second:
        second.letters.hold(letter)
        second.command(command="cancel", request_id="r-2")
        await audited(second, 3)
        await second.own([])
    async with Flume(flume.world, HeldRuns()) as third:
        await audited(third, 4)
        await third.rest()

    told = sorted(flume.world.audits())
    assert told == [
        ("cancel", "kept", None),
        ("pause", "done", None),
        ("replay", "done", None),
        ("resume", "done", None),
    ]


@pytest.mark.parametrize("behind_s", [0, 60])
async def test_a_cancel_that_follows_a_replay_ends_it_also_while_its_letter_is_looked_for(
    flume: Flume, behind_s: int
) -> None:
    """Also if the clock of who cancels is behind."""
    (letter,) = await failed(flume, "r-1")
    flume.letters.hold(letter)

    flume.command(command="replay", dead_letter_id=letter)
    await flume.rest()
    flume.clock.advance(0.1)
    said_at = format_at(flume.clock.at() - timedelta(seconds=behind_s))
    flume.command(command="cancel", request_id="r-1", at=said_at)
    await flume.rest()
    flume.clock.advance(0.1)
    flume.letters.let_go()
    await flume.until(lambda: len(flume.world.responses("r-1")) == 2)

    assert [one["status"] for one in flume.world.responses("r-1")] == ["failed", "cancelled"]


async def test_replays_of_one_letter_at_once_open_one_generation(flume: Flume) -> None:
    (letter,) = await failed(flume, "r-1")
    flume.letters.hold(letter)
    for _ in range(3):
        flume.command(command="replay", dead_letter_id=letter)
    await flume.rest()

    flume.letters.let_go()

    told = await audited(flume, 3)
    assert sorted(told, key=str) == [
        ("replay", "done", None),
        ("replay", "refused", "already_decided"),
        ("replay", "refused", "already_decided"),
    ]


async def test_of_a_pause_and_a_resume_that_come_at_once_the_last_one_holds(flume: Flume) -> None:
    flume.command(command="pause")
    flume.command(command="resume")
    await audited(flume, 2)

    assert not flume.world.plans.paused("acme")
