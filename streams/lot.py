"""The parked requests of all owned partitions: where each stands, when it is due, who waits behind whom."""

from bisect import insort
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from streams.inquiries import Inquiries
from streams.overflow import Overflow
from streams.parked import Parked, ParkedPlace, ParkReason, decode_parked, identity_of
from streams.timetable import Timetable
from streams.waiting import Identity, Lane, Waiting

DUE_AT_ONCE = frozenset({ParkReason.RUNNING, ParkReason.DECIDED, ParkReason.REPLAY})


class Lot:
    """Kept in step with the parked topic: read at a takeover, changed with each record from then on."""

    def __init__(self) -> None:
        self._waiting: dict[Identity, Waiting] = {}
        self._by_partition: dict[int, set[Identity]] = {}
        self._queues: dict[Lane, list[Waiting]] = {}
        self._approvals: set[Identity] = set()
        self._paused: dict[str, set[Identity]] = {}  # by tenant
        self._unreadable: dict[int, dict[bytes, int]] = {}  # offsets by key, as the partition was read
        self.inquiries: Final = Inquiries()
        self.overflow: Final = Overflow()
        self.timetable: Final = Timetable[Identity]()

    def __len__(self) -> int:
        return len(self._waiting)

    def find(self, identity: Identity) -> Waiting | None:
        """The parked request of this id."""
        return self._waiting.get(identity)

    def pause(self, waiting: Waiting) -> None:
        """It waits until its tenant is resumed, whatever else it waited for."""
        self._paused.setdefault(waiting.identity[0], set()).add(waiting.identity)

    def paused_tenants(self) -> list[str]:
        """Those for whom anything waits."""
        return list(self._paused)

    def resumed(self, tenant_id: str) -> list[Waiting]:
        """Those that only waited for their tenant, in the order of their records."""
        identities = self._paused.pop(tenant_id, set())
        return sorted((self._waiting[one] for one in identities), key=lambda one: one.order)

    def awaiting(self, tenant_id: str, approval_id: str) -> Waiting | None:
        """Who of a tenant asks people this; it may be on its way to the topic still."""
        for identity in self._approvals:
            if identity[0] == tenant_id and approval_id in self._waiting[identity].approvals:
                return self._waiting[identity]
        return None

    def asking(self, identity: Identity) -> Waiting | None:
        """Who waits for the response to this request; it may be on its way to the topic still."""
        return self.inquiries.about(identity)

    def queue(self, lane: Lane) -> list[Waiting]:
        """Who is parked of a session and holds it or waits in it, first one first."""
        return self._queues.get(lane, [])

    # -- a takeover

    def begin(self, partition: int) -> None:
        """All that was known of the partition is forgotten; what stands on the topic follows."""
        self._unreadable.pop(partition, None)
        for identity in list(self._by_partition.get(partition, ())):
            self.remove(identity)

    def take(self, partition: int, offset: int, key: bytes, value: bytes | None) -> None:
        """One record of the topic; a later one of the same key takes its place."""
        unreadable = self._unreadable.setdefault(partition, {})
        unreadable.pop(key, None)
        try:
            self.remove(identity_of(key))  # also for one that cannot be read: what stands before it is old
            if value is not None:
                self.put(decode_parked(value), offset)
        except ValueError:
            if value is not None:
                unreadable[key] = offset

    def unreadable(self, partition: int) -> Sequence[int]:
        """Offsets of what waits and cannot be read here, ascending.

        It stays where it is: a newer version wrote it and will go on with it, or a person looks into it.
        """
        return sorted(self._unreadable.get(partition, {}).values())

    # -- from then on

    def put(self, parked: Parked, offset: int) -> Waiting:
        """It stands at this offset of its partition's parked topic."""
        waiting = self.reserve(parked)
        self.settle(waiting, parked, offset)
        return waiting

    def reserve(self, parked: Parked, token: str | None = None) -> Waiting:
        """It is about to be written there: its session waits for it from now on, but it is not due yet."""
        self.remove(parked.identity)
        partition = parked.record.partition
        waiting = Waiting(
            parked.identity,
            parked.sha256,
            ParkedPlace(partition, -1),
            parked.reason,
            parked.place_in_session,
            (parked.tenant_id, parked.session_id) if parked.holds and parked.session_id is not None else None,
            parked.generation,
            tuple(one.approval_id for one in parked.approvals),
            tuple((one.request_id, one.sha256) for one in parked.asked if one.reply is None),
            parked.started,
            token=token,
            live=True,
            since=parked.received_at.timestamp(),
            priority=parked.priority,
        )
        self._waiting[waiting.identity] = waiting
        self.inquiries.add(waiting)
        if waiting.reason is ParkReason.APPROVAL:
            self._approvals.add(waiting.identity)
        elif waiting.reason is ParkReason.PAUSED:
            self.pause(waiting)
        elif waiting.reason is ParkReason.OVERFLOW:
            self.overflow.add(waiting)
        self._by_partition.setdefault(partition, set()).add(waiting.identity)
        if waiting.lane is not None:
            insort(self._queues.setdefault(waiting.lane, []), waiting, key=place_in_queue)
        return waiting

    def settle(self, waiting: Waiting, parked: Parked, offset: int) -> None:
        """It is durable at this offset."""
        waiting.place = ParkedPlace(waiting.place.partition, offset)
        waiting.live = False
        if self._waiting.get(waiting.identity) is not waiting:
            return
        if waiting.reason is ParkReason.PAUSED:
            self.pause(waiting)  # its tenant may have been resumed and paused again while this was written
        due = due_at(parked)
        if due is not None:
            self.timetable.set(waiting.identity, due.timestamp())

    def remove(self, identity: Identity) -> Waiting | None:
        """It is parked no more."""
        waiting = self._waiting.pop(identity, None)
        if waiting is None:
            return None
        self.timetable.remove(identity)
        self.inquiries.remove(waiting)
        self._approvals.discard(identity)
        self.overflow.remove(identity)
        paused = self._paused.get(identity[0])
        if paused is not None:
            paused.discard(identity)
            if not paused:
                del self._paused[identity[0]]
        partition = self._by_partition[waiting.place.partition]
        partition.discard(identity)
        if not partition:
            del self._by_partition[waiting.place.partition]
        if waiting.lane is not None:
            queue = self._queues[waiting.lane]
            queue.remove(waiting)
            if not queue:
                del self._queues[waiting.lane]
        return waiting

    def of(self, partition: int) -> list[Waiting]:
        """Those of one partition."""
        return [self._waiting[identity] for identity in self._by_partition.get(partition, ())]

    def owned(self) -> frozenset[int]:
        """The partitions that have anything parked."""
        return frozenset(self._by_partition)

    def next_of(self, lane: Lane) -> Waiting | None:
        """The first of a session's queue, if nothing but those before it kept it waiting."""
        queue = self._queues.get(lane)
        if not queue or queue[0].live or queue[0].reason is not ParkReason.SESSION:
            return None
        return queue[0]


def place_in_queue(waiting: Waiting) -> tuple[bool, int]:
    """Of a session one at most has been started, and is the first."""
    return not waiting.started, waiting.order


def due_at(parked: Parked) -> datetime | None:
    """When something is to be done about it: what it waits for, its deadline, its approvals' expiry."""
    if parked.reason in DUE_AT_ONCE:
        return parked.received_at
    moments = [moment for moment in (parked.due_at, parked.deadline) if moment is not None]
    moments += [one.expires_at for one in parked.approvals if one.approved is None]
    return min(moments, default=None)
