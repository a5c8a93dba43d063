"""Consumer groups: joining, leading, sharing out, and committed offsets (the classic protocol)."""

import asyncio
from collections.abc import Iterable
from enum import Enum
from typing import Any, NamedTuple, TypeVar
from uuid import uuid4

from app.brokers.node.members import Joined, Joining, Member, Roster
from app.brokers.node.refusals import Code, Refused

NO_GENERATION = -1
Answer = TypeVar("Answer")


class Place(NamedTuple):
    """A topic's partition."""

    topic: str
    partition: int


class Committed(NamedTuple):
    """An offset that a group has reached."""

    offset: int
    metadata: str | None


class State(Enum):
    """Where a group stands; the values are what Kafka's tools print."""

    EMPTY = "Empty"
    JOINING = "PreparingRebalance"
    SYNCING = "CompletingRebalance"
    STABLE = "Stable"


class Group:
    """One consumer group. A join completes at once when all known members have come."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.state = State.EMPTY
        self.generation = 0
        self.protocol_type = ""
        self.protocol = ""
        self.leader_id = ""
        self.roster = Roster()
        self.offsets: dict[Place, Committed] = {}
        self._join_until = 0.0

    def join(self, said: Joining, now: float) -> "asyncio.Future[Joined]":
        """Take in a member; the answer comes when everybody is there."""
        member, returns_as_static = self._member_for(said, now)
        if (
            returns_as_static
            and self.state is State.STABLE
            and self.protocol in self.roster.common_protocols()
        ):
            return _resolved(self._told(member, leads=False))
        if not self._can_join(member):
            self.roster.remove(member)
            raise Refused(Code.INCONSISTENT_GROUP_PROTOCOL)
        self.protocol_type = said.protocol_type
        answer = member.joined = asyncio.get_running_loop().create_future()
        if self.state is not State.JOINING:
            self._start_joining(now)
        self._complete_if_all_came(now)
        return answer

    def sync(self, member_id: str, generation: int, shares: dict[str, bytes]) -> "asyncio.Future[bytes]":
        """The leader brings everybody's share, the others wait for theirs."""
        member = self.check(member_id, generation)
        if self.state is State.JOINING:
            raise Refused(Code.REBALANCE_IN_PROGRESS)
        if self.state is State.STABLE:
            return _resolved(member.assignment)
        member.synced = asyncio.get_running_loop().create_future()
        if member_id == self.leader_id:
            for other in self.roster.by_id.values():
                other.assignment = shares.get(other.member_id, b"")
                if other.synced and not other.synced.done():
                    other.synced.set_result(other.assignment)
            self.state = State.STABLE
        return member.synced

    def beat(self, member_id: str, generation: int, now: float) -> None:
        """A sign of life; refused when the member has to join again."""
        self.check(member_id, generation).touch(now)
        if self.state is State.JOINING:
            raise Refused(Code.REBALANCE_IN_PROGRESS)

    def leave(self, member_id: str, now: float) -> None:
        """A member goes, and the others share anew."""
        member = self.roster.by_id.get(member_id)
        if member is None:
            raise Refused(Code.UNKNOWN_MEMBER_ID)
        self._remove(member, now)

    def check(self, member_id: str, generation: int, instance_id: str | None = None) -> Member:
        """The member, if it is one and of this generation."""
        if instance_id and self.roster.by_instance.get(instance_id, member_id) != member_id:
            raise Refused(Code.FENCED_INSTANCE_ID)
        member = self.roster.by_id.get(member_id)
        if member is None:
            raise Refused(Code.UNKNOWN_MEMBER_ID)
        if generation != self.generation:
            raise Refused(Code.ILLEGAL_GENERATION)
        return member

    def check_commit(self, member_id: str, generation: int, instance_id: str | None = None) -> None:
        """Whether this committer may move the offsets: a member, or anybody while the group is empty."""
        if generation == NO_GENERATION and not member_id:
            if self.roster.by_id:
                raise Refused(Code.UNKNOWN_MEMBER_ID)
            return
        self.check(member_id, generation, instance_id)
        if self.state is State.SYNCING:
            raise Refused(Code.REBALANCE_IN_PROGRESS)

    def expire(self, now: float) -> None:
        """Drop who gave no sign of life, and go on without who did not come in time."""
        for member in list(self.roster.by_id.values()):
            if now > member.expires and not member.waits():
                self._remove(member, now)
        if self.state is State.JOINING and now >= self._join_until:
            for member in list(self.roster.by_id.values()):
                if member.joined is None and not member.said.instance_id:
                    self.roster.remove(member)
            self._complete(now)

    def _member_for(self, said: Joining, now: float) -> tuple[Member, bool]:
        """The member that speaks, and whether it is a static one that came back under a new member id."""
        holder = self.roster.by_instance.get(said.instance_id or "")
        if said.member_id:
            if holder and holder != said.member_id:
                raise Refused(Code.FENCED_INSTANCE_ID)
            member = self.roster.by_id.get(said.member_id)
            if member is None:
                raise Refused(Code.UNKNOWN_MEMBER_ID)
            member.said = said
            member.touch(now)
            return member, False
        former = self.roster.by_id.get(holder) if holder else None
        member = Member(f"{said.instance_id or said.client_id}-{uuid4()}", said, now + said.session_s)
        if former:
            self._replace(former, member)
        self.roster.add(member)
        return member, former is not None

    def _replace(self, former: Member, member: Member) -> None:
        member.assignment = former.assignment
        self.roster.remove(former)
        _refuse((former.joined, former.synced), Code.FENCED_INSTANCE_ID)
        if self.leader_id == former.member_id:
            self.leader_id = member.member_id

    def _can_join(self, member: Member) -> bool:
        alone = len(self.roster.by_id) == 1
        same_type = alone or member.said.protocol_type == self.protocol_type
        return same_type and bool(self.roster.common_protocols())

    def _start_joining(self, now: float) -> None:
        members = self.roster.by_id.values()
        _refuse([member.synced for member in members], Code.REBALANCE_IN_PROGRESS)
        self.state = State.JOINING
        self._join_until = now + max((member.said.rebalance_s for member in members), default=0.0)

    def _complete_if_all_came(self, now: float) -> None:
        if all(member.joined is not None for member in self.roster.by_id.values()):
            self._complete(now)

    def _complete(self, now: float) -> None:
        self.generation += 1
        members = self.roster.by_id
        if not members:
            self.state, self.leader_id, self.protocol = State.EMPTY, "", ""
            return
        self.state = State.SYNCING
        self.protocol = self.roster.common_protocols()[0]
        if self.leader_id not in members:
            self.leader_id = next(iter(members))
        for member in members.values():
            member.touch(now)
            if member.joined and not member.joined.done():
                member.joined.set_result(self._told(member, leads=member.member_id == self.leader_id))
            member.joined = member.synced = None

    def _told(self, member: Member, *, leads: bool) -> Joined:
        everybody = tuple(
            (other.member_id, other.said.instance_id, other.subscription(self.protocol))
            for other in self.roster.by_id.values()
        )
        # A static leader that came back must not share out anew: it is told of a leader that it is not.
        leader = self.leader_id if leads or member.member_id != self.leader_id else ""
        return Joined(self.generation, self.protocol, leader, member.member_id, everybody if leads else ())

    def _remove(self, member: Member, now: float) -> None:
        self.roster.remove(member)
        _refuse((member.joined, member.synced), Code.UNKNOWN_MEMBER_ID)
        if self.state is not State.JOINING:
            self._start_joining(now)
        self._complete_if_all_came(now)


class Groups:
    """All groups by name; one comes into being when it is named."""

    def __init__(self) -> None:
        self.by_name: dict[str, Group] = {}

    def group(self, name: str) -> Group:
        """The group of that name."""
        return self.by_name.setdefault(name, Group(name))

    def delete(self, name: str) -> None:
        """Forget a group without members, and its offsets."""
        group = self.by_name.get(name)
        if group is None:
            raise Refused(Code.GROUP_ID_NOT_FOUND)
        if group.roster.by_id:
            raise Refused(Code.NON_EMPTY_GROUP)
        del self.by_name[name]

    def expire(self, now: float) -> None:
        """Let time pass for every group."""
        for group in self.by_name.values():
            group.expire(now)


def _resolved(value: Answer) -> "asyncio.Future[Answer]":
    future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    future.set_result(value)
    return future


def _refuse(asked: "Iterable[asyncio.Future[Any] | None]", code: Code) -> None:
    for future in asked:
        if future is not None and not future.done():
            future.set_exception(Refused(code))
