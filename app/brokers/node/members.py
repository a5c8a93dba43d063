"""The members of a consumer group: what each brought, and what it waits for."""

import asyncio
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Joining:
    """What a consumer says when it joins."""

    member_id: str
    instance_id: str | None
    client_id: str
    session_s: float
    rebalance_s: float
    protocol_type: str
    protocols: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Joined:
    """What a consumer is told once the group is complete; only the leader gets the members."""

    generation: int
    protocol: str
    leader_id: str
    member_id: str
    members: tuple[tuple[str, str | None, bytes], ...] = ()


@dataclass(slots=True)
class Member:
    """One consumer, alive until its session times out."""

    member_id: str
    said: Joining
    expires: float
    assignment: bytes = b""
    joined: "asyncio.Future[Joined] | None" = None
    synced: "asyncio.Future[bytes] | None" = None

    def subscription(self, protocol: str) -> bytes:
        """What it said about itself under that protocol."""
        return dict(self.said.protocols).get(protocol, b"")

    def waits(self) -> bool:
        """Whether it has asked and awaits our answer, which keeps it alive."""
        return any(asked is not None and not asked.done() for asked in (self.joined, self.synced))

    def touch(self, now: float) -> None:
        """It showed that it lives."""
        self.expires = now + self.said.session_s


@dataclass(slots=True)
class Roster:
    """The members in the order in which they came, and the static ones by their instance id."""

    by_id: dict[str, Member] = field(default_factory=dict)
    by_instance: dict[str, str] = field(default_factory=dict)

    def add(self, member: Member) -> None:
        """Take in a member, or one that said something new."""
        self.by_id[member.member_id] = member
        if member.said.instance_id:
            self.by_instance[member.said.instance_id] = member.member_id

    def remove(self, member: Member) -> None:
        """Forget a member."""
        self.by_id.pop(member.member_id, None)
        instance = member.said.instance_id
        if instance and self.by_instance.get(instance) == member.member_id:
            del self.by_instance[instance]

    def common_protocols(self) -> list[str]:
        """The protocols that all members speak, the first member's favourite first."""
        spoken = [[name for name, _ in member.said.protocols] for member in self.by_id.values()]
        return [name for name in spoken[0] if all(name in others for others in spoken)] if spoken else []
