"""Which partitions are ours, since when, and whether they may have been another's in between."""

import asyncio

import pytest

from streams.ownership import Membership, Ownership


def sets(*found: frozenset[int]) -> tuple[set[int], ...]:
    return tuple(map(set, found))


def member(generation: int, name: str = "m-1", instance: str | None = None) -> Membership:
    return Membership(generation, name, instance)


def test_the_first_assignment_gains_everything() -> None:
    ownership = Ownership()

    assert sets(*ownership.assigned(member(1), [0, 1])) == ({0, 1}, set())
    assert ownership.partitions == {0, 1}


def test_the_next_generation_retains_what_stays() -> None:
    ownership = Ownership()
    ownership.assigned(member(1), [0, 1])
    ownership.open(1)

    assert sets(*ownership.assigned(member(2), [1, 2])) == ({2}, {0})
    assert ownership.is_open(1)
    assert not ownership.is_open(2)


@pytest.mark.parametrize(
    "later",
    [
        member(2, "m-2"),  # taken for dead, joined as another
        member(3),  # a generation passed in which it had no part
        member(1),  # a static member that came back
        member(2, instance="i-1"),
    ],
)
def test_what_may_have_been_another_s_is_lost_and_gained_anew(later: Membership) -> None:
    ownership = Ownership()
    ownership.assigned(member(1), [0, 1])
    ownership.open(0)
    ownership.open(1)

    assert sets(*ownership.assigned(later, [1, 2])) == ({1, 2}, {0, 1})
    assert not ownership.is_open(1)


def test_nothing_is_ours_to_publish_during_a_rebalance() -> None:
    ownership = Ownership()
    ownership.assigned(member(1), [0])

    ownership.revoked()

    assert ownership.present is None
    assert ownership.partitions == {0}


async def test_an_assignment_is_waited_for() -> None:
    ownership = Ownership()
    waiting = asyncio.ensure_future(ownership.settled())
    await asyncio.sleep(0)
    assert not waiting.done()

    ownership.assigned(member(7), [3])

    assert (await waiting).membership.generation == 7


async def test_who_waits_for_a_partition_to_open_goes_on_when_it_does() -> None:
    ownership = Ownership()
    ownership.assigned(member(1), [0])
    waiting = asyncio.ensure_future(ownership.opened(0))
    await asyncio.sleep(0)
    assert not waiting.done()

    ownership.open(0)

    assert await waiting is True


async def test_who_waits_for_a_partition_that_is_lost_goes_on_without_it() -> None:
    ownership = Ownership()
    ownership.assigned(member(1), [0, 1])
    waiting = asyncio.ensure_future(ownership.opened(0))
    await asyncio.sleep(0)

    ownership.assigned(member(2), [1])

    async with asyncio.timeout(5):
        assert await waiting is False


async def test_who_waits_for_a_partition_that_leaves_and_comes_back_goes_on_without_the_old_one() -> None:
    ownership = Ownership()
    ownership.assigned(member(1), [0])
    waiting = asyncio.ensure_future(ownership.opened(0))
    await asyncio.sleep(0)
    ownership.assigned(member(2), [])
    ownership.assigned(member(3), [0])
    ownership.open(0)

    async with asyncio.timeout(5):
        assert await waiting is False
    assert await ownership.opened(0) is True


async def test_a_partition_that_is_not_ours_never_opens() -> None:
    ownership = Ownership()
    ownership.assigned(member(1), [0])
    ownership.open(5)

    assert not ownership.is_open(5)
    assert await ownership.opened(5) is False


def test_what_was_read_for_an_earlier_tenure_opens_no_later_one() -> None:
    ownership = Ownership()
    ownership.assigned(member(1), [0])
    before = ownership.tenure(0)
    assert before is not None
    ownership.assigned(member(2), [])
    ownership.assigned(member(3), [0])

    before.open()

    assert before.over
    assert not ownership.is_open(0)
