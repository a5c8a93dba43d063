"""Dead letters are found by their ids: a partition is read once, whoever asks and however often."""

import asyncio
import json
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError
from aiokafka.structs import TopicPartition

from app.adapters.kafka_dead_letters import KafkaDeadLetters
from app.adapters.letter_places import LetterPlaces
from streams.options import KafkaOptions

PLACE = TopicPartition("agent.deadletter", 3)
LETTER = {
    "code": "internal",
    "stage": "execution",
    "retriable": True,
    "message": "m",
    "source": {"topic": "agent.requests", "partition": 3, "offset": 0},
    "original": {},
    "failed_at": "2026-11-21T07:00:00.000Z",
}


class Log:
    """One partition: a consumer of it, and what reads single records of it."""

    def __init__(self, *ids: str) -> None:
        self.values: dict[int, bytes] = {}
        self.end = 0
        self.begin = 0
        self.handed_over = 0
        self.looks = 0
        self.failures: list[Exception] = []
        self._position = 0
        self.write(*ids)

    def write(self, *ids: str) -> None:
        for one in ids:
            self.values[self.end] = json.dumps(LETTER | {"dead_letter_id": one}).encode()
            self.end += 1

    def forget(self, before: int) -> None:
        self.begin = before
        self.values = {offset: value for offset, value in self.values.items() if offset >= before}

    def make_anew(self, *ids: str) -> None:
        self.values, self.end, self.begin = {}, 0, 0
        self.write(*ids)

    # -- a consumer

    def assign(self, places: list[TopicPartition]) -> None:
        assert places == [PLACE]

    def seek(self, place: TopicPartition, offset: int) -> None:
        self._position = offset

    async def position(self, place: TopicPartition) -> int:
        return self._position

    async def end_offsets(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        return {PLACE: self.end}

    async def beginning_offsets(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        return {PLACE: self.begin}

    async def getmany(self, *, timeout_ms: int, max_records: int) -> dict[TopicPartition, list[Any]]:
        await asyncio.sleep(0)
        if self.failures:
            raise self.failures.pop()
        upto = min(self.end, self._position + 2)
        found = [
            SimpleNamespace(offset=offset, value=self.values[offset])
            for offset in range(self._position, upto)
            if offset in self.values
        ]
        self._position = upto
        self.handed_over += len(found)
        return {PLACE: found}

    # -- single records

    async def read(self, place: TopicPartition, offsets: list[int]) -> dict[int, bytes | None]:
        return {offset: self.values[offset] for offset in offsets if offset in self.values}


def letters_of(log: Log, most: int = 1000) -> KafkaDeadLetters:
    records: Any = log
    letters = KafkaDeadLetters(KafkaOptions(), PLACE.topic, records, LetterPlaces(most))

    @asynccontextmanager
    async def reader() -> Any:
        log.looks += 1
        yield log

    letters._reader = reader  # type: ignore[method-assign]  # in place of a consumer
    return letters


async def found(letters: KafkaDeadLetters, *ids: str) -> list[str | None]:
    told = await asyncio.gather(*(letters.find(PLACE.partition, one) for one in ids))
    return [None if one is None else one.dead_letter_id for one in told]


async def test_a_partition_is_read_once_for_all_who_ask() -> None:
    ids = [f"dl_{number}" for number in range(50)]
    log = Log(*ids)
    letters = letters_of(log)

    assert await found(letters, *ids) == ids
    assert await found(letters, *reversed(ids)) == ids[::-1]

    assert (log.handed_over, log.looks) == (50, 1)


async def test_what_is_written_later_is_read_on_for() -> None:
    log = Log("a", "b", "c", "d")
    letters = letters_of(log)
    await found(letters, "a")
    log.write("e", "f")

    assert await found(letters, "f", "b", "nowhere") == ["f", "b", None]

    assert log.handed_over <= 4 + 2 * 3  # what stood last is looked at again, each time


async def test_one_that_is_written_while_another_is_looked_for_is_found() -> None:
    log = Log("a", "b")
    letters = letters_of(log)
    first = asyncio.create_task(found(letters, "nowhere"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    log.write("c")

    assert await found(letters, "c") == ["c"]
    assert await first == [None]


async def test_what_there_was_no_room_to_remember_is_found_nevertheless() -> None:
    ids = [f"dl_{number}" for number in range(30)]
    log = Log(*ids)
    letters = letters_of(log, most=10)

    assert await found(letters, *ids, "nowhere") == [*ids, None]

    assert len(letters._places.of(PLACE.partition).places) == 10
    assert log.looks <= 3


@pytest.mark.parametrize("asked", ["xa", "ax", "bx"])
async def test_nothing_is_remembered_of_a_topic_that_was_made_anew(asked: str) -> None:
    log = Log("a", "b", "c")
    letters = letters_of(log)
    await found(letters, "a")
    log.make_anew("x", "y", "z", "a")

    assert await found(letters, *asked) == [None if one == "b" else one for one in asked]


async def test_nothing_is_remembered_of_a_topic_that_was_made_anew_and_is_shorter() -> None:
    log = Log("a", "b", "c")
    letters = letters_of(log)
    await found(letters, "a")
    log.make_anew("x")

    assert await found(letters, "x", "c") == ["x", None]


@pytest.mark.parametrize("before", [2, 4])
async def test_what_retention_took_is_not_there(before: int) -> None:
    log = Log("a", "b", "c", "d")
    letters = letters_of(log)
    await found(letters, "a")
    log.forget(before)

    assert await found(letters, "a", "b", "d") == [None, None, "d" if before < 4 else None]


async def test_it_waits_for_kafka(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.adapters.kafka_dead_letters.RETRY_S", 0)
    log = Log("a", "b", "c")
    log.failures = [KafkaConnectionError(), KafkaConnectionError()]

    assert await found(letters_of(log), "c", "a") == ["c", "a"]


async def test_who_gives_up_leaves_the_looking_to_the_others() -> None:
    log = Log("a", "b", "c")
    letters = letters_of(log)
    first = asyncio.create_task(found(letters, "a"))
    await asyncio.sleep(0)
    second = asyncio.create_task(found(letters, "b"))
    await asyncio.sleep(0)

    first.cancel()

    assert await asyncio.wait_for(second, 1) == ["b"]


async def test_of_records_that_are_no_letters_nothing_is_noted() -> None:
    log = Log("a")
    log.values |= {1: b"\xff", 2: b"[]", 3: b'{"dead_letter_id": 7}', 4: b'{"dead_letter_id": "half"}'}
    log.end = 5
    log.write("b")

    assert await found(letters_of(log), "a", "b", "half") == ["a", "b", None]


def test_the_partition_that_was_not_asked_about_for_longest_makes_room() -> None:
    places = LetterPlaces(5)
    for partition in (1, 2, 1, 3):
        index = places.of(partition)
        for number in range(2):
            index.add((number, f"{partition}-{number}"))
        places.trim()

    assert [len(places.of(partition).places) for partition in (3, 1, 2)] == [2, 2, 0]
