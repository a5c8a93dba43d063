"""The one agent: what was read before a rebalance is not taken in after it, for it is delivered again."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from streams.observations import Observers
from streams.options import KafkaOptions, StreamOptions
from streams.ownership import Membership, Ownership
from streams.topology import CommittedApp, build_intake

GENERATION = 5
FETCHED_AND_LOST = 13
SAME_MEMBER = Membership(GENERATION, "m-1", "w-1")


class FullPipeline:
    """Has no room until it is told."""

    def __init__(self) -> None:
        self.full = asyncio.Event()
        self.freed = asyncio.Event()
        self.taken: list[int] = []

    async def room(self) -> None:
        self.full.set()
        await self.freed.wait()

    def accept(self, record: Any, _: Any) -> None:
        self.taken.append(record.offset)


class Stream:
    """Delivers messages of one generation."""

    def __init__(self, *offsets: int) -> None:
        self._offsets = offsets

    def noack(self) -> "Stream":
        return self

    async def events(self) -> AsyncIterator[Any]:
        begins = -1  # whatever is released
        for offset in self._offsets:
            if offset == FETCHED_AND_LOST:
                begins = offset + 1
                continue
            yield SimpleNamespace(
                message=SimpleNamespace(
                    topic="requests",
                    partition=0,
                    offset=offset,
                    timestamp=0,
                    timestamp_type=0,
                    key=b"",
                    value=b"",
                    headers=[],
                    generation_id=GENERATION,
                    begins=begins,
                    ends=offset + 1,
                )
            )
            begins = offset + 1


def build(pipeline: FullPipeline, ownership: Ownership) -> tuple[CommittedApp, Any]:
    parts: Any = SimpleNamespace(
        pipeline=pipeline, ownership=ownership, observer=Observers(), offset_metadata=""
    )
    app = build_intake(StreamOptions(KafkaOptions(app_id="unit")), parts)
    app.consumer_generation_id = GENERATION
    (agent,) = app.agents.values()
    return app, agent.fun


@pytest.mark.parametrize("rebalance", ["to another generation", "within a generation", "not yet over"])
async def test_a_record_that_waited_for_room_during_a_rebalance_is_left_to_its_next_delivery(
    rebalance: str,
) -> None:
    pipeline, ownership = FullPipeline(), Ownership()
    app, intake = build(pipeline, ownership)
    ownership.assigned(SAME_MEMBER, [0])
    ownership.open(0)
    reading = asyncio.ensure_future(intake(Stream(60)))
    await pipeline.full.wait()

    ownership.revoked()
    if rebalance == "to another generation":
        app.consumer_generation_id = GENERATION + 1
    if rebalance != "not yet over":
        ownership.assigned(SAME_MEMBER, [0])
    pipeline.freed.set()
    await reading

    assert pipeline.taken == []


async def test_what_is_delivered_in_one_assignment_is_taken_in() -> None:
    pipeline, ownership = FullPipeline(), Ownership()
    _, intake = build(pipeline, ownership)
    ownership.assigned(SAME_MEMBER, [0])
    ownership.open(0)
    pipeline.freed.set()

    await intake(Stream(60, 61))

    assert pipeline.taken == [60, 61]


async def test_what_was_fetched_and_not_delivered_is_read_again_before_anything_behind_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pipeline, ownership = FullPipeline(), Ownership()
    _, intake = build(pipeline, ownership)
    ownership.assigned(SAME_MEMBER, [0])
    ownership.open(0)
    pipeline.freed.set()
    asked: list[tuple[int, int | None]] = []

    async def read_again(place: Any, offset: int | None) -> None:
        asked.append((place.partition, offset))

    monkeypatch.setattr("streams.topology._consumer", lambda _: SimpleNamespace(read_again=read_again))

    await intake(Stream(11, 12, FETCHED_AND_LOST, 14, 15))

    assert pipeline.taken == [11, 12]
    assert asked == [(0, 13)]
