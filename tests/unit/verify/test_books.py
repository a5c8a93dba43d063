"""The books beside the provider's ledger."""

import json
from datetime import datetime
from pathlib import Path

from app.verify.call_ids import call_key, request_of
from app.verify.findings import Findings, Promise
from app.verify.inspection import Inspection, Options
from app.verify.judges.books_balance import EARLIER, NO_ID, NO_NAME, OFFLINE, OPEN
from app.verify.judges.never_pay_twice import NOT_RECORDED
from app.verify.ledger import Ledger
from app.verify.records import Extent, Kind
from app.verify.standing import Standing
from schemas.usage import UsageState
from tests.unit.verify.world import Call, World, ms

BOOKS, PAID = Promise.BOOKS_BALANCE, Promise.NEVER_PAY_TWICE


async def judge(world: World, folder: Path, obliged_bytes: int | None = None) -> tuple[Findings, Inspection]:
    path = folder / "ledger.jsonl"
    world.save_ledger(path)
    ledger = Ledger()
    ledger.load(path, path.stat().st_size if obliged_bytes is None else obliged_bytes, 3)
    inspection = Inspection(world, ledger)
    return await inspection.run(), inspection


def one_request() -> World:
    world = World()
    world.answer(world.ask("acme", "r1"))
    return world


async def test_a_call_cut_off_by_a_crash_is_listed_apart(tmp_path: Path) -> None:
    world = one_request()
    asked = world.find(Kind.REQUESTS, request_id="r1")
    cut = Call("acme%2Fr1%2F0.1/m0.2", 70, 7, UsageState.UNKNOWN)
    world.pay(asked, {"tenant_id": "acme", "request_id": "r1"}, cut)
    world.edit(
        Kind.RESPONSES,
        world.find(Kind.RESPONSES, request_id="r1"),
        lambda it: it["usage"].update(model_calls=2, input_tokens=170, output_tokens=17, cost_usd="0.002"),
    )

    findings, inspection = await judge(world, tmp_path)

    assert (findings[BOOKS].breached, findings[PAID].breached) == (0, 0)
    assert inspection.books.unknown[:4] == (1, 70, 0, 7)
    assert inspection.books.settled[:4] == inspection.books.billed[:4] == (1, 100, 0, 10)


async def test_what_the_offline_model_answered_is_in_no_ledger(tmp_path: Path) -> None:
    world = one_request()
    world.ledger.clear()
    usage = world.find(Kind.USAGE, request_id="r1")
    world.edit(Kind.USAGE, usage, lambda it: it.update(price_source="offline"))

    findings, _ = await judge(world, tmp_path)

    assert (findings[BOOKS].breached, findings[BOOKS].not_checkable) == (0, {OFFLINE: 1})


async def test_calls_of_requests_under_way_are_not_missed(tmp_path: Path) -> None:
    world = one_request()
    asked = world.ask("acme", "r2")
    world.committed[asked.partition] = asked.offset
    world.bill(Call("acme%2Fr2%2F0.1/m0.1"))

    findings, _ = await judge(world, tmp_path)

    assert (findings[BOOKS].breached, findings[BOOKS].not_checkable) == (0, {OPEN: 1})


async def test_what_was_billed_after_the_snapshot_is_not_missed(tmp_path: Path) -> None:
    world = one_request()
    before = len(json.dumps(world.ledger[0])) + 1
    world.bill(Call("acme%2Fr9%2F0.1/m0.1"))

    findings, _ = await judge(world, tmp_path, obliged_bytes=before)

    assert (findings[BOOKS].breached, findings[BOOKS].not_checkable) == (0, {})


async def test_calls_of_nobody_are_counted(tmp_path: Path) -> None:
    world = one_request()
    world.bill(Call("somebody-else"))
    world.ledger.append({"call_id": None, "billed": True})
    world.ledger.append({"call_id": "acme%2Fr1%2F0.1/m5.1", "billed": False})

    findings, _ = await judge(world, tmp_path)

    assert (findings[BOOKS].breached, findings[BOOKS].not_checkable) == (0, {NO_NAME: 1, NO_ID: 1})


def test_a_line_that_is_being_written_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(b'{"call_id": "a/1", "billed": true}\nno json\n{"call_id": "b/1", "bil')
    ledger = Ledger()

    ledger.load(path, path.stat().st_size, 3)

    assert (len(ledger), ledger.unreadable, ledger.find("b/1")) == (1, 1, None)


def test_attempts_and_tries_are_the_same_call() -> None:
    same = {call_key(f"acme%2Fr%2F1%2F0.{attempt}/m3.{attempt}") for attempt in (1, 2, 11)}

    assert same == {"acme%2Fr%2F1%2F0/m3"}
    assert call_key("acme%2Fr%2F0/m3.1") == call_key("acme%2Fr%2F0/m3.2")
    assert (
        call_key("acme%2Fr%2F0/m3.1") == call_key("acme%2Fr%2F0/m3.1-2") == call_key("acme%2Fr%2F0/m3.12-3")
    )
    assert call_key("acme%2Fr%2F0/t:c-1.2/m3.1") == call_key("acme%2Fr%2F0/t:c-1.2/m3.2-3")
    assert call_key("acme%2Fr%2F0/t:c-1/m3.1") != call_key("acme%2Fr%2F0/t:c-2/m3.1")
    assert call_key("acme%2Fr%2F0.1/m3.1") != call_key("acme%2Fr%2F0.1/m4.1")
    assert call_key("acme%2Fr%2F0.1/m3.1") != call_key("acme%2Fr%2F1.1/m3.1")


def test_a_call_id_names_its_request() -> None:
    assert request_of("acme%2Fa%2Fb%20c%2F0.2/t:call_7/m0.2") == "acme/a/b c"
    assert request_of("acme%2Fr%2F0/m0.2") == "acme/r"
    assert request_of("acme%2Fcut~0123456789abcdef/m0.1") is None
    assert request_of("resp_123") is None


def without_usage() -> World:
    world = one_request()
    world.records[Kind.USAGE].clear()
    world.ledger.clear()
    return world


async def test_under_an_open_transaction_usage_is_not_missed(tmp_path: Path) -> None:
    world = without_usage()
    world.undecided = frozenset({0, 1, 2})

    findings, _ = await judge(world, tmp_path)

    assert (findings[BOOKS].breached, findings[BOOKS].not_checkable) == (0, {Standing.UNDECIDED: 1})


async def test_usage_that_was_deleted_is_not_missed(tmp_path: Path) -> None:
    world = without_usage()
    partition = world.records[Kind.REQUESTS][0].partition
    world.extents[Kind.USAGE, partition] = Extent(1, 1, 10_000)

    findings, _ = await judge(world, tmp_path)

    assert (findings[BOOKS].breached, findings[BOOKS].not_checkable) == (0, {Standing.EXPIRED: 1})


async def test_usage_and_bills_of_earlier_requests_are_not_judged(tmp_path: Path) -> None:
    world = one_request()
    world.bill(Call("acme%2Fr1%2F0.1/m1.1"))
    asked = world.records[Kind.REQUESTS].pop()
    world.extents[Kind.REQUESTS, asked.partition] = Extent(0, 1, 10_000)

    findings, _ = await judge(world, tmp_path)

    assert (findings[BOOKS].checked, findings[BOOKS].breached) == (0, 0)
    assert findings[BOOKS].not_checkable == {EARLIER: 2}


async def test_the_sum_of_a_response_that_repeats_an_earlier_one_is_not_judged(tmp_path: Path) -> None:
    world = without_usage()
    asked = world.records[Kind.REQUESTS].pop()
    world.copy(Kind.REQUESTS, asked)
    world.copy(Kind.REQUESTS, asked)
    world.records[Kind.REQUESTS].pop(0)
    world.extents[Kind.REQUESTS, asked.partition] = Extent(0, 1, 10_000)

    findings, _ = await judge(world, tmp_path)

    assert (findings[BOOKS].breached, findings[BOOKS].not_checkable) == (0, {EARLIER: 1})


async def test_what_is_no_usage_record_is_told(tmp_path: Path) -> None:
    world = one_request()
    for broken in (b"?", b"{}", None):
        world.write(Kind.USAGE, 0, b"acme", broken)

    findings, _ = await judge(world, tmp_path)

    assert [breach.where for breach in findings[BOOKS].examples] == [f"agent.usage[0]@{n}" for n in (1, 2, 3)]
    assert {promise for promise, tally in findings.tallies.items() if tally.breached} == {BOOKS}


async def test_usage_under_another_key_is_none(tmp_path: Path) -> None:
    world = one_request()
    usage = world.records[Kind.USAGE].pop()
    world.write(Kind.USAGE, usage.partition, b"globex", usage.value)

    findings, _ = await judge(world, tmp_path)

    assert "its key is not its tenant_id" in findings[BOOKS].examples[0].what


async def test_the_shadow_s_calls_are_no_part_of_a_response(tmp_path: Path) -> None:
    world = one_request()
    asked = world.records[Kind.REQUESTS][0]
    world.pay(asked, {"tenant_id": "acme", "request_id": "r1"}, Call("acme%2Fr1%2F0.1/shadow/m0.1"))
    world.edit(Kind.USAGE, world.records[Kind.USAGE][-1], lambda it: it.update(purpose="shadow"))

    findings, _ = await judge(world, tmp_path)

    assert (findings[BOOKS].checked, findings[BOOKS].breached) == (3, 0)


async def test_a_call_that_was_billed_twice_and_never_booked_is_not_yet_paid_twice(tmp_path: Path) -> None:
    world = one_request()
    asked = world.ask("acme", "r2")
    world.committed[asked.partition] = asked.offset
    for attempt in (1, 2):
        world.bill(Call(f"acme%2Fr2%2F0.{attempt}/m0.{attempt}"))

    findings, _ = await judge(world, tmp_path)

    assert (findings[PAID].checked, findings[PAID].breached) == (1, 0)
    assert findings[PAID].not_checkable == {NOT_RECORDED: 1}


async def test_calls_of_a_second_that_the_journal_lost_are_listed_apart(tmp_path: Path) -> None:
    world = one_request()
    again = Call("acme%2Fr1%2F0.2/m0.2")
    world.bill(again)
    for line, at in zip(world.ledger, ("08:00:09.300", "08:00:30.000"), strict=True):
        line.update(at=f"2026-11-21T{at}Z", took_ms=200)
    path = tmp_path / "ledger.jsonl"
    world.save_ledger(path)

    async def breached(at: str) -> set[Promise]:
        ledger = Ledger()
        ledger.load(path, path.stat().st_size, 3)
        lost_ms = (ms(datetime.fromisoformat(f"2026-11-21T{at}Z")),)
        findings = await Inspection(world, ledger, Options(lost_ms=lost_ms)).run()
        return {promise for promise, tally in findings.tallies.items() if tally.breached}

    assert await breached("08:00:10") == {BOOKS}
    assert await breached("08:00:30") == set()
    assert await breached("08:00:20") == {BOOKS, PAID}
