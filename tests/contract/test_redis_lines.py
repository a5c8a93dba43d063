"""Lines to a real Redis: they come back after a restart, and nobody reads another's reply."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import redis.asyncio as redis
from redis.exceptions import RedisError, ResponseError

from app.adapters import redis_lines
from app.adapters.redis_client import connect_redis
from app.adapters.redis_lines import RedisLines
from tests.contract.claim_stores import NOBODY

pytestmark = pytest.mark.broker


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator["redis.Redis"]:
    connected = connect_redis(redis_url)
    yield connected
    await connected.aclose()


@pytest.fixture
def lines(client: "redis.Redis") -> RedisLines:
    return RedisLines(client)


async def connections(client: "redis.Redis") -> int:
    return len(await client.client_list())


async def test_each_command_has_its_reply_and_an_error_is_one(lines: RedisLines) -> None:
    replies = await lines.exchange([("SET", "k", "ü"), ("HGET", "k", "f"), ("GET", b"k"), ("ECHO", 7)])

    assert replies[0] in {b"OK", "OK"}
    assert isinstance(replies[1], ResponseError)
    assert replies[2:] == ["ü".encode(), b"7"]


async def test_a_line_is_used_again(client: "redis.Redis", lines: RedisLines) -> None:
    await lines.exchange([("PING",)])
    before = await connections(client)

    for _ in range(5):
        await lines.exchange([("PING",)])

    assert await connections(client) == before


async def test_a_line_that_redis_closed_is_opened_again(client: "redis.Redis", lines: RedisLines) -> None:
    await lines.exchange([("PING",)])
    await client.client_kill_filter(_type="normal", skipme=True)

    assert await lines.exchange([("ECHO", "again")]) == [b"again"]


async def test_who_waits_too_long_is_told_and_the_late_reply_is_nobody_s(
    client: "redis.Redis", lines: RedisLines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_lines, "TIMEOUT_S", 0.2)
    await lines.exchange([("PING",)])

    with pytest.raises(TimeoutError):
        await lines.exchange([("BLPOP", "empty", 1)])

    assert await lines.exchange([("ECHO", "mine")]) == [b"mine"]


async def test_who_gives_up_leaves_no_reply_to_the_next(lines: RedisLines) -> None:
    await lines.exchange([("PING",)])
    waiting = asyncio.ensure_future(lines.exchange([("BLPOP", "empty", 1)]))
    await asyncio.sleep(0.1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert await lines.exchange([("ECHO", "mine")]) == [b"mine"]


async def test_where_nobody_is_it_is_told_at_once() -> None:
    client = connect_redis(NOBODY)

    with pytest.raises((RedisError, OSError)):
        await RedisLines(client).exchange([("PING",)])

    await client.aclose()


async def test_lines_are_closed_with_their_client(redis_url: str, client: "redis.Redis") -> None:
    before = await connections(client)
    other = connect_redis(redis_url)
    await RedisLines(other).exchange([("PING",)])

    await other.aclose()

    assert await connections(client) == before
