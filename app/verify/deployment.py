"""Whose topics are judged, and on what terms."""

from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer

from app.verify import header_names
from app.verify.records import Kind, Terms

FETCH_BYTES = 8 * 1024 * 1024


class CannotRead(Exception):
    """There is nothing to judge; the message is one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment of Penstock."""

    bootstrap: str
    prefix: str
    app_id: str
    terms: Terms

    def names(self) -> dict[Kind, str]:
        """The topics' names on the broker."""
        names = {kind: f"{self.prefix}{kind}" for kind in Kind}
        return names | {Kind.PARKED: f"{self.app_id}-{Kind.PARKED}"}

    def consumer(self, isolation: str) -> Any:
        """A reader without a group: nobody notices it. The caller starts and stops it."""
        header_names.tolerate()
        return AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap,
            isolation_level=isolation,
            enable_auto_commit=False,
            auto_offset_reset="none",
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_bytes=4 * FETCH_BYTES,
        )
