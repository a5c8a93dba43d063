"""All dead letters that filters find, however many: read from the topic as often as one likes, never held."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from app.operators import reading
from app.operators.letters import Letter, LetterFilter, read_letter
from app.operators.skipped import Skipped
from streams.options import KafkaOptions

MOST_LETTERS = 500  # in one batch
MOST_BYTES = 16 * 1024 * 1024  # of their records; a larger one is a batch of its own


class Sweep:
    """The letters of a filter, each once, but for those that are hidden. Only their ids stay in memory."""

    def __init__(self, kafka: KafkaOptions, wanted: LetterFilter, hidden: frozenset[str]) -> None:
        self._kafka = kafka
        self._wanted = wanted
        self._hidden = hidden
        self.left_out = 0  # of the last reading: found, but hidden
        self.skipped = Skipped()

    async def batches(self, *, told: bool) -> AsyncGenerator[Sequence[Letter], None]:
        """With their bytes, up to the topic's end as it is now. `told`: the progress, on a terminal."""
        seen: set[str] = set()
        left_out: set[str] = set()
        batch, size, self.skipped = [], 0, Skipped()
        async with aclosing(reading.letter_records(self._kafka, self._wanted.since, told=told)) as records:
            async for record in records:
                if not self._wanted.may_match(record):
                    continue
                found = read_letter(record)
                if found is None:
                    self.skipped.add(record)
                elif found.id not in seen and self._wanted.matches(found):
                    if found.id in self._hidden:
                        left_out.add(found.id)
                        continue
                    seen.add(found.id)
                    batch.append(found)
                    size += len(record.value or b"")
                    if len(batch) >= MOST_LETTERS or size >= MOST_BYTES:
                        yield batch
                        batch, size = [], 0
        self.left_out = len(left_out)
        if batch:
            yield batch
