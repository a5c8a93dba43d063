"""The node's topics by name, with their settings."""

import re
from dataclasses import dataclass, field

from app.brokers.node.partition import Partition
from app.brokers.node.refusals import Code, Refused

LEGAL_NAME = re.compile(r"(?!\.\.?$)[A-Za-z0-9._-]{1,249}")
DEFAULTS = {"cleanup.policy": "delete", "max.message.bytes": "1048588", "retention.ms": "604800000"}


@dataclass(slots=True)
class Topic:
    """One topic: what was set for it, and its partitions in order."""

    name: str
    settings: dict[str, str]
    partitions: list[Partition] = field(default_factory=list)

    def grow(self, count: int) -> None:
        """Have this many partitions; there is no way back."""
        if count <= len(self.partitions):
            raise Refused(Code.INVALID_PARTITIONS)
        self.partitions += [Partition(self._most()) for _ in range(count - len(self.partitions))]

    def configure(self, settings: dict[str, str]) -> None:
        """Replace what was set."""
        self.settings = settings
        for partition in self.partitions:
            partition.max_batch_bytes = self._most()

    def configuration(self) -> dict[str, str]:
        """Every setting, set or default."""
        return DEFAULTS | self.settings

    def _most(self) -> int:
        try:
            return int(self.configuration()["max.message.bytes"])
        except ValueError:
            raise Refused(Code.INVALID_CONFIG) from None


class Topics:
    """All topics. None comes into being by being named."""

    def __init__(self) -> None:
        self._by_name: dict[str, Topic] = {}

    def names(self) -> list[str]:
        """In the order of creation."""
        return list(self._by_name)

    def create(
        self, name: str, partitions: int, settings: dict[str, str], *, only_check: bool = False
    ) -> None:
        """Add a topic; -1 partitions means one."""
        if not LEGAL_NAME.fullmatch(name):
            raise Refused(Code.INVALID_TOPIC)
        if name in self._by_name:
            raise Refused(Code.TOPIC_ALREADY_EXISTS)
        topic = Topic(name, settings)
        topic.grow(1 if partitions == -1 else partitions)
        if not only_check:
            self._by_name[name] = topic

    def delete(self, name: str) -> None:
        """Forget a topic and its records."""
        self.topic(name)
        del self._by_name[name]

    def topic(self, name: str) -> Topic:
        """The topic of that name."""
        try:
            return self._by_name[name]
        except KeyError:
            raise Refused(Code.UNKNOWN_TOPIC_OR_PARTITION) from None

    def partition(self, name: str, number: int) -> Partition:
        """One partition of a topic."""
        partitions = self.topic(name).partitions
        if not 0 <= number < len(partitions):
            raise Refused(Code.UNKNOWN_TOPIC_OR_PARTITION)
        return partitions[number]
