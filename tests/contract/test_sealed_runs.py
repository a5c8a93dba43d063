"""What runs leave in Redis when there are keys: nobody reads it without them, and nothing is lost without."""

from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agents_defs.database import Database
from agents_defs.memory.facts import Fact, FactsUnavailable, Owner
from app.adapters.memory_seal import Seal
from app.adapters.redis_batch import RedisBatch
from app.adapters.redis_claims import RedisClaims
from app.adapters.redis_facts import RedisFacts
from app.adapters.redis_keys import RedisKeys
from app.adapters.redis_runs import RedisRuns
from app.adapters.redis_sessions import RedisSessions
from app.adapters.sql_sessions import SqlSessions
from app.operators.session_desk import SessionDesk
from streams.flow import Admit, Decided, Sealed
from streams.ports import Claim, RunKey, SessionTurn, Shelf, StoreUnavailable, Told
from tests.contract.claim_stores import RedisCase
from tests.contract.run_steps import SHA, admitted, answered, begun, claimed, read, said

pytestmark = pytest.mark.broker
KEYS = [bytes([number]) * 32 for number in range(2)]
SECRET = "a very secret thing"
OUTCOME = SECRET.encode()


class Sealing:
    """A worker's stores, with the keys of a file."""

    def __init__(self, case: RedisCase, path: Path | None) -> None:
        self.seal = Seal(path)
        batch = RedisBatch(case.client)
        self.claims = RedisClaims(batch, "penstock", 7, self.seal)
        self.runs = RedisRuns(batch, "penstock", 7, 30, self.seal)
        self.facts = RedisFacts(batch, "penstock", self.seal)


def written(path: Path, *keys: bytes) -> Path:
    path.write_text("".join(f"{b64encode(key).decode()}\n" for key in keys))
    return path


@pytest.fixture
async def case(redis_url: str) -> AsyncIterator[RedisCase]:
    case = RedisCase(redis_url)
    await case.worker().rebuilt(Shelf("responses", 0), 0)
    yield case
    await case.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return written(tmp_path / "keys", KEYS[0])


async def all_that_is_stored(case: RedisCase) -> bytes:
    keys = sorted([key async for key in case.client.scan_iter()])
    return b"".join([await case.client.dump(key) or b"" for key in keys])


async def test_all_that_was_said_is_sealed_and_read_again(case: RedisCase, path: Path) -> None:
    worker = Sealing(case, path)
    run = await admitted(worker.claims)
    await begun(worker.runs, run, "s")
    await worker.runs.record(run, Told({"m:m0": OUTCOME}), 0)
    await worker.facts.keep(Owner("acme", "anne"), fact(), 9)
    again = await admitted(worker.claims, "t-2")
    assert (await begun(worker.runs, again, "s")).entries == {"m:m0": OUTCOME}
    await worker.runs.decide(again, OUTCOME, SessionTurn("s", said(SECRET)))

    assert await claimed(worker.claims, "t-3") == Decided(OUTCOME)
    assert await read(worker.claims, worker.runs) == said(SECRET)
    assert await worker.facts.facts(Owner("acme", "anne")) == [fact()]
    assert b"very secret" not in await all_that_is_stored(case)


async def test_without_the_key_it_waits_and_with_it_goes_on_where_it_was(case: RedisCase, path: Path) -> None:
    worker = Sealing(case, path)
    run = await admitted(worker.claims)
    await begun(worker.runs, run, "s")
    await worker.runs.decide(run, OUTCOME, SessionTurn("s", said(SECRET)))
    await worker.facts.keep(Owner("acme", "anne"), fact(), 9)
    before = await all_that_is_stored(case)
    blind = Sealing(case, None)

    verdict = await claimed(blind.claims, "t-2")
    assert isinstance(verdict, Sealed)
    assert "PENSTOCK_MEMORY_KEYS_FILE" in verdict.reason
    with pytest.raises(FactsUnavailable):
        await blind.facts.facts(Owner("acme", "anne"))
    assert blind.seal.trouble() is not None
    assert await all_that_is_stored(case) == before
    with pytest.raises(StoreUnavailable, match="PENSTOCK_MEMORY_KEYS_FILE"):
        await read(blind.claims, blind.runs)

    assert await read(worker.claims, worker.runs) == said(SECRET)


async def test_an_outcome_that_waits_for_its_key_does_not_expire(case: RedisCase, path: Path) -> None:
    worker, keys = Sealing(case, path), RedisKeys("penstock")
    run = await admitted(worker.claims)
    await begun(worker.runs, run)
    await worker.runs.decide(run, OUTCOME, None)
    kept = [keys.marker("acme", "r-1", 0), keys.journal("acme", "r-1")]
    for key in kept:
        assert await case.client.pexpire(key, 10_000)

    await claimed(Sealing(case, None).claims, "t-2")

    assert min([await case.client.pttl(key) for key in kept]) > 86_400_000


async def test_of_a_batch_only_the_one_waits_whose_outcome_cannot_be_opened(
    case: RedisCase, path: Path
) -> None:
    worker, blind = Sealing(case, path), Sealing(case, None)
    for request_id, stores in (("r-1", blind), ("r-2", worker)):
        run = await admitted(stores.claims, request_id=request_id)
        await begun(stores.runs, run)
        await stores.runs.decide(run, OUTCOME, None)
    claims = [Claim("acme", f"r-{number}", SHA, 0, (), "t-2") for number in (1, 2, 3)]

    opened, sealed, fresh = await blind.claims.claim(claims)

    assert (opened, fresh) == (Decided(OUTCOME), Admit(1))
    assert isinstance(sealed, Sealed)


async def test_a_session_goes_on_over_a_rotation_and_from_before_there_were_keys(
    case: RedisCase, path: Path
) -> None:
    await turn(Sealing(case, None), "r-0", "plain")
    await turn(Sealing(case, path), "r-1", "old key")
    written(path, KEYS[1], KEYS[0])

    worker = Sealing(case, path)
    await turn(worker, "r-2", "new key")

    assert await read(worker.claims, worker.runs) == [*said("plain"), *said("old key"), *said("new key")]


async def test_a_turn_that_is_moved_to_another_session_is_not_read_there(case: RedisCase, path: Path) -> None:
    worker, keys = Sealing(case, path), RedisKeys("penstock")
    await turn(worker, "r-1", SECRET)
    await case.client.copy(keys.session("acme", "s"), keys.session("globex", "s"))

    with pytest.raises(StoreUnavailable, match="another place"):
        await read(worker.claims, worker.runs, tenant_id="globex")


async def test_a_turn_that_an_attempt_left_behind_is_replaced_also_when_it_is_sealed(
    case: RedisCase, path: Path
) -> None:
    worker = Sealing(case, path)
    await case.add_turn("acme", "s", "r-1", said("before the crash"))

    await turn(worker, "r-1", "after the crash")

    assert await read(worker.claims, worker.runs) == said("after the crash")


async def test_a_session_lives_as_long_as_its_agent_says(case: RedisCase) -> None:
    worker, key = Sealing(case, None), RedisKeys("penstock").session("acme", "s")
    await turn(worker, "r-1", "short", ttl_s=600.0)
    short = await case.client.pttl(key)

    await turn(worker, "r-2", "long")

    assert 590_000 < short <= 600_000
    assert await case.client.pttl(key) > 29 * 86_400_000


async def turn(worker: Sealing, request_id: str, text: str, ttl_s: float | None = None) -> None:
    run = await admitted(worker.claims, request_id=request_id)
    await begun(worker.runs, run, "s")
    await worker.runs.decide(run, OUTCOME, SessionTurn("s", said(text), ttl_s=ttl_s))
    await answered(worker.claims, request_id)


def fact() -> Fact:
    return Fact("f1", SECRET, "general", (), datetime(2026, 11, 21, tzinfo=UTC))


async def test_an_old_key_can_be_retired_when_all_is_sealed_anew(
    case: RedisCase, path: Path, tmp_path: Path
) -> None:
    await turn(Sealing(case, None), "r-0", "plain")
    old = Sealing(case, path)
    await turn(old, "r-1", SECRET)
    await old.facts.keep(Owner("acme", "anne"), fact(), 9)
    database = Database(f"sqlite:///{tmp_path / 's.db'}")
    run = RunKey("acme", "r-9", 1, "t")
    sql = SqlSessions(database, "penstock", 600.0, lambda: 0.0, old.seal)
    await sql.add(run, SessionTurn("s", said(SECRET)), (await sql.read(run, "s", None)).mark)
    written(path, KEYS[1], KEYS[0])
    both = Sealing(case, path)

    desk = SessionDesk(
        RedisSessions(RedisBatch(case.client), "penstock", both.seal, 0.0),
        both.facts,
        SqlSessions(database, "penstock", 600.0, lambda: 0.0, both.seal),
    )
    assert await desk.reseal() == (3, 1)
    assert await desk.reseal() == (0, 0)

    new = Sealing(case, written(path, KEYS[1]))
    assert await read(new.claims, new.runs) == [*said("plain"), *said(SECRET)]
    assert await new.facts.facts(Owner("acme", "anne")) == [fact()]
    later = SqlSessions(database, "penstock", 600.0, lambda: 0.0, new.seal)
    assert [list(one.items) for one in await later.turns("acme", "s")] == [said(SECRET)]
    later.close()
    assert b"plain" not in await all_that_is_stored(case)
