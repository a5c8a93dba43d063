"""What every run store keeps of a run: all that was recorded, and how its attempts ended."""

import asyncio

import pytest

from agents_defs.run_journal import RunLost
from streams.flow import Decided
from streams.ports import ClaimStore, RunStore, SessionTurn, Told
from tests.contract.claim_stores import ClaimCase
from tests.contract.run_steps import (
    admitted,
    begun,
    claimed,
    read,
    said,
)

# -- the journal


async def test_a_new_run_knows_nothing(claims: ClaimStore, runs: RunStore) -> None:
    found = await begun(runs, await admitted(claims), version=3)

    assert (found.entries, list(found.session_items), found.session_lost) == ({}, [], False)
    assert (found.agent_version, found.crashes, found.turns_out) == (3, 0, 0)


async def test_the_next_attempt_finds_what_was_recorded(
    claims: ClaimStore, runs: RunStore, case: ClaimCase
) -> None:
    run = await admitted(claims)
    await begun(runs, run)
    await runs.record(run, Told({"m:1": b"one", "t:1": b"two", "c:1": b"three"}), 0)
    await runs.record(run, Told({"m:1": b"changed", "t:1": None, "gone": None}), 0)
    await runs.record(run, Told({}), 0)

    found = await begun(case.runs(), await admitted(case.worker(), "t-2"))

    assert found.entries == {"m:1": b"changed", "c:1": b"three"}


async def test_entries_are_any_bytes_under_any_names(claims: ClaimStore, runs: RunStore) -> None:
    entries = {
        "": b"",
        "ü 語": bytes(range(256)),
        "a\x00b": b"\r\n",
        "m:" + "x" * 999: b"\xff\xfe",
        "m@\ud83d": b"@",
    }
    run = await admitted(claims)
    await begun(runs, run)
    await runs.record(run, Told(entries), 0)

    assert (await begun(runs, await admitted(claims, "t-2"))).entries == entries


async def test_large_entries_and_outcomes_are_kept(claims: ClaimStore, runs: RunStore) -> None:
    large = bytes(range(256)) * (3 * 4096)  # 3 MiB
    run = await admitted(claims)
    await begun(runs, run)
    await runs.record(run, Told({"m:1": large, "m:2": large}), 0)

    run = await admitted(claims, "t-2")
    assert (await begun(runs, run)).entries == {"m:1": large, "m:2": large}
    await runs.decide(run, large, None)

    assert await claimed(claims, "t-3") == Decided(large)


async def test_what_the_stream_keeps_for_itself_is_no_entry(claims: ClaimStore, runs: RunStore) -> None:
    run = await admitted(claims)
    await begun(runs, run, "s")
    await runs.record(run, Told({"@own": b"x", "m:1": b"y"}), 2)

    assert (await begun(runs, await admitted(claims, "t-2"), "s")).entries == {"m:1": b"y"}


async def test_what_was_published_is_the_most_that_was_ever_said(claims: ClaimStore, runs: RunStore) -> None:
    run = await admitted(claims)
    await begun(runs, run)
    for turns_out in (1, 12, 9, 0):
        await runs.record(run, Told({}), turns_out)

    assert (await begun(runs, await admitted(claims, "t-2"))).turns_out == 12


async def test_the_agent_version_is_the_first_attempt_s(claims: ClaimStore, runs: RunStore) -> None:
    await begun(runs, await admitted(claims), version=4)

    assert (await begun(runs, await admitted(claims, "t-2"), version=5)).agent_version == 4


async def test_runs_do_not_mix(claims: ClaimStore, runs: RunStore) -> None:
    pairs = [("a", "b:c"), ("a:b", "c"), ("1", "1:x"), ("11", ":x")]
    for tenant_id, request_id in pairs:
        run = await admitted(claims, tenant_id=tenant_id, request_id=request_id)
        await begun(runs, run)
        await runs.record(run, Told({"m:1": repr((tenant_id, request_id)).encode()}), 0)

    for tenant_id, request_id in pairs:
        run = await admitted(claims, "t-2", tenant_id=tenant_id, request_id=request_id)
        assert (await begun(runs, run)).entries == {"m:1": repr((tenant_id, request_id)).encode()}


async def test_calls_of_many_runs_at_once_do_not_mix(claims: ClaimStore, runs: RunStore) -> None:
    ids = [f"r-{number}" for number in range(100)]

    async def one(request_id: str) -> None:
        run = await admitted(claims, request_id=request_id)
        await begun(runs, run, request_id)
        await runs.record(run, Told({"m:1": request_id.encode()}), 0)
        await runs.decide(run, request_id.encode(), SessionTurn(request_id, said(request_id)))

    await asyncio.gather(*map(one, ids))

    for request_id in ids:
        assert await claimed(claims, "t-2", request_id=request_id) == Decided(request_id.encode())
        assert await read(claims, runs, request_id) == said(request_id)


# -- crashes


async def test_attempts_that_neither_decided_nor_left_crashed(claims: ClaimStore, runs: RunStore) -> None:
    for number in range(3):
        assert (await begun(runs, await admitted(claims, f"t-{number}"))).crashes == number


async def test_an_attempt_that_left_did_not_crash(claims: ClaimStore, runs: RunStore) -> None:
    run = await admitted(claims)
    await begun(runs, run)
    await runs.leave(run, 60)
    await runs.leave(run, 60)
    await begun(runs, await admitted(claims, "t-2"))

    assert (await begun(runs, await admitted(claims, "t-3"))).crashes == 1


async def test_an_attempt_that_never_began_did_not_crash(claims: ClaimStore, runs: RunStore) -> None:
    await admitted(claims, "t-1")
    run = await admitted(claims, "t-2")
    await runs.leave(run, 60)

    assert (await begun(runs, await admitted(claims, "t-3"))).crashes == 0


async def test_an_attempt_that_left_after_it_was_taken_over_did_not_crash(
    claims: ClaimStore, runs: RunStore
) -> None:
    old = await admitted(claims)
    await begun(runs, old)
    new = await admitted(claims, "t-2")

    with pytest.raises(RunLost):
        await runs.leave(old, 60)

    assert (await begun(runs, new)).crashes == 0


async def test_an_attempt_that_was_taken_over_and_did_not_leave_crashed(
    claims: ClaimStore, runs: RunStore
) -> None:
    old = await admitted(claims)
    await begun(runs, old)
    new = await admitted(claims, "t-2")

    with pytest.raises(RunLost):
        await runs.record(old, Told({}), 0)
    with pytest.raises(RunLost):
        await runs.decide(old, b"late", None)

    assert (await begun(runs, new)).crashes == 1


async def test_an_attempt_that_left_and_began_again_may_crash(claims: ClaimStore, runs: RunStore) -> None:
    run = await admitted(claims)
    await begun(runs, run)
    await runs.leave(run, 60)
    await begun(runs, run)

    assert (await begun(runs, await admitted(claims, "t-2"))).crashes == 1


async def test_an_attempt_whose_beginning_is_asked_again_counts_once(
    claims: ClaimStore, runs: RunStore
) -> None:
    run = await admitted(claims)
    found = [await begun(runs, run, "s", version=7) for _ in range(3)]

    assert found[0] == found[1] == found[2]
    assert (await begun(runs, await admitted(claims, "t-2"), "s")).crashes == 1


# -- an attempt that begins with what it writes first


async def test_the_first_write_may_tell_that_the_attempt_begins(claims: ClaimStore, runs: RunStore) -> None:
    run = await admitted(claims)
    for _ in range(2):  # its reply may be lost, and it is asked again
        await runs.record(run, Told({"m:1": b"one"}, opens=3), 0)

    found = await begun(runs, await admitted(claims, "t-2"), version=4)

    assert (found.agent_version, found.crashes, dict(found.entries)) == (3, 1, {"m:1": b"one"})


async def test_an_attempt_that_began_and_ended_was_no_crash(claims: ClaimStore, runs: RunStore) -> None:
    run = await admitted(claims)
    await runs.record(run, Told({"m:1": b"one"}, opens=1), 0)
    await runs.leave(run, 60.0)
    await runs.record(run, Told({"m:2": b"two"}, opens=1), 0)  # its reply was lost

    assert (await begun(runs, await admitted(claims, "t-2"))).crashes == 0
