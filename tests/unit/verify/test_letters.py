"""Dead letters: which are due, and what they must hold."""

import json

from app.verify.findings import Findings, Promise
from app.verify.inspection import Inspection
from app.verify.records import Extent, Kind
from app.verify.standing import Standing
from schemas.failures import Code
from schemas.responses import Status
from tests.unit.verify.world import World

ONE, LOST = Promise.ONE_OUTCOME, Promise.NOTHING_LOST


async def judge(world: World) -> Findings:
    return await Inspection(world).run()


def failed() -> World:
    world = World()
    world.answer(world.ask("acme", "r1"), Status.FAILED, code=Code.INTERNAL)
    return world


def said(findings: Findings, promise: Promise) -> list[str]:
    return [breach.what for breach in findings[promise].examples]


async def test_what_cannot_be_decoded_and_has_no_letter_is_said_to_be_so() -> None:
    world = World()
    world.send(b"acme", b"?")

    findings = await judge(world)

    [what] = said(findings, LOST)
    assert what.startswith("cannot be decoded (The value is not JSON")
    assert "and has no dead letter, although its offset is released (committed: 1)" in what


async def test_a_lost_request_is_said_to_be_so() -> None:
    world = World()
    world.ask("acme", "r1")

    findings = await judge(world)

    assert said(findings, LOST)[0].startswith("is lost: it has neither an outcome nor a dead letter")


async def test_what_is_no_dead_letter_is_told() -> None:
    world = failed()
    world.write(Kind.DEADLETTER, 0, b"acme", b"{}")

    findings = await judge(world)

    assert said(findings, LOST)[0].startswith("is no dead letter: ")


async def test_the_letter_of_a_failed_request_holds_its_bytes_too() -> None:
    world = failed()
    letter = world.records[Kind.DEADLETTER][0]
    world.edit(Kind.DEADLETTER, letter, lambda it: it["original"]["headers"].clear())

    findings = await judge(world)

    assert said(findings, LOST) == ["its dead letter agent.deadletter[0]@0 does not hold its exact bytes"]


async def test_bytes_that_are_no_base64_are_not_the_exact_ones() -> None:
    world = failed()
    letter = world.records[Kind.DEADLETTER][0]
    world.edit(Kind.DEADLETTER, letter, lambda it: it["original"].update(value="%"))

    findings = await judge(world)

    assert findings[LOST].breached == 1


async def test_a_letter_that_says_another_reason_is_told() -> None:
    world = World()
    asked = world.send(b"acme", b"?")
    world.bury(asked, Code.INTERNAL)

    findings = await judge(world)

    assert said(findings, LOST)[0].endswith("its dead letter agent.deadletter[0]@0 says internal")


async def test_a_letter_that_names_another_request_is_told() -> None:
    world = failed()
    letter = world.records[Kind.DEADLETTER][0]
    world.edit(Kind.DEADLETTER, letter, lambda it: it.update(request_id="r2"))

    findings = await judge(world)

    assert said(findings, ONE) == ["says it is about acme/r2"]


async def test_a_letter_about_another_partition_is_told() -> None:
    world = failed()
    letter = world.records[Kind.DEADLETTER][0]
    world.edit(Kind.DEADLETTER, letter, lambda it: it["source"].update(partition=2))

    findings = await judge(world)

    assert "is about agent.requests[2]@0, which belongs elsewhere" in said(findings, ONE)
    assert "failed, but has no dead letter" in said(findings, ONE)


async def test_a_letter_of_another_generation_is_not_this_one_s() -> None:
    world = failed()
    letter = world.records[Kind.DEADLETTER][0]
    world.edit(Kind.DEADLETTER, letter, lambda it: it.update(generation=1))

    findings = await judge(world)

    assert "failed, but has no dead letter" in said(findings, ONE)


async def test_two_conflicts_of_one_record_are_one_too_many() -> None:
    world = failed()
    conflict = world.ask("acme", "r1", input="other")
    for _ in range(2):
        world.bury(conflict, Code.DUPLICATE_CONFLICT, json.loads(conflict.value or b""))

    findings = await judge(world)

    assert said(findings, ONE) == ["has 2 dead letters duplicate_conflict"]


async def test_a_conflict_with_itself_is_told() -> None:
    world = World()
    asked = world.ask("acme", "r1")
    world.answer(asked)
    world.bury(
        world.copy(Kind.REQUESTS, asked), Code.DUPLICATE_CONFLICT, {"tenant_id": "acme", "request_id": "r1"}
    )

    findings = await judge(world)

    assert said(findings, ONE) == [
        "is dead-lettered duplicate_conflict, but is the request that was answered"
    ]


async def test_a_letter_whose_response_is_not_read_yet_is_no_breach() -> None:
    world = failed()
    world.records[Kind.RESPONSES].clear()
    world.committed = {}

    findings = await judge(world)

    assert (findings[ONE].breached, findings[ONE].not_checkable) == (0, {Standing.UNCOMMITTED: 1})


async def test_a_letter_that_was_deleted_is_not_missed() -> None:
    world = failed()
    world.records[Kind.DEADLETTER].clear()
    world.extents[Kind.DEADLETTER, 0] = Extent(1, 1, 10_000)

    findings = await judge(world)

    assert (findings[ONE].breached, findings[ONE].not_checkable) == (0, {Standing.EXPIRED: 1})


async def test_under_an_open_transaction_a_letter_is_not_missed() -> None:
    world = failed()
    world.records[Kind.DEADLETTER].clear()
    world.undecided = frozenset({0})

    findings = await judge(world)

    assert (findings[ONE].breached, findings[ONE].not_checkable) == (0, {Standing.UNDECIDED: 1})


async def test_letters_about_what_lies_before_are_not_judged() -> None:
    world = failed()
    world.records[Kind.REQUESTS].clear()
    world.extents[Kind.REQUESTS, 0] = Extent(0, 1, 10_000)

    findings = await judge(world)

    assert (findings[ONE].checked, findings[ONE].breached, findings[LOST].breached) == (0, 0, 0)


async def test_a_generation_follows_the_one_before() -> None:
    world = failed()
    asked = world.records[Kind.REQUESTS][0]
    world.answer(asked, generation=2)

    findings = await judge(world)

    assert said(findings, ONE) == ["is generation 2, but there is no generation 1"]


async def test_only_what_failed_is_replayed() -> None:
    world = World()
    asked = world.ask("acme", "r1")
    world.answer(asked)
    world.answer(asked, generation=1)

    findings = await judge(world)

    assert said(findings, ONE)[0] == "is generation 1, but the one before is completed, not failed"


async def test_commands_that_were_deleted_are_not_missed() -> None:
    world = failed()
    world.answer(world.records[Kind.REQUESTS][0], generation=1)
    world.extents[Kind.CONTROL, 1] = Extent(5, 5, 10)

    findings = await judge(world)

    assert findings[ONE].breached == 0
    assert findings[ONE].not_checkable.total() == 1


async def test_a_conflict_that_is_not_released_yet_may_still_get_its_letter() -> None:
    world = World()
    world.answer(world.ask("acme", "r1"))
    conflict = world.ask("acme", "r1", input="other")
    world.committed[conflict.partition] = conflict.offset

    findings = await judge(world)

    assert (findings[ONE].breached, findings[ONE].not_checkable) == (0, {Standing.OPEN: 1})
