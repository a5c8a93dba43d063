"""What every run store does with sessions: turns in order, each once, read as the first attempt read them."""

from typing import Any

import pytest

from streams.ports import ClaimStore, RunStore, SessionTurn, Told
from tests.contract.claim_stores import ClaimCase
from tests.contract.run_steps import OUTCOME, admitted, answered, begun, ended, read, said


async def test_a_new_session_is_empty(claims: ClaimStore, runs: RunStore) -> None:
    found = await begun(runs, await admitted(claims), "s")

    assert list(found.session_items) == []
    assert not found.session_lost


async def test_the_turn_is_in_the_session_as_soon_as_the_outcome_is_decided(
    claims: ClaimStore, runs: RunStore
) -> None:
    run = await admitted(claims)
    await begun(runs, run, "s")
    await runs.decide(run, OUTCOME, SessionTurn("s", said("one")))

    assert await read(claims, runs) == said("one")


async def test_turns_are_read_in_the_order_in_which_they_were_decided(
    claims: ClaimStore, runs: RunStore
) -> None:
    for number in range(5):
        await ended(claims, runs, f"r-{number}", said(f"a{number}"))

    assert await read(claims, runs) == [item for number in range(5) for item in said(f"a{number}")]


async def test_a_turn_that_is_decided_again_is_added_once(claims: ClaimStore, runs: RunStore) -> None:
    run = await admitted(claims)
    await begun(runs, run, "s")
    for _ in range(3):
        await runs.decide(run, OUTCOME, SessionTurn("s", said("one")))

    assert await read(claims, runs) == said("one")


async def test_each_attempt_reads_what_the_first_one_read(claims: ClaimStore, runs: RunStore) -> None:
    await ended(claims, runs, "r-0", said("zero"))
    await begun(runs, await admitted(claims), "s")
    await ended(claims, runs, "r-2", said("two"))

    found = await begun(runs, await admitted(claims, "t-2"), "s")

    assert found.session_items == said("zero")
    assert not found.session_lost
    assert await read(claims, runs) == [*said("zero"), *said("two")]


async def test_a_replay_reads_what_the_first_attempt_read_and_adds_its_turn_at_the_end(
    claims: ClaimStore, runs: RunStore
) -> None:
    await ended(claims, runs, "r-0", said("zero"))
    await begun(runs, await admitted(claims), "s")
    await answered(claims, replayable=True)
    await ended(claims, runs, "r-2", said("two"))

    replay = await admitted(claims, "t-2", generation=1)
    assert (await begun(runs, replay, "s")).session_items == said("zero")
    await runs.decide(replay, OUTCOME, SessionTurn("s", said("one")))

    assert await read(claims, runs) == [*said("zero"), *said("two"), *said("one")]


async def test_the_turn_of_a_replay_replaces_nothing(claims: ClaimStore, runs: RunStore) -> None:
    run = await admitted(claims)
    await begun(runs, run, "s")
    await runs.decide(run, OUTCOME, SessionTurn("s", said("failed")))
    await answered(claims, replayable=True)

    replay = await admitted(claims, "t-2", generation=1)
    await begun(runs, replay, "s")
    await runs.decide(replay, OUTCOME, SessionTurn("s", said("one")))

    assert await read(claims, runs) == [*said("failed"), *said("one")]


async def test_a_session_that_was_lost_meanwhile_is_told(
    claims: ClaimStore, runs: RunStore, case: ClaimCase
) -> None:
    await ended(claims, runs, "r-0", said("zero"))
    await begun(runs, await admitted(claims), "s")
    await case.lose_session("acme", "s")

    found = await begun(runs, await admitted(claims, "t-2"), "s")

    assert found.session_lost
    assert list(found.session_items) == []


async def test_a_request_does_not_read_what_it_left_behind_and_replaces_it(
    claims: ClaimStore, runs: RunStore, case: ClaimCase
) -> None:
    await ended(claims, runs, "r-0", said("zero"))
    await case.add_turn("acme", "s", "r-1", said("before the crash"))

    run = await admitted(claims)
    assert (await begun(runs, run, "s")).session_items == said("zero")
    await runs.decide(run, OUTCOME, SessionTurn("s", said("after the crash")))

    assert await read(claims, runs) == [*said("zero"), *said("after the crash")]


async def test_a_turn_may_be_empty(claims: ClaimStore, runs: RunStore) -> None:
    await ended(claims, runs, "r-1", [])
    await ended(claims, runs, "r-2", said("two"))

    assert await read(claims, runs) == said("two")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("acme", "s"), ("globex", "s")),
        (("acme", "s"), ("acme", "t")),
        (("a", "b:c"), ("a:b", "c")),
        (("1", "1:x"), ("11", ":x")),
    ],
)
async def test_sessions_do_not_mix(
    claims: ClaimStore, runs: RunStore, one: tuple[str, str], other: tuple[str, str]
) -> None:
    run = await admitted(claims, tenant_id=one[0])
    await begun(runs, run, one[1])
    await runs.decide(run, OUTCOME, SessionTurn(one[1], said("hidden")))

    assert list(await read(claims, runs, other[1], other[0])) == []
    assert await read(claims, runs, one[1], one[0]) == said("hidden")


async def test_items_of_any_kind_are_kept_as_they_are(claims: ClaimStore, runs: RunStore) -> None:
    deep: Any = "end"
    for _ in range(60):
        deep = [deep]
    items = [
        {"type": "function_call", "name": "look_up", "arguments": '{"order": 7}', "call_id": "c-1"},
        {"type": "function_call_output", "call_id": "c-1", "output": "語 ü \u0000 \u2028 😀"},
        {"n": 2**53 + 1, "f": 0.1, "none": None, "yes": True, "list": [], "object": {}, "deep": deep},
    ]

    await ended(claims, runs, 'r-"1"\\ü', items)
    await ended(claims, runs, "r-2", said("two"))

    assert await read(claims, runs) == [*items, *said("two")]


@pytest.mark.parametrize("odd", ["half a letter: \ud83d", 2**80])
async def test_what_a_model_may_say_but_no_record_holds_does_not_lose_the_turn(
    claims: ClaimStore, runs: RunStore, odd: Any
) -> None:
    await ended(claims, runs, "r-1", [{"role": "assistant", "content": odd}])
    await ended(claims, runs, "r-2", said("two"))

    assert [item["role"] for item in await read(claims, runs)] == ["assistant", "user", "assistant"]


async def test_what_was_handed_in_or_out_can_be_changed_without_harm(
    claims: ClaimStore, runs: RunStore
) -> None:
    items = said("one")
    await ended(claims, runs, "r-1", items)
    items[0]["content"] = "changed"
    (await read(claims, runs))[0]["content"] = "changed, too"

    found = await begun(runs, await admitted(claims, "t-9", request_id="r-9"), "s")

    assert found.session_items == said("one")


async def test_a_turn_that_stands_for_all_before_it_is_read_in_their_place(
    claims: ClaimStore, runs: RunStore
) -> None:
    await ended(claims, runs, "r-0", said("zero"))
    run = await admitted(claims, request_id="r-1")
    assert (await begun(runs, run, "s")).session_items == said("zero")
    await runs.decide(run, OUTCOME, SessionTurn("s", said("all in short"), anew=True))
    await answered(claims, "r-1")
    await ended(claims, runs, "r-2", said("two"))

    assert await read(claims, runs) == [*said("all in short"), *said("two")]


async def test_a_replay_still_reads_what_stood_there_before_it_was_put_in_short(
    claims: ClaimStore, runs: RunStore
) -> None:
    await ended(claims, runs, "r-0", said("zero"))
    await begun(runs, await admitted(claims), "s")
    await answered(claims, replayable=True)
    run = await admitted(claims, request_id="r-2")
    await begun(runs, run, "s")
    await runs.decide(run, OUTCOME, SessionTurn("s", said("all in short"), anew=True))

    replay = await admitted(claims, "t-2", generation=1)

    assert (await begun(runs, replay, "s")).session_items == said("zero")


@pytest.mark.parametrize("before", [0, 1])
async def test_a_run_that_was_under_way_does_not_write_a_deleted_session_back(
    claims: ClaimStore, runs: RunStore, case: ClaimCase, before: int
) -> None:
    for number in range(before):
        await ended(claims, runs, f"r-{number}", said("old"))
    run = await admitted(claims, request_id="r-9")
    await begun(runs, run, "s")
    await runs.record(run, Told({"m0": b"a secret"}), 0)

    await case.delete_session("acme", "s")
    await runs.record(run, Told({"m1": b"more"}), 0)
    await runs.decide(run, OUTCOME, SessionTurn("s", said("secret")))
    await answered(claims, "r-9")

    assert await read(claims, runs) == []
    await ended(claims, runs, "r-10", said("new"))
    assert (await begun(runs, await admitted(claims, "t-2", request_id="r-11"), "s")).session_items == said(
        "new"
    )


async def test_deleting_a_session_leaves_others_and_what_their_runs_wrote_alone(
    claims: ClaimStore, runs: RunStore, case: ClaimCase
) -> None:
    mine, theirs = await admitted(claims), await admitted(claims, "t-2", tenant_id="globex")
    other = await admitted(claims, "t-3", request_id="r-3")
    for run, session_id in ((mine, "s"), (theirs, "s"), (other, "t")):
        await begun(runs, run, session_id)
        await runs.record(run, Told({"m0": b"an answer"}), 0)

    await case.delete_session("acme", "s")

    assert dict((await begun(runs, mine, "s")).entries) == {}
    for run, session_id in ((theirs, "s"), (other, "t")):
        assert dict((await begun(runs, run, session_id)).entries) == {"m0": b"an answer"}
        await runs.decide(run, OUTCOME, SessionTurn(session_id, said("kept")))
    assert await read(claims, runs, "t") == said("kept")
    assert await read(claims, runs, "s", "globex") == said("kept")
