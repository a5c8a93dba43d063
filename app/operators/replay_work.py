"""What a call of `penstock dlq replay` is about: letters that were named, or all that filters find."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime

from app.operators import reading
from app.operators.letter_choice import to_act_on
from app.operators.letter_sweep import Sweep
from app.operators.letters import LetterFilter
from app.operators.replay_steps import Outlook, Step, plan
from streams.options import KafkaOptions
from streams.topics import REQUESTS

Batches = AsyncGenerator[Sequence[Step], None]


@dataclass(frozen=True, slots=True)
class ReplayWork:
    """Counted first, so that a person can agree; then done, batch after batch."""

    outlook: Outlook
    left_out: int  # found, but dropped or replayed before
    beyond: int  # found, but beyond the limit
    batches: Callable[[], Batches]


async def replay_work(
    kafka: KafkaOptions, ids: Sequence[str], wanted: LetterFilter, limit: int | None, at: datetime
) -> ReplayWork:
    """Letters that are written from `at` on are another call's: also those of what fails again."""
    topic = REQUESTS.full_name(kafka.topic_prefix, kafka.app_id)
    if ids or limit is not None or not wanted.narrows:
        choice = await to_act_on(kafka, ids, wanted, limit)
        steps = plan(choice.letters, topic)
        return ReplayWork(Outlook.of(steps), choice.left_out, choice.beyond, lambda: _at_once(steps))
    upto = replace(wanted, until=at if wanted.until is None else min(at, wanted.until))
    sweep = Sweep(kafka, upto, await reading.dealt_with(kafka, wanted.since))
    outlook = Outlook()
    async with aclosing(_planned(sweep, topic, told=True)) as batches:
        async for steps in batches:
            for step in steps:
                outlook.add(step)
    reading.tell_skipped(sweep.skipped)
    return ReplayWork(outlook, sweep.left_out, 0, lambda: _planned(sweep, topic, told=False))


async def _at_once(steps: Sequence[Step]) -> Batches:
    yield steps


async def _planned(sweep: Sweep, topic: str, *, told: bool) -> Batches:
    async with aclosing(sweep.batches(told=told)) as batches:
        async for letters in batches:
            yield plan(letters, topic)
