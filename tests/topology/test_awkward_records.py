"""What is too large, odd or unreadable harms nobody but its own request or command."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from agents_defs.run_journal import ApprovalRequest, RunLost, RunNeedsApproval
from streams.emission import Emissary
from streams.flow import Emission
from streams.observations import Fault, ParkedUnreadable
from streams.parked import Parked, ParkedPlace, encode_parked
from tests.doubles.flume import Flume
from tests.doubles.held_runs import HeldRuns
from tests.doubles.memory_outbox import NAMES
from tests.doubles.requests import PARTITIONS, body
from tests.topology.test_control import audited
from tests.topology.test_parking import POSTPONED, later, left_parked, until_parked

MIB = 1024 * 1024  # what the audit topic takes
HALF_A_LETTER = "\ud800"


def asked(arguments: str, approval_id: str = "ap-1") -> ApprovalRequest:
    return ApprovalRequest(approval_id, "refund", "c-1", "support", arguments, "digest", 3600.0)


# -- letters that have no UTF-8 form


async def test_arguments_with_half_a_letter_are_waited_for_and_hold_their_session_no_longer(
    flume: Flume,
) -> None:
    arguments = f'{{"to": "{HALF_A_LETTER}"}}'
    flume.write(body("r-1", session_id="s"), body("r-2", session_id="s"))

    await flume.finish("r-1", verdict=RunNeedsApproval([asked(arguments)]))
    await until_parked(flume, "r-1", "r-2")
    flume.command(command="approve", approval_id="ap-1", arguments_digest="digest")
    await flume.finish("r-1")
    await flume.finish("r-2")
    await flume.settle()

    assert flume.world.statuses() == {"r-1": "completed", "r-2": "completed"}


async def test_a_header_whose_name_is_half_a_letter_waits_with_its_request(flume: Flume) -> None:
    flume.write(body("r-1", not_before=later(flume, 60)), headers=[("\udcff", b"x")])
    await until_parked(flume, "r-1")

    flume.clock.advance(61)
    await flume.finish("r-1")
    await flume.settle()

    assert flume.world.statuses() == {"r-1": "completed"}


async def test_a_session_goes_on_behind_a_run_that_could_not_be_parked(
    flume: Flume, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Emissary, parked: Parked) -> Emission:
        raise TypeError("not serializable")

    flume.write(body("r-1", session_id="s"))
    await flume.running("r-1")

    with monkeypatch.context() as patched:
        patched.setattr(Emissary, "parked", refuse)
        await flume.finish("r-1", verdict=POSTPONED)
        await flume.settle()
    flume.write(body("r-2", session_id="s"))

    await flume.running("r-2")
    assert flume.world.statuses() == {"r-1": "failed"}
    assert len(flume.observed.of(Fault)) == 1


# -- sizes


async def test_a_long_actor_of_a_command_does_not_make_its_audit_too_large(flume: Flume) -> None:
    flume.command(command="cancel", request_id="r-1", actor="\x01" * 170_000)

    await audited(flume)
    (audit,) = flume.world.log.emissions(NAMES.audit)
    assert len(audit.value or b"") < MIB / 2


async def test_a_long_reason_of_a_cancel_does_not_make_the_response_too_large(flume: Flume) -> None:
    flume.command(command="cancel", request_id="r-1", reason="\x01" * 170_000)
    await audited(flume)

    flume.write(body("r-1"))
    await flume.settle()

    (response,) = flume.world.responses()
    assert response["status"] == "cancelled"
    assert len(response["error"]["message"]) < 2_000


async def test_a_long_key_of_a_command_does_not_make_its_audit_too_large(flume: Flume) -> None:
    flume.command("a" * 600_000, command="cancel", request_id="r-1")

    await audited(flume)
    (audit,) = flume.world.log.emissions(NAMES.audit)
    assert len(audit.key or b"") + len(audit.value or b"") < MIB / 2


async def test_headers_that_nothing_could_wait_with_are_refused_as_they_come(flume: Flume) -> None:
    flume.write(body("r-1", not_before=later(flume, 60)), headers=[("x", b"0" * 5 * MIB)])
    await flume.settle()

    assert [one["code"] for one in flume.world.dead_letters()] == ["oversize"]
    assert flume.world.log.emissions(NAMES.parked) == []


async def test_arguments_that_no_record_holds_fail_their_request_and_nobody_else(flume: Flume) -> None:
    flume.write(body("r-1", session_id="s"), body("r-2", session_id="s"))
    large = [asked("x" * 1_500_000, f"ap-{number}") for number in range(3)]

    await flume.finish("r-1", verdict=RunNeedsApproval(large))
    await flume.finish("r-2")
    await flume.settle()

    assert flume.world.statuses() == {"r-1": "failed", "r-2": "completed"}
    assert flume.world.responses("r-1")[0]["error"]["code"] == "output_too_large"
    assert flume.world.responses("r-1")[0]["usage"]["model_calls"] == 1


# -- records that are not there


async def test_a_parked_record_that_cannot_be_read_is_looked_at_again(
    flume: Flume, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreadable(places: Sequence[ParkedPlace]) -> Sequence[Parked | None]:
        return [None for _ in places]

    flume.write(body("r-1", session_id="s"), body("r-2", session_id="s"))
    await flume.finish("r-1", verdict=POSTPONED)
    await until_parked(flume, "r-1", "r-2")

    with monkeypatch.context() as patched:
        patched.setattr(flume.bodies, "fetch", unreadable)
        flume.clock.advance(31)
        await flume.rest()
    flume.clock.advance(6)

    await flume.running("r-1")
    assert len(flume.observed.of(Fault)) == 1


async def test_decisions_about_nothing_hold_up_no_command_behind_them(flume: Flume) -> None:
    flume.write(body("r-1"))
    await flume.running("r-1")

    for number in range(5):
        flume.command(command="approve", approval_id=f"ap-{number}", arguments_digest="digest")
    flume.command(command="cancel", request_id="r-1")

    await audited(flume, 6)
    await flume.until(flume.world.responses)
    assert flume.world.statuses() == {"r-1": "cancelled"}


async def test_a_parked_record_of_a_newer_version_waits_for_it_and_is_reported(flume: Flume) -> None:
    flume.write(body("r-1", not_before=later(flume, 60)), body("r-2", not_before=later(flume, 60)))
    await until_parked(flume, "r-1", "r-2")
    readable = [*flume.world.log.emissions(NAMES.parked)]
    partition = readable[0].partition
    newer = replace(readable[0], value=b'{"version": 9}')
    flume.world.log.append(newer)
    await flume.own([])

    async with Flume(flume.world, HeldRuns()) as older:
        older.clock.advance(61)
        await older.finish("r-2")
        await older.settle()
        assert older.observed.of(ParkedUnreadable) == [ParkedUnreadable(partition, 1, 2)]
        assert flume.world.statuses() == {"r-2": "completed"}
        assert newer in flume.world.log.emissions(NAMES.parked)
        await older.own([])
    flume.world.log.append(readable[0])
    async with Flume(flume.world, HeldRuns(instant=True)) as other:
        await other.until(lambda: len(flume.world.statuses()) == 2)
        assert other.observed.of(ParkedUnreadable) == []


async def test_a_long_run_whose_record_cannot_be_made_goes_on_unparked_and_is_observed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_: Emissary, parked: Parked) -> Emission:
        raise TypeError("not serializable")

    async with Flume(park_after_s=0.0) as flume:
        monkeypatch.setattr(Emissary, "parked", refuse)
        flume.write(body("r-1"))
        await flume.until(lambda: flume.observed.of(Fault))
        assert flume.lag() == 1

        await flume.finish("r-1")
        await flume.settle()

        assert flume.world.statuses() == {"r-1": "completed"}
        assert flume.observed.of(Fault) == [Fault("parking", "TypeError('not serializable')")]
        assert len(flume.world.log.read(NAMES.usage)) == 1
        assert flume.lag() == 0


async def test_a_parked_record_is_encoded_once(flume: Flume, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[str] = []

    def counting(parked: Parked) -> bytes:
        encoded.append(parked.request_id)
        return encode_parked(parked)

    monkeypatch.setattr("streams.emission.encode_parked", counting)
    flume.write(body("r-1", not_before=later(flume, 60)), body("r-2"))
    await flume.finish("r-2", verdict=POSTPONED)
    await until_parked(flume, "r-1", "r-2")

    assert sorted(encoded) == ["r-1", "r-2"]


# -- topics that were made anew


async def test_another_record_at_the_place_of_a_parked_one_is_another_request(flume: Flume) -> None:
    flume.write(body("r-1", not_before=later(flume, 60)))
    await until_parked(flume, "r-1")
    flume.clock.advance(61)
    await flume.running("r-1")

    make_anew(flume)
    await flume.own(range(PARTITIONS))
    flume.write(body("r-2"))
    await flume.running("r-1", "r-2")
    await flume.finish("r-1", "r-2")
    await flume.settle()

    assert flume.world.statuses() == {"r-1": "completed", "r-2": "completed"}
    assert (left_parked(flume.world), flume.lag()) == (0, 0)


async def test_what_goes_on_while_another_record_at_its_place_is_worked_on_does_not_wait_for_it(
    flume: Flume,
) -> None:
    flume.write(body("r-1", not_before=later(flume, 60)))
    await until_parked(flume, "r-1")
    make_anew(flume)
    await flume.own(range(PARTITIONS))
    flume.write(body("r-2"))
    await flume.running("r-2")

    flume.clock.advance(61)
    await flume.running("r-1", "r-2")
    await flume.finish("r-2", verdict=RunLost())
    await flume.until(lambda: flume.runs.started.count("r-2") == 2)
    await flume.finish("r-1", "r-2")
    await flume.settle()

    assert flume.world.statuses() == {"r-1": "completed", "r-2": "completed"}
    assert (left_parked(flume.world), flume.lag()) == (0, 0)


@pytest.mark.parametrize("rebalanced", [True, False])
async def test_an_unreleased_record_whose_place_another_took_is_answered_too(
    flume: Flume, rebalanced: bool
) -> None:
    flume.write(body("r-1"))
    await flume.running("r-1")
    make_anew(flume)
    if rebalanced:
        await flume.own(range(PARTITIONS))
    flume.write(body("r-2"))
    await flume.running("r-1", "r-2")

    await flume.finish("r-1")
    await flume.until(lambda: flume.world.responses("r-1"))
    await flume.rest()
    assert flume.lag() == 1
    await flume.finish("r-2")
    await flume.settle()

    assert flume.lag() == 0


def make_anew(flume: Flume) -> None:
    """The requests topic is deleted and created again."""
    flume.world.requests.clear()
    flume.world.committed.clear()
    flume.position = dict.fromkeys(flume.position, 0)
