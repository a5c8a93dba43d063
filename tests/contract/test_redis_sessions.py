"""What operators see of sessions in Redis: all of them, what was said, and whose runs are under way."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.adapters.redis_keys import RedisKeys
from schemas.requests import AgentRequest
from streams.ports import SessionTurn, Shelf, Told
from streams.question_ids import question_id
from tests.contract.claim_stores import RedisCase
from tests.contract.run_steps import OUTCOME, admitted, answered, begun, claimed, ended, said

pytestmark = pytest.mark.broker
MANY = 1_200  # more than are asked about at once


@pytest.fixture
async def case(redis_url: str) -> AsyncIterator[RedisCase]:
    case = RedisCase(redis_url)
    yield case
    await case.close()


async def test_all_sessions_are_listed_once_and_of_one_tenant_its_own(case: RedisCase) -> None:
    keys, pipeline = RedisKeys("penstock"), case.client.pipeline()
    for number in range(MANY):
        pipeline.rpush(keys.session("acme", f"s:{number}"), b"{}", b"{}")
    pipeline.rpush(keys.session("acme:s", "0"), b"{}")
    await pipeline.execute()

    mine, all_of_them = await case.sessions().sessions("acme"), await case.sessions().sessions(None)

    assert sorted(one.session_id for one in mine) == sorted(f"s:{number}" for number in range(MANY))
    assert {one.turns for one in mine} == {2}
    assert len(all_of_them) == MANY + 1


async def test_turns_are_shown_with_who_added_them(case: RedisCase) -> None:
    claims, runs = case.worker(), case.runs()
    await claims.rebuilt(Shelf("responses", 0), 0)
    await ended(claims, runs, "r-0", said("zero"))
    run = await admitted(claims, request_id="r-1")
    await begun(runs, run, "s")
    await runs.decide(run, OUTCOME, SessionTurn("s", said("in short"), anew=True))

    first, second = await case.sessions().turns("acme", "s")

    assert (first.request_id, first.items, first.anew) == ("r-0", said("zero"), False)
    assert (second.request_id, second.items, second.anew) == ("r-1", said("in short"), True)


async def test_runs_are_under_way_from_their_begin_to_their_outcome(case: RedisCase) -> None:
    claims, runs, sessions = case.worker(), case.runs(), case.sessions()
    await claims.rebuilt(Shelf("responses", 0), 0)
    run = await admitted(claims)
    assert await sessions.under_way("acme", "s") == []

    await begun(runs, run, "s")
    assert await sessions.under_way("acme", "s") == ["r-1"]
    assert await sessions.under_way("acme", "t") == []

    await runs.decide(run, OUTCOME, None)
    assert await sessions.under_way("acme", "s") == []


async def test_a_replay_is_under_way_too_and_what_it_could_go_on_from_is_deleted(case: RedisCase) -> None:
    claims, runs, sessions = case.worker(), case.runs(), case.sessions()
    await claims.rebuilt(Shelf("responses", 0), 0)
    run = await admitted(claims)
    await begun(runs, run, "s")
    await runs.record(run, Told({"m0": b"a secret"}), 0)
    await answered(claims, replayable=True)
    journal = RedisKeys("penstock").journal("acme", "r-1")
    assert await case.client.exists(journal)
    replay = await admitted(claims, "t-2", generation=1)
    await begun(runs, replay, "s")

    assert await sessions.under_way("acme", "s") == ["r-1"]
    await sessions.delete("acme", "s")

    assert await case.client.hget(journal, "m0") is None


async def test_what_is_kept_for_a_replay_is_deleted_whole(case: RedisCase) -> None:
    claims, runs = case.worker(), case.runs()
    await claims.rebuilt(Shelf("responses", 0), 0)
    run = await admitted(claims)
    await begun(runs, run, "s")
    await runs.record(run, Told({"m0": b"a secret"}), 0)
    await answered(claims, replayable=True)

    assert await case.sessions().delete("acme", "s") == (0, 1)

    assert not await case.client.exists(RedisKeys("penstock").journal("acme", "r-1"))


async def test_an_outcome_that_is_not_published_yet_is_not_deleted(case: RedisCase) -> None:
    claims, runs = case.worker(), case.runs()
    await claims.rebuilt(Shelf("responses", 0), 0)
    run = await admitted(claims)
    await begun(runs, run, "s")
    await runs.decide(run, OUTCOME, SessionTurn("s", said("one")))

    await case.sessions().delete("acme", "s")

    verdict = await claimed(claims, "t-2")
    assert getattr(verdict, "outcome", None) == OUTCOME


async def test_what_its_requests_asked_of_other_agents_is_deleted_with_it(case: RedisCase) -> None:
    claims, runs, sessions = case.worker(), case.runs(), case.sessions()
    await claims.rebuilt(Shelf("responses", 0), 0)
    asked = question_id(request("r-1", session_id="s"), "t", "c-0")
    below = question_id(request(asked), "t", "c-0")
    other = question_id(request("r-1", session_id="t"), "t", "c-0")
    for request_id in (asked, below, other):
        run = await admitted(claims, request_id=request_id)
        await begun(runs, run)
        await runs.record(run, Told({"m0": b"a secret"}), 0)
    await answered(claims, below, replayable=True)

    assert await sessions.under_way("acme", "s") == [asked]
    assert await sessions.delete("acme", "s") == (0, 2)

    journals = [RedisKeys("penstock").journal("acme", one) for one in (asked, below, other)]
    assert [await case.client.hget(key, "m0") for key in journals] == [None, None, b"a secret"]


def request(request_id: str, **more: Any) -> AgentRequest:
    return AgentRequest(request_id=request_id, tenant_id="acme", agent="boss", input="hello", **more)
