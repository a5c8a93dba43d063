"""What is said to be dealt with is dealt with, in whatever order commands end."""

import asyncio
from random import Random

import pytest

from streams.docket import MOST_AT_ONCE, Docket
from streams.flow import DealtWith


async def docket(*offsets: int) -> Docket:
    made = Docket()
    for offset in offsets:
        await made.begin(offset)
    return made


async def test_commands_that_end_in_order_leave_nothing_behind() -> None:
    made = await docket(3, 7)

    assert [made.finish(3), made.finish(7)] == [DealtWith(7), DealtWith(8)]


async def test_one_that_ends_before_an_earlier_one_is_told_by_name() -> None:
    made = await docket(3, 7, 9, 12)

    told = [made.finish(offset) for offset in (9, 7, 3, 12)]

    assert told == [DealtWith(3, (9,)), DealtWith(3, (7, 9)), DealtWith(12), DealtWith(13)]


@pytest.mark.parametrize("seed", range(50))
async def test_whatever_the_order_exactly_those_that_ended_are_covered(seed: int) -> None:
    rng, offsets, ended = Random(seed), sorted(Random(seed).sample(range(200), 40)), []
    made = await docket(*offsets)
    rng.shuffle(order := list(offsets))
    for offset in order:
        ended.append(offset)

        told = made.finish(offset)

        assert [one for one in offsets if told.covers(one)] == sorted(ended)


async def test_behind_one_that_takes_its_time_only_so_many_begin() -> None:
    made = await docket(*range(MOST_AT_ONCE))
    made.finish(5)
    waiting = asyncio.create_task(made.begin(MOST_AT_ONCE))
    await asyncio.sleep(0)
    assert not waiting.done()

    made.finish(0)

    await asyncio.wait_for(waiting, 1)
