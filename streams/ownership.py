"""Which partitions this worker owns, and as which member of the consumer group."""

import asyncio
import uuid
from collections.abc import Collection
from dataclasses import dataclass

NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Membership:
    """The member that the group's coordinator knows; a zombie's is refused."""

    generation: int
    member_id: str
    instance_id: str | None

    def follows(self, earlier: "Membership") -> bool:
        """Whether nobody else can have owned anything of ours in between.

        A worker that was frozen, or that a join phase went past, comes back with another member id or
        leaves out a generation, in which its partitions may have been another's.
        """
        same = (self.member_id, self.instance_id) == (earlier.member_id, earlier.instance_id)
        return same and self.generation == earlier.generation + 1


@dataclass(frozen=True, slots=True)
class Assignment:
    """What one generation of the group gave to this worker."""

    membership: Membership
    partitions: frozenset[int]


class Tenure:
    """One stretch of time for which a partition is ours; it opens when its answered ids are known."""

    __slots__ = ("_decided", "generation", "known", "name", "over")

    def __init__(self, generation: int) -> None:
        self.generation = generation  # of the group, when it began
        self.name = uuid.uuid4().hex[:16]  # no other tenure of any partition has it
        self.known = False
        self.over = False
        self._decided = asyncio.Event()

    def open(self) -> None:
        """The partition's requests may be admitted."""
        self.known = True
        self._decided.set()

    def end(self) -> None:
        """The partition is another worker's, or was in between."""
        self.over = True
        self._decided.set()

    async def opened(self) -> bool:
        """Wait until it is open; False when it ended."""
        await self._decided.wait()
        return not self.over


class Ownership:
    """The present assignment; none while the group rebalances. Partitions open when their ledger is read."""

    def __init__(self) -> None:
        self._present: Assignment | None = None
        self.latest: Assignment | None = None  # also while the next one is on its way
        self._settled = asyncio.Event()
        self._last: Membership | None = None
        self._tenures: dict[int, Tenure] = {}

    @property
    def present(self) -> Assignment | None:
        """The assignment in force."""
        return self._present

    @property
    def partitions(self) -> frozenset[int]:
        """What is ours; during a rebalance, what was."""
        return frozenset(self._tenures)

    def revoked(self) -> None:
        """A rebalance began: nothing may be published until it is over."""
        self._present = None
        self._settled.clear()

    def assigned(
        self, membership: Membership, partitions: Collection[int]
    ) -> tuple[frozenset[int], frozenset[int]]:
        """The rebalance is over. Returns what was gained and what was lost.

        A partition is in both when another worker may have owned it in between.
        """
        before, now = self.partitions, frozenset(partitions)
        continued = self._last is not None and membership.follows(self._last)
        retained = before & now if continued else frozenset()
        for partition in before - retained:
            self._tenures.pop(partition).end()
        for partition in now - retained:
            self._tenures[partition] = Tenure(membership.generation)
        self._last = membership
        self._present = self.latest = Assignment(membership, now)
        self._settled.set()
        return now - retained, before - retained

    async def settled(self) -> Assignment:
        """Wait for an assignment."""
        while self._present is None:
            await self._settled.wait()
        return self._present

    def tenure(self, partition: int) -> Tenure | None:
        """The present tenure; None when the partition is not ours."""
        return self._tenures.get(partition)

    def owner(self, partition: int) -> str:
        """What this worker is called as the partition's owner; a name of nobody's where it is not ours."""
        tenure = self._tenures.get(partition)
        return tenure.name if tenure is not None else NOBODY

    def open(self, partition: int) -> None:
        """The partition's answered ids are known: its requests may be admitted."""
        tenure = self._tenures.get(partition)
        if tenure is not None:
            tenure.open()

    def is_open(self, partition: int) -> bool:
        """Whether the partition's requests may be admitted."""
        tenure = self._tenures.get(partition)
        return tenure is not None and tenure.known

    async def opened(self, partition: int) -> bool:
        """Wait until the partition is open; False when it is not ours (any more)."""
        tenure = self._tenures.get(partition)
        return tenure is not None and await tenure.opened()
