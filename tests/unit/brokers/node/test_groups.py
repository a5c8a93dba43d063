"""A group forms, shares out, and goes on without whom it lost."""

import asyncio

import pytest

from app.brokers.node.groups import NO_GENERATION, Group, State
from app.brokers.node.members import Joined, Joining
from app.brokers.node.refusals import Code, Refused

SESSION_S = 10.0
REBALANCE_S = 60.0


def joining(member_id: str = "", *, instance_id: str | None = None, protocol: str = "range") -> Joining:
    return Joining(
        member_id, instance_id, "client", SESSION_S, REBALANCE_S, "consumer", ((protocol, b"topics"),)
    )


async def formed(group: Group, now: float = 0.0) -> Joined:
    """The only member of a group, with everything shared out to it."""
    joined = await group.join(joining(), now)
    await group.sync(joined.member_id, joined.generation, {joined.member_id: b"all"})
    return joined


def refused_with(code: Code) -> "pytest.RaisesExc[Refused]":
    return pytest.RaisesExc(Refused, check=lambda refused: refused.code is code)


async def test_a_lone_member_leads_at_once() -> None:
    group = Group("g")

    joined = await formed(group)

    assert joined.leader_id == joined.member_id
    assert [member for member, _, _ in joined.members] == [joined.member_id]
    assert (group.state, group.generation) == (State.STABLE, 1)


async def test_a_second_member_waits_until_the_first_has_come_again() -> None:
    group = Group("g")
    first = await formed(group)
    second = group.join(joining(), 1.0)
    await asyncio.sleep(0)
    assert not second.done()
    with refused_with(Code.REBALANCE_IN_PROGRESS):
        group.beat(first.member_id, first.generation, 1.0)

    again = await group.join(joining(first.member_id), 2.0)

    assert ((await second).generation, again.generation) == (2, 2)
    assert again.leader_id == again.member_id
    assert len(again.members) == 2
    assert (await second).members == ()


async def test_followers_get_their_share_from_the_leader() -> None:
    group = Group("g")
    first = await formed(group)
    waiting = group.join(joining(), 1.0)
    leader = await group.join(joining(first.member_id), 1.0)
    follower = await waiting
    share = group.sync(follower.member_id, 2, {})
    assert not share.done()

    await group.sync(leader.member_id, 2, {leader.member_id: b"left", follower.member_id: b"right"})

    assert await share == b"right"


async def test_a_member_without_a_sign_of_life_is_dropped() -> None:
    group = Group("g")
    joined = await formed(group)

    group.expire(SESSION_S + 0.1)

    assert (group.state, group.roster.by_id) == (State.EMPTY, {})
    with refused_with(Code.UNKNOWN_MEMBER_ID):
        group.beat(joined.member_id, joined.generation, SESSION_S + 0.1)


async def test_a_heartbeat_keeps_a_member() -> None:
    group = Group("g")
    joined = await formed(group)

    group.beat(joined.member_id, joined.generation, 9.0)
    group.expire(SESSION_S + 0.1)

    assert group.state is State.STABLE


async def test_who_does_not_come_again_in_time_is_left_behind() -> None:
    group = Group("g")
    first = await formed(group)
    second = group.join(joining(), 1.0)
    group.roster.by_id[first.member_id].expires = 1_000.0

    group.expire(1.0 + REBALANCE_S)

    joined = await second
    assert (joined.leader_id, len(joined.members)) == (joined.member_id, 1)


async def test_a_member_that_leaves_makes_the_others_share_anew() -> None:
    group = Group("g")
    first = await formed(group)
    waiting = group.join(joining(), 1.0)
    await group.join(joining(first.member_id), 1.0)
    second = await waiting
    await group.sync(first.member_id, 2, {first.member_id: b"", second.member_id: b""})

    group.leave(first.member_id, 2.0)

    with refused_with(Code.REBALANCE_IN_PROGRESS):
        group.beat(second.member_id, 2, 2.0)


async def test_a_static_member_comes_back_into_the_same_generation() -> None:
    group = Group("g")
    first = await group.join(joining(instance_id="w1"), 0.0)
    await group.sync(first.member_id, 1, {first.member_id: b"all"})

    back = await group.join(joining(instance_id="w1"), 3.0)

    assert (back.generation, group.state) == (1, State.STABLE)
    assert back.member_id != first.member_id
    assert back.leader_id != back.member_id
    assert await group.sync(back.member_id, 1, {}) == b"all"
    with refused_with(Code.UNKNOWN_MEMBER_ID):
        group.beat(first.member_id, 1, 3.0)


async def test_the_former_holder_of_a_static_name_is_fenced() -> None:
    group = Group("g")
    first = await group.join(joining(instance_id="w1"), 0.0)
    await group.sync(first.member_id, 1, {first.member_id: b"all"})
    await group.join(joining(instance_id="w1"), 3.0)

    with refused_with(Code.FENCED_INSTANCE_ID):
        await group.join(joining(first.member_id, instance_id="w1"), 4.0)
    with refused_with(Code.FENCED_INSTANCE_ID):
        group.check_commit(first.member_id, 1, "w1")


async def test_who_speaks_another_protocol_is_refused() -> None:
    group = Group("g")
    await formed(group)

    with refused_with(Code.INCONSISTENT_GROUP_PROTOCOL):
        await group.join(joining(protocol="sticky"), 1.0)

    assert group.state is State.STABLE


async def test_only_members_of_this_generation_commit() -> None:
    group = Group("g")
    group.check_commit("", NO_GENERATION)
    joined = await formed(group)

    group.check_commit(joined.member_id, 1)

    with refused_with(Code.ILLEGAL_GENERATION):
        group.check_commit(joined.member_id, 0)
    with refused_with(Code.UNKNOWN_MEMBER_ID):
        group.check_commit("somebody", 1)
    with refused_with(Code.UNKNOWN_MEMBER_ID):
        group.check_commit("", NO_GENERATION)


async def test_a_waiting_member_is_refused_when_the_group_forms_anew() -> None:
    group = Group("g")
    first = await formed(group)
    waiting = group.join(joining(), 1.0)
    await group.join(joining(first.member_id), 1.0)
    follower = await waiting
    share = group.sync(follower.member_id, 2, {})

    third = group.join(joining(), 2.0)

    with refused_with(Code.REBALANCE_IN_PROGRESS):
        await share
    third.cancel()
