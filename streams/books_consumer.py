"""The books' Kafka consumer: ours, and it tells how far it has fetched."""

import asyncio
from collections.abc import Collection
from typing import Any, cast

from aiokafka.errors import IllegalStateError
from faust.types import TP

from streams.book_ports import Progress
from streams.kafka_driver import CommittedConsumer, CommittedThread, CommittedTransport

ASK_S = 2.0


class BooksThread(CommittedThread):
    """The connection to the group; it remembers what it handed over last."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._handed: dict[TP, tuple[int, int]] = {}  # generation and offset

    async def _fetch_records(self, *args: Any, **kwargs: Any) -> Any:
        records = await super()._fetch_records(*args, **kwargs)
        generation = self.app.consumer_generation_id
        for tp, batch in records.items():
            self._handed[tp] = (generation, batch[-1].offset)
        return records

    async def progress(self, places: Collection[TP]) -> dict[TP, Progress]:
        """How far these were fetched, in step with its fetching."""
        found: dict[TP, Progress] = await self.call_thread(self._progress, places)
        return found

    async def _progress(self, places: Collection[TP]) -> dict[TP, Progress]:
        consumer, found = self._ensure_consumer(), {}
        try:
            async with asyncio.timeout(ASK_S):
                for place in self.assignment().intersection(places):
                    position = await consumer.position(place)
                    # Later than the position or with it, never before: nothing handed over is overlooked.
                    generation, offset = self._handed.get(place, (-1, -1))
                    current = generation == self.app.consumer_generation_id
                    found[place] = Progress(position, offset if current else None)
        except (TimeoutError, IllegalStateError):  # it rebalances
            return {}
        return found


class BooksConsumer(CommittedConsumer):
    """The consumer, which asks that for everything."""

    def _new_consumer_thread(self) -> BooksThread:
        return BooksThread(self, loop=self.loop, beacon=self.beacon)

    async def progress(self, places: Collection[TP]) -> dict[TP, Progress]:
        """How far these were fetched."""
        return await cast(BooksThread, self._thread).progress(places)


class BooksTransport(CommittedTransport):
    """The transport with that consumer."""

    Consumer = BooksConsumer
