"""Calls of scripts: one pipeline a tick, each caller its own reply, nobody left waiting."""

import asyncio
import gc
from collections.abc import Awaitable
from typing import Any, cast

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from app.adapters.redis_batch import MOST_IN_FLIGHT, MOST_TOGETHER, RedisBatch, Script
from streams.ports import StoreUnavailable
from tests.doubles.pipelined import Pipelined

ALONE = Script("return 1")
JOINED = Script("return 2", joined=True)
OTHER = Script("return 3", joined=True)


@pytest.fixture
def client() -> Pipelined:
    return Pipelined()


@pytest.fixture
def batch(client: Pipelined) -> RedisBatch:
    return RedisBatch(cast(Any, None), cast(Any, client))


def call(batch: RedisBatch, script: Script, argument: Any) -> Awaitable[Any]:
    return batch.call(script, ["k"], [argument])


async def a_few_steps() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def shas(pipeline: list[tuple[Any, ...]]) -> list[str]:
    return [command[1] for command in pipeline]


async def test_calls_of_one_tick_go_in_one_pipeline_and_each_has_its_reply(
    client: Pipelined, batch: RedisBatch
) -> None:
    calls = [(ALONE, 1), (JOINED, 2), (OTHER, 3), (JOINED, 4), (ALONE, 5)]

    replies = await asyncio.gather(*(call(batch, *one) for one in calls))

    assert replies == [[1], 2, 3, 4, [5]]
    assert [sorted(shas(one)) for one in client.pipelines] == [
        sorted([ALONE.sha, ALONE.sha, JOINED.sha, OTHER.sha])
    ]


async def test_a_command_is_of_a_bounded_number_of_calls(client: Pipelined, batch: RedisBatch) -> None:
    number = 2 * MOST_TOGETHER + 1

    replies = await asyncio.gather(*(call(batch, JOINED, argument) for argument in range(number)))

    assert replies == list(range(number))
    assert [[command[2] for command in pipeline] for pipeline in client.pipelines] == [
        [MOST_TOGETHER, MOST_TOGETHER, 1]
    ]


async def test_later_calls_do_not_wait_for_earlier_ones(client: Pipelined, batch: RedisBatch) -> None:
    client.hold()

    pending = []
    for argument in range(2):
        pending.append(asyncio.ensure_future(call(batch, JOINED, argument)))
        await a_few_steps()

    assert len(client.pipelines) == 2
    client.let_go()
    assert await asyncio.gather(*pending) == [0, 1]


async def test_when_many_pipelines_are_on_their_way_further_calls_go_together(
    client: Pipelined, batch: RedisBatch
) -> None:
    client.hold()

    pending = []
    for argument in range(MOST_IN_FLIGHT + 9):
        pending.append(asyncio.ensure_future(call(batch, JOINED, argument)))
        await a_few_steps()
    assert len(client.pipelines) == MOST_IN_FLIGHT
    client.let_go()

    assert await asyncio.gather(*pending) == list(range(MOST_IN_FLIGHT + 9))
    assert len(client.pipelines) == MOST_IN_FLIGHT + 1


async def test_a_script_that_is_not_known_is_sent_whole_and_the_others_are_not_repeated(
    client: Pipelined, batch: RedisBatch
) -> None:
    client.loaded = {ALONE.sha}

    replies = await asyncio.gather(*(call(batch, *one) for one in [(ALONE, 1), (JOINED, 2), (JOINED, 3)]))

    assert replies == [[1], 2, 3]
    assert client.pipelines[1:] == [[("EVAL", JOINED.source, 2, "k", "k", 2, 3)]]


async def test_a_store_that_is_away_is_told_to_each_caller(client: Pipelined, batch: RedisBatch) -> None:
    client.failing = RedisConnectionError("nobody there")

    ends = await asyncio.gather(
        call(batch, ALONE, 1), call(batch, JOINED, 2), call(batch, JOINED, 3), return_exceptions=True
    )

    assert [type(end) for end in ends] == [StoreUnavailable] * 3
    assert len({id(end) for end in ends}) == 3
    client.failing = None
    assert await call(batch, JOINED, 4) == 4


async def test_a_command_that_fails_is_told_to_its_own_callers(client: Pipelined, batch: RedisBatch) -> None:
    client.reply = lambda args: ResponseError("out of memory") if 2 in args else args

    ends = await asyncio.gather(
        call(batch, ALONE, 1), call(batch, JOINED, 2), call(batch, JOINED, 3), return_exceptions=True
    )

    assert ends[0] == [1]
    assert [type(end) for end in ends[1:]] == [StoreUnavailable] * 2


async def test_who_gives_up_early_is_not_sent_and_keeps_nobody_waiting(
    client: Pipelined, batch: RedisBatch
) -> None:
    gone = asyncio.ensure_future(call(batch, JOINED, 1))
    stays = asyncio.ensure_future(call(batch, JOINED, 2))
    await asyncio.sleep(0)
    gone.cancel()

    assert await stays == 2
    assert client.pipelines == [[("EVALSHA", JOINED.sha, 1, "k", 2)]]


async def test_who_gives_up_on_the_way_keeps_nobody_waiting(client: Pipelined, batch: RedisBatch) -> None:
    client.hold()
    gone = asyncio.ensure_future(call(batch, JOINED, 1))
    stays = asyncio.ensure_future(call(batch, JOINED, 2))
    await a_few_steps()
    gone.cancel()
    client.let_go()

    assert await stays == 2
    assert gone.cancelled()


async def test_a_mistake_of_ours_leaves_nobody_waiting_and_is_heard_of(
    client: Pipelined, batch: RedisBatch
) -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    client.failing = TypeError("no such argument")

    with pytest.raises(StoreUnavailable, match="TypeError"):
        await call(batch, JOINED, 1)

    client.failing = None
    assert await call(batch, JOINED, 2) == 2
    gc.collect()
    assert [type(one["exception"]) for one in complaints] == [TypeError]
