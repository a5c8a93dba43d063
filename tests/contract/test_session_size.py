"""What every store does with a session that grows too large: its oldest turns leave it, whole ones."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from agents_defs.database import Database
from app.adapters.memory_seal import Seal
from app.adapters.redis_batch import RedisBatch
from app.adapters.redis_keys import RedisKeys
from app.adapters.redis_sessions import RedisSessions
from app.adapters.session_turns import resealed
from app.adapters.sql_sessions import GONE, LATE_S, SqlSessions
from app.adapters.sql_tables import TURNS
from streams.ports import ClaimStore, RunStore, SessionTurn, Shelf
from tests.contract.claim_stores import ClaimCase, RedisCase
from tests.contract.run_steps import OUTCOME, admitted, answered, begun, ended, read, said
from tests.contract.test_session_store import DAY_S, Store, Time, run, told
from tests.contract.test_session_store import read as read_beside
from tests.doubles.memory_sessions import MemorySessions

MOST = 3_500  # three turns as `long` makes them
KEY = RedisKeys("penstock").session("acme", "s")


def long(text: str, size: int = 450) -> list[dict[str, Any]]:
    return said(text + "x" * size)


def together(*turns: str) -> list[dict[str, Any]]:
    return [item for text in turns for item in long(text)]


@pytest.fixture
async def real(redis_url: str) -> AsyncIterator[RedisCase]:
    case = RedisCase(redis_url)
    yield case
    await case.close()


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    path = tmp_path / "keys"
    path.write_text("A" * 43 + "=\n")
    return path


@pytest.fixture
def runs(case: ClaimCase, claims: ClaimStore) -> RunStore:
    """Of a deployment whose sessions are small."""
    return case.runs(MOST)


# -- with the journals


async def test_the_oldest_turns_leave_and_the_others_stay_whole(claims: ClaimStore, runs: RunStore) -> None:
    for number in range(6):
        await ended(claims, runs, f"r-{number}", long(f"a{number}"))

    assert await read(claims, runs) == together("a3", "a4", "a5")


async def test_the_newest_turn_stays_however_large_it_is(claims: ClaimStore, runs: RunStore) -> None:
    for number in range(2):
        await ended(claims, runs, f"r-{number}", long(f"a{number}"))

    await ended(claims, runs, "r-2", long("large", 2 * MOST))

    assert await read(claims, runs) == long("large", 2 * MOST)
    await ended(claims, runs, "r-3", long("small"))
    assert await begun_by(claims, runs, "r-4") == long("small")


async def test_a_session_that_others_made_larger_is_brought_to_its_size_with_the_next_turn(
    claims: ClaimStore, runs: RunStore, case: ClaimCase
) -> None:
    for number in range(6):
        await ended(claims, case.runs(), f"r-{number}", long(f"a{number}"))

    await ended(claims, runs, "r-6", long("a6"))

    assert await read(claims, runs) == together("a4", "a5", "a6")


async def test_who_began_after_turns_had_left_reads_in_each_attempt_the_same(
    claims: ClaimStore, runs: RunStore
) -> None:
    for number in range(5):
        await ended(claims, runs, f"r-{number}", long(f"a{number}"))

    assert await begun_by(claims, runs, "r-9") == together("a2", "a3", "a4")
    again = await begun(runs, await admitted(claims, "t-2", request_id="r-9"), "s")

    assert (again.session_items, again.session_lost) == (together("a2", "a3", "a4"), False)


async def test_a_replay_reads_what_is_left_of_what_it_read_and_says_so(
    claims: ClaimStore, runs: RunStore
) -> None:
    await ended(claims, runs, "r-0", long("a0"))
    await ended(claims, runs, "r-1", long("a1"))
    assert await begun_by(claims, runs, "r-2") == together("a0", "a1")
    await answered(claims, "r-2", replayable=True)
    await ended(claims, runs, "r-3", long("a3"))
    await ended(claims, runs, "r-4", long("a4"))

    replay = await admitted(claims, "t-2", request_id="r-2", generation=1)
    some = await begun(runs, replay, "s")
    await ended(claims, runs, "r-5", long("a5"))
    none = await begun(runs, replay, "s")
    await runs.decide(replay, OUTCOME, SessionTurn("s", long("a2")))

    assert (some.session_items, some.session_lost) == (long("a1"), True)
    assert (list(none.session_items), none.session_lost) == ([], True)
    assert await read(claims, runs) == together("a4", "a5", "a2")


async def test_a_session_that_is_begun_anew_is_not_taken_for_what_was_read_before(
    claims: ClaimStore, runs: RunStore, case: ClaimCase
) -> None:
    for number in range(5):
        await ended(claims, runs, f"r-{number}", long(f"a{number}"))
    assert await begun_by(claims, runs, "r-9") == together("a2", "a3", "a4")
    await case.lose_session("acme", "s")

    again = await begun(runs, await admitted(claims, "t-2", request_id="r-9"), "s")

    assert (list(again.session_items), again.session_lost) == ([], True)


async def begun_by(claims: ClaimStore, runs: RunStore, request_id: str) -> Any:
    run = await admitted(claims, request_id=request_id)
    return (await begun(runs, run, "s")).session_items


# -- beside them


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    if request.param == "memory":
        yield MemorySessions(MOST)
        return
    yield sqlite(tmp_path / "s.db", Time())


def sqlite(path: Path, time: Time) -> SqlSessions:
    return SqlSessions(Database(f"sqlite:///{path}"), "penstock", DAY_S, time, Seal(), MOST)


async def grown(store: Store, number: int) -> None:
    for each in range(number):
        mark = (await store.read(run(f"r-{each}"), "s", None)).mark
        turn = SessionTurn("s", long(f"a{each}"), ttl_s=60 * DAY_S)
        await store.add(run(f"r-{each}"), turn, mark)


async def test_beside_the_journals_the_oldest_turns_leave_too(store: Store) -> None:
    await grown(store, 6)
    await told(store, run("r-0", "globex"), "theirs")

    assert await read_beside(store) == together("a3", "a4", "a5")
    assert await read_beside(store, tenant_id="globex") == said("theirs")


async def test_beside_the_journals_the_newest_turn_stays_however_large_it_is(store: Store) -> None:
    await grown(store, 2)

    await told(store, run("large"), "x" * 2 * MOST)

    assert await read_beside(store) == said("x" * 2 * MOST)


async def test_a_turn_that_has_left_is_not_added_again_by_who_wakes_up_late(store: Store) -> None:
    mark = (await store.read(run("r-0"), "s", None)).mark
    await grown(store, 6)

    await store.add(run("r-0"), SessionTurn("s", long("a0")), mark)

    assert await read_beside(store) == together("a3", "a4", "a5")


async def test_beside_the_journals_a_replay_reads_what_is_left_of_what_it_read_and_says_so(
    store: Store,
) -> None:
    await grown(store, 2)
    mark = (await store.read(run("replay"), "s", None)).mark
    await grown(store, 4)

    found = await store.read(run("replay", generation=1), "s", mark)

    assert (list(found.items), found.lost) == (long("a1"), True)


# -- of the real ones


async def test_what_has_left_a_database_is_not_counted_and_its_mark_goes_in_the_end(tmp_path: Path) -> None:
    time = Time()
    store = sqlite(tmp_path / "s.db", time)
    await grown(store, 6)

    (row,) = await store.sessions("acme")
    shown = [one.request_id for one in await store.turns("acme", "s")]
    before = marks(tmp_path)
    time.now += LATE_S + 1
    await told(store, run("large"), "x" * 2 * MOST)
    await told(store, run("more"), "y" * 2 * MOST)

    assert (row.turns, shown) == (3, ["r-3", "r-4", "r-5"])
    assert (before, marks(tmp_path)) == (3, 1)
    assert await store.delete("acme", "s") == 1
    assert marks(tmp_path) == 0


def marks(folder: Path) -> int:
    """How many turns there are of which nothing is left but who added them."""

    wanted = select(func.count()).select_from(TURNS).where(TURNS.c["items"] == GONE)
    with Database(f"sqlite:///{folder / 's.db'}").reading() as books:
        return int(books.execute(wanted).scalar_one())


@pytest.mark.broker
async def test_a_turn_that_replaces_the_first_one_says_how_many_have_left(real: RedisCase) -> None:
    claims, runs = real.worker(), real.runs(MOST)
    await claims.rebuilt(Shelf("responses", 0), 0)
    await real.client.rpush(KEY, b'{"request_id":"r-1","items":[],"gone":2}')

    await ended(claims, runs, "r-1", said("one"))

    stored: Any = await real.client.lindex(KEY, -1)
    assert stored.endswith(b',"gone":2}')


def test_a_turn_that_is_sealed_anew_still_says_how_many_have_left(keys: Path) -> None:
    stored = b'{"request_id":"r-1","items":[],"gone":2}'

    new = resealed(Seal(keys), ("acme", "s"), stored)

    assert new is not None
    assert new.endswith(b',"gone":2}')


@pytest.mark.broker
async def test_turns_that_move_up_while_they_are_sealed_anew_are_sealed_too(
    real: RedisCase, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seal, batch = Seal(keys), RedisBatch(real.client)
    await real.client.rpush(KEY, *(b'{"request_id":"r-%d","items":[]}' % number for number in range(4)))
    call = batch.call
    moved: list[Any] = []

    async def moving(*asked: Any) -> Any:
        if not moved:
            moved.append(await real.client.lpop(KEY))
        return await call(*asked)

    monkeypatch.setattr(batch, "call", moving)

    count = await RedisSessions(batch, "penstock", seal, 0.0).reseal()

    stored: list[Any] = await real.client.lrange(KEY, 0, -1)
    assert count == 3
    assert [resealed(seal, ("acme", "s"), one) for one in stored] == [None, None, None]
