"""Commands end, decide about and repeat requests; each is audited once."""

from datetime import timedelta

import pytest

from agents_defs.run_journal import ApprovalRequest, RunNeedsApproval
from schemas.failures import Code, RunFailure
from schemas.times import format_at
from tests.doubles.flume import Flume
from tests.doubles.held_runs import HeldRuns
from tests.doubles.memory_outbox import NAMES
from tests.doubles.requests import body, partition_of
from tests.topology.test_parking import left_parked, parked, until_parked


def needs(*approval_ids: str) -> RunNeedsApproval:
    return RunNeedsApproval(
        [
            ApprovalRequest(one, "refund", f"c-{one}", "support", "{}", f"digest-{one}", 3600)
            for one in approval_ids
        ]
    )


async def audited(flume: Flume, number: int = 1) -> list[tuple[str, str, str | None]]:
    await flume.until(lambda: len(flume.world.audits()) == number)
    return flume.world.audits()


async def test_a_running_request_is_cancelled_and_what_it_cost_is_billed(flume: Flume) -> None:
    flume.write(body("r-1", session_id="s"), body("r-2", session_id="s"))
    await flume.running("r-1")

    flume.command(command="cancel", request_id="r-1", actor="ada", reason="changed my mind")
    await flume.running("r-2")
    await flume.finish("r-2")
    await flume.settle()

    (response,) = flume.world.responses("r-1")
    assert (response["status"], response["usage"]["model_calls"]) == ("cancelled", 1)
    assert "ada" in response["error"]["message"]
    assert len(flume.world.log.read(NAMES.usage)) == 2
    assert await audited(flume) == [("cancel", "done", None)]


async def test_a_run_that_is_cancelled_twice_is_answered_once(flume: Flume) -> None:
    flume.write(body("r-1", stream=True))
    await flume.running("r-1")

    flume.command(command="cancel", request_id="r-1")
    flume.command(command="cancel", request_id="r-1")
    await audited(flume, 2)
    await flume.settle()

    (response,) = flume.world.responses()
    assert (response["status"], response["attempts"], response["usage"]["model_calls"]) == ("cancelled", 1, 1)
    ends = [one for one in flume.world.log.read(NAMES.deltas) if one["kind"] == "end"]
    assert len(ends) == 1


async def test_a_request_that_waits_for_its_session_is_cancelled_at_once(flume: Flume) -> None:
    flume.write(body("r-1", session_id="s"), body("r-2", session_id="s"), body("r-3", session_id="s"))
    await flume.running("r-1")

    flume.command(command="cancel", request_id="r-2")
    await flume.until(lambda: flume.world.responses("r-2"))
    await flume.finish("r-1")
    await flume.finish("r-3")
    await flume.settle()

    assert flume.world.statuses() == {"r-1": "completed", "r-2": "cancelled", "r-3": "completed"}
    assert flume.runs.started == ["r-1", "r-3"]


async def test_a_parked_request_is_cancelled_and_its_followers_go_on(flume: Flume) -> None:
    flume.write(body("r-1", session_id="s"), body("r-2", session_id="s"))
    await flume.finish("r-1", verdict=needs("a"))
    await until_parked(flume, "r-1", "r-2")

    flume.command(command="cancel", request_id="r-1")
    await flume.finish("r-2")
    await flume.settle()

    assert flume.world.statuses() == {"r-1": "cancelled", "r-2": "completed"}
    assert flume.world.responses("r-1")[0]["usage"]["model_calls"] == 1
    assert left_parked(flume.world) == 0


async def test_a_cancel_may_precede_its_request(flume: Flume) -> None:
    flume.command(command="cancel", request_id="r-1")
    assert await audited(flume) == [("cancel", "kept", None)]

    flume.write(body("r-1"), body("r-2"))
    await flume.running("r-2")
    await flume.until(flume.world.statuses)

    assert flume.world.statuses() == {"r-1": "cancelled"}


async def test_a_cancel_that_an_earlier_owner_dealt_with_still_holds(flume: Flume) -> None:
    flume.command(command="cancel", request_id="r-1", at=format_at(flume.clock.at()))
    await audited(flume)

    await flume.own([])
    async with Flume(flume.world, HeldRuns(instant=True)) as other:
        other.write(body("r-1"))
        await other.settle()

    assert flume.world.statuses() == {"r-1": "cancelled"}
    assert len(flume.world.audits()) == 1


async def test_a_cancel_is_forgotten_after_a_day(flume: Flume) -> None:
    flume.command(command="cancel", request_id="r-1")
    await audited(flume)

    flume.clock.advance(86_401)
    flume.write(body("r-1"))

    await flume.running("r-1")


async def test_a_cancel_after_the_outcome_changes_nothing(flume: Flume) -> None:
    flume.write(body("r-1"))
    await flume.finish("r-1")
    await flume.settle()

    flume.command(command="cancel", request_id="r-1")
    await audited(flume)
    await flume.rest()

    assert flume.world.statuses() == {"r-1": "completed"}


@pytest.mark.parametrize("streamed", [False, True])
async def test_people_are_asked_by_a_delta_and_it_is_audited_also_where_nobody_watches(
    flume: Flume, streamed: bool
) -> None:
    flume.write(body("r-1", stream=streamed))

    await flume.finish("r-1", verdict=needs("a", "b"))
    await until_parked(flume, "r-1")

    audited = [(one["action"], one["subject"], one["outcome"]) for one in flume.world.log.read(NAMES.audit)]
    assert audited == [("approval_required", "a", "waiting"), ("approval_required", "b", "waiting")]
    deltas = [one for one in flume.world.log.read(NAMES.deltas) if one["kind"] == "approval_required"]
    assert [one["data"]["approval_id"] for one in deltas] == ["a", "b"]


async def test_an_approved_run_goes_on_with_the_decision(flume: Flume) -> None:
    flume.write(body("r-1"))
    await flume.finish("r-1", verdict=needs("a"))
    await until_parked(flume, "r-1")

    flume.command(command="approve", approval_id="a", arguments_digest="digest-a", actor="ada")
    await flume.finish("r-1")
    await flume.settle()

    decision = flume.runs.orders[-1].decisions["a"]
    assert (decision.approved, decision.actor) == (True, "ada")
    assert flume.world.statuses() == {"r-1": "completed"}
    assert await audited(flume) == [("approve", "done", None)]
    assert left_parked(flume.world) == 0


async def test_a_rejected_run_goes_on_and_knows_why(flume: Flume) -> None:
    flume.write(body("r-1"))
    await flume.finish("r-1", verdict=needs("a"))
    await until_parked(flume, "r-1")

    flume.command(command="reject", approval_id="a", actor="ada", reason="too much")
    await flume.running("r-1")

    decision = flume.runs.orders[-1].decisions["a"]
    assert (decision.approved, decision.reason) == (False, "too much")


async def test_a_run_waits_until_all_its_approvals_are_decided(flume: Flume) -> None:
    flume.write(body("r-1"))
    await flume.finish("r-1", verdict=needs("a", "b"))
    await until_parked(flume, "r-1")

    flume.command(command="approve", approval_id="a", arguments_digest="digest-a")
    await audited(flume)
    await flume.rest()
    assert flume.runs.running == []
    flume.command(command="approve", approval_id="b", arguments_digest="digest-b")
    await flume.running("r-1")

    assert set(flume.runs.orders[-1].decisions) == {"a", "b"}


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ({"command": "approve", "approval_id": "a", "arguments_digest": "another"}, "wrong_digest"),
        ({"command": "reject", "approval_id": "a", "arguments_digest": "another"}, "wrong_digest"),
        ({"command": "approve", "approval_id": "b", "arguments_digest": "digest-a"}, "not_found"),
        ({"command": "replay", "dead_letter_id": "nowhere"}, "not_found"),
        ({"command": "approve", "approval_id": "a"}, "invalid_field"),
        ({"command": "dance"}, "invalid_field"),
    ],
)
async def test_a_command_that_does_not_fit_is_refused_and_audited(
    flume: Flume, monkeypatch: pytest.MonkeyPatch, command: dict[str, str], code: str
) -> None:
    monkeypatch.setattr("streams.control_desk.PATIENCE_S", 0)
    flume.write(body("r-1"))
    await flume.finish("r-1", verdict=needs("a"))
    await until_parked(flume, "r-1")

    flume.command(**command)
    ((_, outcome, why),) = await audited(flume)
    await flume.rest()

    assert (outcome, why) == ("refused", code)
    assert flume.runs.running == []


async def test_a_decision_counts_once(flume: Flume) -> None:
    flume.write(body("r-1"))
    await flume.finish("r-1", verdict=needs("a", "b"))
    await until_parked(flume, "r-1")

    flume.command(command="approve", approval_id="a", arguments_digest="digest-a")
    flume.command(command="reject", approval_id="a", arguments_digest="digest-a")

    assert await audited(flume, 2) == [("approve", "done", None), ("reject", "refused", "already_decided")]


async def test_a_decision_survives_its_worker(flume: Flume) -> None:
    flume.write(body("r-1"))
    await flume.finish("r-1", verdict=needs("a"))
    await until_parked(flume, "r-1")
    flume.command(command="approve", approval_id="a", arguments_digest="digest-a")
    await audited(flume)

    await flume.own([])
    async with Flume(flume.world, HeldRuns()) as other:
        await other.finish("r-1")
        await other.settle()
        assert other.runs.orders[-1].decisions["a"].approved

    assert len(flume.world.audits()) == 1
    assert len(flume.world.responses()) == 1


async def test_a_failed_request_is_replayed_under_the_next_generation(flume: Flume) -> None:
    flume.write(body("r-1"))
    await flume.finish("r-1", verdict=RunFailure(Code.MODEL_UNAVAILABLE))
    await flume.settle()
    (letter,) = flume.world.dead_letters()

    flume.command(command="replay", dead_letter_id=letter["dead_letter_id"], actor="ada")
    await flume.finish("r-1")
    await flume.until(lambda: len(flume.world.responses()) == 2)

    first, second = flume.world.responses()
    assert (first["generation"], first["status"]) == (0, "failed")
    assert (second["generation"], second["status"]) == (1, "completed")
    assert first["response_id"] != second["response_id"]
    usage = [one["call_id"] for one in flume.world.log.read(NAMES.usage)]
    assert usage == ["acme%2Fr-1%2F0/m0.1", "acme%2Fr-1%2F1/m0.1"]
    assert second["usage"]["model_calls"] == 1
    await flume.until(lambda: left_parked(flume.world) == 0)


async def test_a_replay_said_twice_runs_once(flume: Flume) -> None:
    flume.write(body("r-1"))
    await flume.finish("r-1", verdict=RunFailure(Code.MODEL_UNAVAILABLE))
    await flume.settle()
    (letter,) = flume.world.dead_letters()

    flume.command(command="replay", dead_letter_id=letter["dead_letter_id"])
    await flume.finish("r-1")
    await flume.until(lambda: len(flume.world.responses()) == 2)
    flume.command(command="replay", dead_letter_id=letter["dead_letter_id"])
    await audited(flume, 2)
    await flume.until(lambda: left_parked(flume.world) == 0)

    assert flume.runs.started == ["r-1", "r-1"]
    assert len(flume.world.responses()) == 2


async def test_what_cannot_be_decoded_cannot_be_replayed_as_a_request(flume: Flume) -> None:
    flume.write(body("r-1"), body("r-1", input="another"))
    await flume.until(flume.world.dead_letters)
    (letter,) = flume.world.dead_letters()

    flume.command(command="replay", dead_letter_id=letter["dead_letter_id"])

    assert await audited(flume) == [("replay", "refused", "not_replayable")]


async def test_a_command_on_another_partition_than_its_tenant_s_is_refused(flume: Flume) -> None:
    wrong = (partition_of("acme") + 1) % 4
    record = flume.world.commands.append(b"acme", b'{"command":"cancel","request_id":"r-1"}', wrong)
    flume.desk.take(wrong, record.offset, record, effective=True)

    assert await audited(flume) == [("cancel", "refused", "wrong_partition")]


async def test_commands_are_dealt_with_once_whoever_owns_the_partition(flume: Flume) -> None:
    flume.command(command="pause")
    await audited(flume)

    await flume.own([])
    async with Flume(flume.world) as other:
        await other.rest()

    assert flume.world.audits() == [("pause", "done", None)]


async def test_a_cancel_while_it_is_being_parked_ends_it_when_it_is(flume: Flume) -> None:
    due = format_at(flume.clock.at() + timedelta(seconds=60))
    flume.outbox.hold()
    flume.write(body("r-1", not_before=due))
    await flume.rest()

    flume.command(command="cancel", request_id="r-1")
    await flume.rest()
    flume.outbox.let_go()
    await flume.until(lambda: flume.world.responses("r-1"))
    await flume.settle()

    assert flume.world.statuses() == {"r-1": "cancelled"}
    assert parked(flume, "r-1") is None


async def test_a_paused_tenant_s_requests_wait_and_go_on_in_order_when_it_is_resumed(flume: Flume) -> None:
    flume.command(command="pause")
    await audited(flume)
    flume.write(*(body(f"r-{number}", session_id="s") for number in range(3)), body("g-1", "globex"))
    await flume.running("g-1")
    await until_parked_but(flume, "r-0", "r-1", "r-2")

    flume.command(command="resume")
    for number in range(3):
        await flume.finish(f"r-{number}")
    await flume.finish("g-1")
    await flume.settle()

    answered = [one["request_id"] for one in flume.world.responses() if one["tenant_id"] == "acme"]
    assert answered == ["r-0", "r-1", "r-2"]
    assert left_parked(flume.world) == 0


async def test_what_is_due_waits_on_while_its_tenant_is_paused(flume: Flume) -> None:
    due = format_at(flume.clock.at() + timedelta(seconds=60))
    flume.write(body("r-1", not_before=due))
    await until_parked(flume, "r-1")
    flume.command(command="pause")
    await audited(flume)

    flume.clock.advance(61)
    await flume.rest()
    assert flume.runs.started == []
    flume.command(command="resume")

    await flume.running("r-1")


async def test_a_cancel_reaches_a_paused_request(flume: Flume) -> None:
    flume.command(command="pause")
    await audited(flume)
    flume.write(body("r-1"))
    await until_parked(flume, "r-1")

    flume.command(command="cancel", request_id="r-1")
    await flume.until(lambda: flume.world.responses("r-1"))

    assert flume.world.statuses() == {"r-1": "cancelled"}


async def until_parked_but(flume: Flume, *request_ids: str) -> None:
    await flume.until(lambda: all(parked(flume, one) for one in request_ids))
