"""Others have their turn every few records; the streams keep that pace once the driver is there."""

import asyncio
import importlib

from faust._cython import streams

from streams.stream_pace import Pace


async def test_others_have_their_turn_every_so_many_records() -> None:
    pace = Pace(4)
    turns: list[int] = []
    other: list[None] = []

    async def others() -> None:
        while True:
            other.append(None)
            await asyncio.sleep(0)

    busy = asyncio.create_task(others())
    for _ in range(12):
        await pace(0)
        turns.append(len(other))
    busy.cancel()

    assert turns == [0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3]


def test_faust_s_streams_keep_this_pace() -> None:
    importlib.import_module("streams.kafka_driver")

    assert isinstance(streams.sleep, Pace)
