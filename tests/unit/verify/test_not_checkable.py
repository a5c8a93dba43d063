"""What a snapshot cannot tell is neither held against a deployment nor counted as kept."""

import json

from app.verify.findings import Findings, Promise, Verdict
from app.verify.inspection import Inspection
from app.verify.records import Extent, Kind, Record
from app.verify.standing import Standing
from schemas.failures import Code
from schemas.responses import Status
from tests.unit.verify.world import BEGIN, World, clean, ms


async def judge(world: World) -> Findings:
    return await Inspection(world).run()


def unanswered(world: World) -> Record:
    return world.ask("acme", "open", stream=True)


async def test_a_request_that_is_not_released_is_open() -> None:
    world = clean()
    asked = unanswered(world)
    world.committed[asked.partition] = asked.offset

    findings = await judge(world)

    assert findings.verdict() is Verdict.HELD
    assert findings[Promise.ONE_OUTCOME].not_checkable == {Standing.OPEN: 1}
    assert findings[Promise.NOTHING_LOST].not_checkable == {Standing.OPEN: 1}
    assert findings[Promise.COMMITTED_IS_SAFE].not_checkable == {}


async def test_where_nothing_is_committed_nothing_is_lost() -> None:
    world = World()
    unanswered(world)
    world.committed = {}

    findings = await judge(world)

    assert findings.verdict() is Verdict.UNJUDGED
    assert findings[Promise.NOTHING_LOST].not_checkable == {Standing.UNCOMMITTED: 1}


async def test_a_parked_request_is_safe_and_open() -> None:
    world = clean()
    asked = unanswered(world)
    parked = json.dumps({"tenant_id": "acme", "request_id": "open"}).encode()
    world.write(Kind.PARKED, asked.partition, b"place", parked)

    findings = await judge(world)

    assert findings.verdict() is Verdict.HELD
    assert findings[Promise.ONE_OUTCOME].not_checkable == {Standing.PARKED: 1}
    assert findings[Promise.COMMITTED_IS_SAFE].not_checkable == {}


async def test_a_request_that_left_its_parking_place_must_have_its_outcome() -> None:
    world = clean()
    asked = unanswered(world)
    parked = json.dumps({"tenant_id": "acme", "request_id": "open"}).encode()
    world.write(Kind.PARKED, asked.partition, b"place", parked)
    world.write(Kind.PARKED, asked.partition, b"place", None)

    findings = await judge(world)

    assert findings[Promise.COMMITTED_IS_SAFE].verdict is Verdict.BREACHED


async def test_something_unclear_that_is_parked_could_be_it() -> None:
    world = clean()
    asked = unanswered(world)
    world.write(Kind.PARKED, asked.partition, b"place", b"in a form of tomorrow")

    findings = await judge(world)

    assert findings.verdict() is Verdict.HELD
    assert findings[Promise.NOTHING_LOST].not_checkable == {Standing.PERHAPS_PARKED: 1}


async def test_under_an_open_transaction_nothing_is_said_to_be_missing() -> None:
    world = clean()
    asked = unanswered(world)
    world.undecided = frozenset({asked.partition})

    findings = await judge(world)

    assert findings.verdict() is Verdict.HELD
    assert findings[Promise.ONE_OUTCOME].not_checkable == {Standing.UNDECIDED: 1}


async def test_an_outcome_that_its_topic_may_have_deleted_is_not_missed() -> None:
    world = clean()
    asked = world.find(Kind.REQUESTS, request_id="r1")
    world.remove(world.find(Kind.RESPONSES, request_id="r1"), Kind.RESPONSES)
    world.extents[Kind.RESPONSES, asked.partition] = Extent(1, 1, 10_000)

    findings = await judge(world)

    assert findings[Promise.ONE_OUTCOME].breached == 0
    assert findings[Promise.ONE_OUTCOME].not_checkable == {Standing.EXPIRED: 1}


async def test_signatures_are_not_judged() -> None:
    world = clean()
    asked = world.ask("acme", "signed")
    world.bury(asked, Code.BAD_SIGNATURE)

    findings = await judge(world)

    assert findings.verdict() is Verdict.HELD
    assert findings[Promise.ONE_OUTCOME].not_checkable.total() == 1


def since(world: World, minutes: float) -> World:
    """Requests from then on; outputs from where the first of them were written."""
    world.since_ms = ms(BEGIN) + int(minutes * 60_000)
    for kind in (Kind.REQUESTS, Kind.RESPONSES, Kind.DEADLETTER, Kind.USAGE, Kind.DELTAS):
        for partition in range(3):
            earlier = [
                one
                for one in world.records[kind]
                if one.partition == partition and one.timestamp_ms < world.since_ms
            ]
            world.extents[kind, partition] = Extent(0, len(earlier), 10_000)
    return world


async def test_what_lies_before_is_not_judged() -> None:
    findings = await judge(since(clean(), 1))

    assert findings.verdict() is Verdict.HELD
    assert findings[Promise.ONE_OUTCOME].checked == 6


async def test_a_repeated_request_is_answered_by_the_response_to_the_first() -> None:
    world = clean()
    world.copy(Kind.REQUESTS, world.find(Kind.REQUESTS, request_id="r4"))
    world.committed = dict.fromkeys(world.committed, 100)

    findings = await judge(since(world, 1))

    assert findings[Promise.COMMITTED_IS_SAFE].breached == 0
    assert findings.verdict() is Verdict.HELD


async def test_a_lost_request_is_found_among_recent_ones_too() -> None:
    world = clean()
    world.ask("acme", "lost")

    findings = await judge(since(world, 1))

    assert findings[Promise.COMMITTED_IS_SAFE].breached == 1


async def test_without_recent_requests_nothing_is_judged() -> None:
    findings = await judge(since(clean(), 60))

    assert findings.verdict() is Verdict.UNJUDGED


async def test_a_ledger_is_needed_to_tell_what_was_paid_twice() -> None:
    findings = await judge(clean())

    assert findings[Promise.NEVER_PAY_TWICE].verdict is Verdict.UNJUDGED
    assert findings[Promise.NEVER_PAY_TWICE].not_checkable.total() == 9


async def test_a_second_response_long_after_is_a_new_outcome() -> None:
    world = clean()
    asked = world.find(Kind.REQUESTS, request_id="r4")
    world.pass_time(8 * 86_400)
    world.answer(asked, Status.REFUSED, code=Code.UNKNOWN_AGENT, run_s=0)

    findings = await judge(world)

    assert findings[Promise.ONE_OUTCOME].breached == 0


async def test_an_operator_may_open_a_second_generation() -> None:
    world = clean()
    asked = world.find(Kind.REQUESTS, request_id="r2")
    letter = json.loads(world.find(Kind.DEADLETTER, request_id="r2").value or b"")
    command = {"command": "replay", "dead_letter_id": letter["dead_letter_id"]}
    world.write(Kind.CONTROL, asked.partition, b"acme", json.dumps(command).encode())
    world.answer(asked, generation=1)

    findings = await judge(world)

    assert findings.verdict() is Verdict.HELD
    assert findings[Promise.ONE_OUTCOME].not_checkable == {}


async def test_a_conflict_is_settled_by_its_dead_letter_while_the_request_is_parked() -> None:
    world = World()
    asked = world.ask("acme", "r1")
    conflict = world.ask("acme", "r1", input="something else")
    world.bury(conflict, Code.DUPLICATE_CONFLICT, {"tenant_id": "acme", "request_id": "r1"})
    world.write(Kind.PARKED, asked.partition, b"place", b'{"tenant_id": "acme", "request_id": "r1"}')

    findings = await judge(world)

    assert findings[Promise.NOTHING_LOST].not_checkable == {Standing.PARKED: 1}
    assert (findings[Promise.NOTHING_LOST].checked, findings[Promise.NOTHING_LOST].breached) == (1, 0)


async def test_under_an_open_transaction_nothing_is_said_to_be_unsafe() -> None:
    world = World()
    asked = world.ask("acme", "r1")
    world.undecided = frozenset({asked.partition})

    findings = await judge(world)

    assert findings[Promise.COMMITTED_IS_SAFE].checked == 0
    assert findings[Promise.COMMITTED_IS_SAFE].not_checkable == {Standing.UNDECIDED: 1}


async def test_a_dead_letter_from_before_is_found_where_a_producer_s_clock_is_ahead() -> None:
    world = World()
    asked = world.send(b"acme", b"?")
    world.bury(asked, Code.UNDECODABLE)
    world.bury(asked._replace(offset=77), Code.UNDECODABLE)
    world.since_ms = ms(BEGIN)
    world.extents[Kind.DEADLETTER, asked.partition] = Extent(0, 2, 10_000)

    findings = await judge(world)

    assert (findings[Promise.NOTHING_LOST].checked, findings[Promise.NOTHING_LOST].breached) == (1, 0)
    assert findings[Promise.ONE_OUTCOME].breached == 0
