"""No tenant reaches another's by commands, records or runs; a command without such a test fails here."""

from collections.abc import Callable
from typing import Any, Final

from schemas.control import Command
from schemas.failures import Code, RunFailure
from tests.doubles.flume import Flume
from tests.doubles.requests import body
from tests.topology.test_control import audited, needs
from tests.topology.test_parking import until_parked

OTHER: Final = "globex"
TRIED: Final[set[Command]] = set()
Test = Callable[..., Any]


def tries(*commands: Command) -> Callable[[Test], Test]:
    """This test tries to reach another tenant's by these commands."""

    def noted(test: Test) -> Test:
        TRIED.update(commands)
        return test

    return noted


def test_every_command_is_tried() -> None:
    assert set(Command) == TRIED


@tries(Command.CANCEL)
async def test_a_cancel_reaches_only_requests_of_its_own_tenant(flume: Flume) -> None:
    flume.write(body("r-1"))
    await flume.running("r-1")

    flume.command(OTHER, command="cancel", request_id="r-1")
    assert await audited(flume) == [("cancel", "kept", None)]
    await flume.finish("r-1")
    await flume.settle()

    assert flume.world.statuses() == {"r-1": "completed"}


@tries(Command.APPROVE, Command.REJECT)
async def test_a_decision_reaches_only_approvals_of_its_own_tenant(flume: Flume) -> None:
    flume.write(body("r-1"))
    await flume.finish("r-1", verdict=needs("a"))
    await until_parked(flume, "r-1")

    flume.command(OTHER, command="approve", approval_id="a", arguments_digest="digest-a")
    flume.command(OTHER, command="reject", approval_id="a")

    assert await audited(flume, 2) == [
        ("approve", "refused", "not_found"),
        ("reject", "refused", "not_found"),
    ]
    await flume.rest()
    assert flume.runs.running == []
    assert flume.world.responses() == []


@tries(Command.PAUSE, Command.RESUME)
async def test_pause_and_resume_are_about_the_tenant_of_the_key_alone(flume: Flume) -> None:
    await flume.world.plans.pause("acme", True)
    flume.command(OTHER, command="resume")
    flume.command(OTHER, command="pause")
    await audited(flume, 2)

    flume.write(body("r-1"), body("r-2", OTHER), body("r-3", "third"))
    await flume.running("r-3")
    await flume.until(lambda: len(flume.parking.lot) == 2)

    assert flume.runs.running == ["r-3"]


@tries(Command.REPLAY)
async def test_a_replay_reaches_only_dead_letters_of_its_own_tenant(flume: Flume) -> None:
    flume.write(body("r-1"))
    await flume.finish("r-1", verdict=RunFailure(Code.MODEL_UNAVAILABLE))
    await flume.settle()
    (letter,) = flume.world.dead_letters()

    flume.command(OTHER, command="replay", dead_letter_id=letter["dead_letter_id"])

    ((_, outcome, why),) = await audited(flume)
    assert (outcome, why) == ("refused", "not_found")
    await flume.rest()
    assert flume.runs.running == []


async def test_a_request_under_anothers_key_is_no_request(flume: Flume) -> None:
    flume.world.write(body("r-1", OTHER), key=b"acme")
    flume.pump()
    await flume.settle()

    (letter,) = flume.world.dead_letters()
    assert letter["code"] == "key_mismatch"
    assert flume.runs.orders == []


async def test_a_run_works_for_its_own_tenant_and_is_told_nothing_of_another(flume: Flume) -> None:
    flume.write(body("r-1", session_id="s"))
    await flume.finish("r-1")
    await flume.settle()

    flume.write(body("r-1", OTHER, session_id="s"))
    await flume.until(lambda: len(flume.runs.orders) == 2)

    mine, theirs = flume.runs.orders
    assert (mine.tenant_id, theirs.tenant_id) == ("acme", OTHER)
    assert list(theirs.session_items) == []
    assert theirs.paid == ()
