"""What Redis alone can get wrong of runs: how long keys live, where, and beside the version before."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
import redis.asyncio as redis

from agents_defs.run_journal import RunLost
from app.adapters.redis_batch import RedisBatch
from app.adapters.redis_claims import RedisClaims
from app.adapters.redis_client import connect_redis
from app.adapters.redis_keys import RedisKeys
from app.adapters.redis_runs import RedisRuns
from streams.flow import Admit, Answered, Decided, Duplicate
from streams.policy.gates import Gate
from streams.policy.windows import Window
from streams.ports import RunKey, SessionTurn, Shelf, Told
from tests.contract.run_steps import OUTCOME, SHA, admitted, answered, begun, claimed, said

pytestmark = pytest.mark.broker

DAY_S = 86_400
FORMER = Path(__file__).parent / "former"
KEYS = RedisKeys("penstock")
MARKER = KEYS.marker("acme", "r-1", 0)
JOURNAL = KEYS.journal("acme", "r-1")
SESSION = KEYS.session("acme", "s")


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator["redis.Redis"]:
    connected = connect_redis(redis_url)
    yield connected
    await connected.aclose()


@pytest.fixture
def batch(client: "redis.Redis") -> RedisBatch:
    return RedisBatch(client)


@pytest.fixture
async def claims(batch: RedisBatch) -> RedisClaims:
    store = RedisClaims(batch, "penstock", 7)
    await store.rebuilt(Shelf("responses", 0), 0)
    return store


@pytest.fixture
def runs(batch: RedisBatch) -> RedisRuns:
    return RedisRuns(batch, "penstock", 7, 30)


async def nearly_over(client: "redis.Redis", *keys: str) -> None:
    for key in keys:
        assert await client.expire(key, 60)


async def days_left(client: "redis.Redis", key: str) -> float:
    return (await client.ttl(key) + 60) // DAY_S


# -- how long


async def test_each_step_of_a_run_renews_its_journal(
    client: "redis.Redis", claims: RedisClaims, runs: RedisRuns
) -> None:
    run = await admitted(claims)
    await begun(runs, run)
    assert await days_left(client, JOURNAL) == 7

    await nearly_over(client, JOURNAL)
    await begun(runs, run)
    assert await days_left(client, JOURNAL) == 7

    await nearly_over(client, JOURNAL)
    await runs.record(run, Told({"m:1": b"one"}), 0)
    assert await days_left(client, JOURNAL) == 7

    await nearly_over(client, JOURNAL, MARKER)
    await runs.decide(run, OUTCOME, None)
    assert await days_left(client, JOURNAL) == 7
    assert await days_left(client, MARKER) == 7


async def test_a_session_lives_as_long_as_its_last_turn_says(
    client: "redis.Redis", claims: RedisClaims, runs: RedisRuns
) -> None:
    for number in range(2):
        run = await admitted(claims, request_id=f"r-{number}")
        await begun(runs, run, "s")
        await runs.decide(run, OUTCOME, SessionTurn("s", said("one")))
        assert await days_left(client, SESSION) == 30
        await nearly_over(client, SESSION)


async def test_who_leaves_has_all_that_is_needed_kept(
    client: "redis.Redis", claims: RedisClaims, runs: RedisRuns
) -> None:
    await client.rpush(SESSION, orjson.dumps({"request_id": "r-0", "items": said("zero")}))
    run = await admitted(claims)
    await begun(runs, run, "s")
    await nearly_over(client, SESSION, MARKER, JOURNAL)

    await runs.leave(run, 40 * DAY_S)

    assert await days_left(client, SESSION) == 40
    assert [await client.ttl(key) for key in (MARKER, JOURNAL)] == [-1, -1]  # what waits does not expire


async def test_who_hands_over_shortens_nothing(
    client: "redis.Redis", claims: RedisClaims, runs: RedisRuns
) -> None:
    await client.rpush(SESSION, orjson.dumps({"request_id": "r-0", "items": said("zero")}))
    await client.expire(SESSION, 30 * DAY_S)
    run = await admitted(claims)
    await begun(runs, run, "s")

    await runs.leave(run, 0)

    assert [await days_left(client, key) for key in (SESSION, MARKER, JOURNAL)] == [30, 7, 7]


async def test_a_session_that_is_kept_without_an_end_stays_so(
    client: "redis.Redis", claims: RedisClaims, runs: RedisRuns
) -> None:
    await client.rpush(SESSION, orjson.dumps({"request_id": "r-0", "items": said("zero")}))
    run = await admitted(claims)
    await begun(runs, run, "s")

    await runs.leave(run, 5)

    assert await client.ttl(SESSION) == -1


@pytest.mark.parametrize("replayable", [False, True])
async def test_what_was_answered_keeps_only_what_a_replay_needs(
    client: "redis.Redis", claims: RedisClaims, runs: RedisRuns, replayable: bool
) -> None:
    run = await admitted(claims)
    await begun(runs, run, "s")
    await runs.record(run, Told({"m:1": b"one"}), 4)
    await runs.decide(run, OUTCOME, None)
    await nearly_over(client, JOURNAL)

    await answered(claims, replayable=replayable)

    kept = {b"m:1", b"@version", b"@session"} if replayable else set()
    assert set(await client.hkeys(JOURNAL)) == kept
    assert not replayable or await days_left(client, JOURNAL) == 7


async def test_who_leaves_when_nothing_is_left_leaves_nothing_behind(
    client: "redis.Redis", claims: RedisClaims, runs: RedisRuns
) -> None:
    run = await admitted(claims)
    await begun(runs, run)
    await client.flushdb()

    with pytest.raises(RunLost):
        await runs.leave(run, 60)

    assert await client.keys() == []


# -- where


async def test_all_keys_of_runs_live_on_one_slot_of_a_cluster(
    client: "redis.Redis", claims: RedisClaims, runs: RedisRuns
) -> None:
    for generation in (0, 1):
        run = await admitted(claims, generation=generation)
        await begun(runs, run, "s")
        await runs.decide(run, OUTCOME, SessionTurn("s", said("one")))

    keys = [key.decode() async for key in client.scan_iter()]

    assert len(keys) == 5  # two markers, a journal, a session, a ledger
    assert all(key.startswith("{penstock}:") for key in keys)


async def test_a_journal_that_is_no_more_does_not_hide_that_the_outcome_is_unknown(
    client: "redis.Redis", claims: RedisClaims, runs: RedisRuns
) -> None:
    run = await admitted(claims)
    await runs.decide(run, OUTCOME, None)
    await client.delete(JOURNAL)

    again = await admitted(claims)

    assert again.attempt == 2
    assert (await begun(runs, again)).entries == {}
    with pytest.raises(RunLost):
        await runs.decide(run, OUTCOME, None)


# -- in how many commands


async def commands(client: "redis.Redis") -> int:
    stats = await client.info("commandstats")
    return sum(int(stats.get(f"cmdstat_{name}", {}).get("calls", 0)) for name in ("evalsha", "eval"))


async def test_what_runs_ask_at_once_is_one_command_for_many_of_them(
    client: "redis.Redis", claims: RedisClaims, runs: RedisRuns
) -> None:
    keys = [await admitted(claims, request_id=f"r-{number}") for number in range(60)]
    await begun(runs, keys[0])  # the script is known from now on
    before = await commands(client)

    await asyncio.gather(*(begun(runs, key) for key in keys))

    assert await commands(client) - before == 2  # of at most 32


async def test_of_runs_that_ask_at_once_only_those_are_lost_that_were_taken_over(
    claims: RedisClaims, runs: RedisRuns
) -> None:
    keys = [await admitted(claims, request_id=f"r-{number}") for number in range(40)]
    stale = [replace(key, token="another") if number % 3 else key for number, key in enumerate(keys)]
    entries = {f"m:{number}": b"x" for number in range(7)} | {"gone": None}

    ends = await asyncio.gather(
        *(runs.record(key, Told(entries), 3) for key in stale), return_exceptions=True
    )

    assert [isinstance(end, RunLost) for end in ends] == [bool(number % 3) for number in range(40)]
    for number, key in enumerate(keys):
        assert len((await begun(runs, key)).entries) == (0 if number % 3 else 7)


async def test_a_record_may_be_of_more_entries_than_a_script_hands_on_at_once(
    claims: RedisClaims, runs: RedisRuns
) -> None:
    entries = {f"m:{number}": str(number).encode() for number in range(9_001)}
    run = await admitted(claims)
    await runs.record(run, Told(entries), 0)
    await runs.record(run, Told(dict.fromkeys(list(entries)[:8500])), 0)

    assert (await begun(runs, run)).entries == dict(list(entries.items())[8_500:])


async def test_scripts_that_a_restart_forgot_are_loaded_again(
    client: "redis.Redis", claims: RedisClaims, runs: RedisRuns
) -> None:
    run = await admitted(claims)
    await begun(runs, run)
    await client.script_flush()

    await asyncio.gather(
        runs.record(run, Told({"m:1": b"one"}), 0), runs.record(run, Told({"m:2": b"two"}), 0)
    )
    await client.script_flush()
    await asyncio.gather(begun(runs, run), runs.decide(run, OUTCOME, None), claimed(claims, request_id="r-2"))

    assert await claimed(claims, "t-2") == Decided(OUTCOME)


# -- beside the version before, in one group


class Former:
    """A worker of the version before: its own scripts, as they were shipped."""

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client

    async def claim(self) -> list[int]:
        keys = (MARKER, KEYS.window("acme", Gate(Window(1))), KEYS.ledger(Shelf("responses", 0)))
        script = (FORMER / "claim.lua").read_text()
        reply: list[int] = await self._client.eval(script, 3, *keys, 7 * DAY_S * 1000, SHA[:32], -1, 1, 0, 0)
        return reply

    async def append(self, answer: str) -> None:
        turn = orjson.dumps({"request_id": "r-1", "items": said(answer)})
        await self._client.eval(
            (FORMER / "append.lua").read_text(), 1, SESSION, "r-1", turn, 30 * DAY_S * 1000
        )

    async def answer(self) -> None:
        await self._client.set(MARKER, f"D:{SHA[:32]}", px=7 * DAY_S * 1000)


@pytest.fixture
def former(client: "redis.Redis") -> Former:
    return Former(client)


async def test_the_version_before_takes_over_what_was_admitted(
    claims: RedisClaims, runs: RedisRuns, former: Former
) -> None:
    run = await admitted(claims)

    assert await former.claim() == [0, 2, 0]

    with pytest.raises(RunLost):
        await begun(runs, run)


async def test_the_version_before_is_taken_over_from(
    claims: RedisClaims, runs: RedisRuns, former: Former
) -> None:
    assert await former.claim() == [0, 1, 0]

    run = await admitted(claims)

    assert run.attempt == 2
    assert (await begun(runs, run)).crashes == 0


async def test_versions_take_over_from_each_other_time_and_again(claims: RedisClaims, former: Former) -> None:
    for number in range(1, 20, 2):
        assert await claimed(claims, f"t-{number}") == Admit(number)
        assert await former.claim() == [0, number + 1, 0]


async def test_the_version_before_runs_again_what_was_decided_and_its_turn_stands_once(
    client: "redis.Redis", claims: RedisClaims, runs: RedisRuns, former: Former
) -> None:
    run = await admitted(claims)
    await begun(runs, run, "s")
    await runs.decide(run, OUTCOME, SessionTurn("s", said("ours")))

    assert await former.claim() == [0, 2, 0]
    await former.append("theirs")

    assert [orjson.loads(turn)["items"] for turn in await client.lrange(SESSION, 0, -1)] == [said("theirs")]
    again = await admitted(claims, "t-2")
    assert again.attempt == 3
    assert (await begun(runs, again, "s")).crashes == 0  # the one that decided did not


async def test_each_version_knows_what_the_other_answered(claims: RedisClaims, former: Former) -> None:
    await claims.answer([Answered("acme", "r-1", SHA)], {})
    assert await former.claim() == [1, 1, 0]

    await former.answer()
    assert await claimed(claims) == Duplicate()


async def test_a_marker_of_the_version_before_is_nobody_s_token(
    client: "redis.Redis", claims: RedisClaims, runs: RedisRuns
) -> None:
    await client.set(MARKER, f"A3:{SHA[:32]}")

    with pytest.raises(RunLost):
        await begun(runs, RunKey("acme", "r-1", 3, "t-1"))
    assert await claimed(claims, "t-1") == Admit(4)
