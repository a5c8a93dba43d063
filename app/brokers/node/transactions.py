"""Producer ids, and transactions over partitions and committed offsets, with fencing."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from app.brokers.node.groups import Committed, Groups, Place
from app.brokers.node.refusals import Code, Refused
from app.brokers.node.topics import Topics

LAST_EPOCH = 0x7FFE


@dataclass(slots=True)
class TransactionalProducer:
    """Who holds a transactional id now, and the transaction that it has open."""

    producer_id: int
    epoch: int
    timeout_s: float
    partitions: set[Place] = field(default_factory=set)
    offsets: dict[str, dict[Place, Committed]] = field(default_factory=dict)
    open_since: float | None = None
    ended_with: bool | None = None
    """How the last transaction ended, since a client may ask again when an answer got lost."""

    def open(self, now: float) -> None:
        """Start the transaction with its first part."""
        if self.open_since is None:
            self.open_since, self.ended_with = now, None


class Transactions:
    """All transactional producers. Whoever asks for an id again fences its former holder."""

    def __init__(self, topics: Topics, groups: Groups, timestamp: Callable[[], int]) -> None:
        self._topics = topics
        self._groups = groups
        self._timestamp = timestamp
        self._producer_ids = count(1000)
        self._by_name: dict[str, TransactionalProducer] = {}

    def producer_id(self, name: str | None, timeout_s: float) -> tuple[int, int]:
        """A producer id and epoch; with a transactional id, its former holder is fenced."""
        if name is None:
            return next(self._producer_ids), 0
        held = self._by_name.get(name)
        if held is None or held.epoch >= LAST_EPOCH:
            if held:
                self._fence(held)
            held = self._by_name[name] = TransactionalProducer(next(self._producer_ids), 0, timeout_s)
        else:
            self._fence(held)
            held.timeout_s = timeout_s
        return held.producer_id, held.epoch

    def add_partitions(self, name: str, identity: tuple[int, int], places: list[Place], now: float) -> None:
        """The transaction will write there."""
        producer = self._held(name, identity)
        for place in places:
            self._topics.partition(*place)
        producer.open(now)
        producer.partitions.update(places)

    def add_group(self, name: str, identity: tuple[int, int], group: str, now: float) -> None:
        """The transaction will commit offsets of that group."""
        producer = self._held(name, identity)
        producer.open(now)
        producer.offsets.setdefault(group, {})

    def commit_offsets(
        self, name: str, identity: tuple[int, int], group: str, offsets: dict[Place, Committed]
    ) -> None:
        """Offsets that count once the transaction commits."""
        producer = self._held(name, identity)
        if group not in producer.offsets:
            raise Refused(Code.INVALID_TXN_STATE)
        producer.offsets[group].update(offsets)

    def commits(self, group: str, place: Place) -> bool:
        """Whether an open transaction is about to commit an offset there."""
        return any(place in producer.offsets.get(group, {}) for producer in self._by_name.values())

    def check_write(self, name: str | None, identity: tuple[int, int], place: Place) -> None:
        """A transactional batch is taken only where its open transaction said it would write."""
        if name is None:
            raise Refused(Code.INVALID_PRODUCER_ID_MAPPING)
        if place not in self._held(name, identity).partitions:
            raise Refused(Code.INVALID_TXN_STATE)

    def end(self, name: str, identity: tuple[int, int], *, commit: bool) -> None:
        """Commit or abort, in every partition and group that takes part."""
        producer = self._held(name, identity)
        if producer.open_since is None:
            if producer.ended_with is commit:
                return
            raise Refused(Code.INVALID_TXN_STATE)
        self._end(producer, commit=commit)

    def expire(self, now: float) -> None:
        """Abort what is open for longer than its producer allowed, and fence the producer."""
        for producer in self._by_name.values():
            if producer.open_since is not None and now - producer.open_since > producer.timeout_s:
                self._fence(producer)

    def _held(self, name: str, identity: tuple[int, int]) -> TransactionalProducer:
        producer = self._by_name.get(name)
        if producer is None or producer.producer_id != identity[0]:
            raise Refused(Code.INVALID_PRODUCER_ID_MAPPING)
        if producer.epoch != identity[1]:
            raise Refused(Code.INVALID_PRODUCER_EPOCH)
        return producer

    def _fence(self, producer: TransactionalProducer) -> None:
        producer.epoch += 1
        if producer.open_since is not None:
            self._end(producer, commit=False)

    def _end(self, producer: TransactionalProducer, *, commit: bool) -> None:
        for place in sorted(producer.partitions):
            if place.topic in self._topics.names():  # it may have been deleted meanwhile
                self._topics.partition(*place).end_transaction(
                    producer.producer_id, producer.epoch, commit=commit, timestamp=self._timestamp()
                )
        if commit:
            for group, offsets in producer.offsets.items():
                self._groups.group(group).offsets.update(offsets)
        producer.partitions, producer.offsets = set(), {}
        producer.open_since, producer.ended_with = None, commit
