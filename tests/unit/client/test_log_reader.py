"""How much of a topic was read, for whoever shows it."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.structs import TopicPartition

from app.client import log_reader
from app.client.log_reader import LogReader
from app.client.places import Edge, Start

FIRST, SECOND = TopicPartition("t", 0), TopicPartition("t", 1)


def record(place: TopicPartition, offset: int) -> Any:
    return SimpleNamespace(
        topic=place.topic,
        partition=place.partition,
        offset=offset,
        timestamp=0,
        key=None,
        value=b"",
        headers=(),
    )


@dataclass
class Log:
    """What the reader reads: two partitions of 4 and 8 offsets, the second deleted up to 2."""

    fetches: list[dict[TopicPartition, list[Any]]]
    at: dict[TopicPartition, int] = field(default_factory=dict)

    async def start(self) -> None:
        """Connected."""

    def assign(self, places: Any) -> None:
        """Both."""

    async def end_offsets(self, places: Any) -> dict[TopicPartition, int]:
        return {FIRST: 4, SECOND: 8}

    async def beginning_offsets(self, places: Any) -> dict[TopicPartition, int]:
        return {FIRST: 0, SECOND: 2}

    def seek(self, place: TopicPartition, offset: int) -> None:
        self.at[place] = offset

    async def getmany(self, timeout_ms: int) -> dict[TopicPartition, list[Any]]:
        fetched = self.fetches.pop(0)
        self.at |= {place: records[-1].offset + 1 for place, records in fetched.items()}
        return fetched

    async def position(self, place: TopicPartition) -> int:
        return self.at[place]


async def opened(monkeypatch: pytest.MonkeyPatch, log: Log, start: Start) -> LogReader:
    monkeypatch.setattr(log_reader, "AIOKafkaConsumer", lambda **_: log)
    reader = LogReader("127.0.0.1:1", "t", [0, 1], committed=True)
    await reader.open(start)
    return reader


async def test_the_share_that_was_read_grows_to_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    fetches = [
        {FIRST: [record(FIRST, 0), record(FIRST, 1)]},
        # Those between were aborted, and 20 came since.
        {SECOND: [record(SECOND, 5), record(SECOND, 7), record(SECOND, 20)]},
        {FIRST: [record(FIRST, 3)]},
    ]
    reader = await opened(monkeypatch, Log(fetches), Edge("beginning"))

    before = reader.share_read
    shares = [reader.share_read async for _ in reader.records(follow=False)]

    assert (before, shares) == (0.0, [0.2, 0.8, 1.0])


async def test_of_nothing_all_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = await opened(monkeypatch, Log([]), Edge("end"))

    assert reader.share_read == 1.0
