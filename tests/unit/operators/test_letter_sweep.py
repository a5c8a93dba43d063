"""Letters that filters find are read in batches, as often as one likes, and never held whole."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.client.record_filter import Raw
from app.operators import letter_sweep, reading
from app.operators.letter_sweep import Sweep
from app.operators.letters import LetterFilter
from app.operators.replay_steps import Way
from app.operators.replay_work import replay_work
from schemas.failures import Code
from streams.options import KafkaOptions
from tests.doubles.operated import AT, letter, letter_record

ACME = LetterFilter(tenant="acme")
LONG_AFTER = AT + timedelta(days=1)


class Topic:
    """The dead letters of a deployment, and which were dealt with."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *records: Raw) -> None:
        self.records = list(records)
        self.dealt_with: frozenset[str] = frozenset()
        self.under_way = 0
        monkeypatch.setattr(reading, "letter_records", self._read)
        monkeypatch.setattr(reading, "dealt_with", self._dealt_with)

    async def _read(self, kafka: Any, since: datetime | None, *, told: bool) -> AsyncGenerator[Raw, None]:
        self.under_way += 1
        try:
            for record in list(self.records):
                yield record
        finally:
            self.under_way -= 1

    async def _dealt_with(self, kafka: Any, since: datetime | None) -> frozenset[str]:
        return self.dealt_with


def records(count: int, code: Code = Code.TOOL_FAILED) -> Sequence[Raw]:
    return [letter_record(letter(number, code), offset=number) for number in range(count)]


async def sizes(sweep: Sweep) -> list[int]:
    return [len(batch) async for batch in sweep.batches(told=False)]


async def test_no_batch_has_more_letters_than_are_held_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letter_sweep, "MOST_LETTERS", 3)
    Topic(monkeypatch, *records(7))
    sweep = Sweep(KafkaOptions(), ACME, frozenset())

    assert await sizes(sweep) == [3, 3, 1]
    assert await sizes(sweep) == [3, 3, 1]


async def test_no_batch_has_more_bytes_than_are_held_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    Topic(monkeypatch, *(found := records(5)))
    monkeypatch.setattr(letter_sweep, "MOST_BYTES", 2 * len(found[0].value or b""))

    assert await sizes(Sweep(KafkaOptions(), ACME, frozenset())) == [2, 2, 1]


async def test_each_letter_comes_once_with_its_bytes_and_without_those_that_are_hidden(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = records(4)
    hidden = letter(2).dead_letter_id
    Topic(monkeypatch, *found, found[1], found[2], replace(found[0], value=b"no letter"))
    sweep = Sweep(KafkaOptions(), ACME, frozenset({hidden}))

    ((first, second, third),) = [list(batch) async for batch in sweep.batches(told=False)]

    assert [one.offset for one in (first, second, third)] == [0, 1, 3]
    assert first.has_bytes
    assert (sweep.left_out, sweep.skipped.count) == (1, 1)


async def test_filters_that_find_any_number_are_counted_and_then_read_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(letter_sweep, "MOST_LETTERS", 2)
    topic = Topic(monkeypatch, *records(3), letter_record(letter(9, Code.UNDECODABLE), offset=9))

    work = await replay_work(KafkaOptions(), (), ACME, None, LONG_AFTER)
    batches = [list(steps) async for steps in work.batches()]

    assert work.outlook.ways == {Way.RUN_AGAIN: 3, Way.SEND_AGAIN: 1}
    assert [len(steps) for steps in batches] == [2, 2]
    assert topic.under_way == 0


async def test_what_fails_while_it_is_being_replayed_is_another_call_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    topic = Topic(monkeypatch, *records(2))
    work = await replay_work(KafkaOptions(), (), ACME, None, AT + timedelta(minutes=5))

    topic.records += [letter_record(letter(30), offset=30)]  # half an hour later
    batches = [list(steps) async for steps in work.batches()]

    assert [step.letter.offset for step in batches[0]] == [0, 1]
    assert len(batches) == 1
