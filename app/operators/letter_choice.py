"""Which dead letters a command is about: those of the ids, or those that the filters find."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.operators import reading
from app.operators.id_prefixes import resolve
from app.operators.letter_deeds import Deeds
from app.operators.letters import Letter, LetterBook, LetterFilter
from app.terminal.exits import Trouble
from streams.options import KafkaOptions

WHAT = "dead letter"
SHORTEST = 6  # what begins with less may be any number of letters, and each is held in memory
ADVICE = "`penstock dlq list --all` has them, as long as the topic keeps them"


@dataclass(frozen=True, slots=True)
class Choice:
    """The letters, the newest first, and what was done about them before."""

    letters: Sequence[Letter]
    deeds: Deeds
    left_out: int = 0  # found, but dropped or replayed before
    beyond: int = 0  # found, but beyond the limit


async def by_id(kafka: KafkaOptions, ids: Sequence[str], *, with_bytes: bool = False) -> Choice:
    """Each id must mean one letter; what was done about it before is no obstacle."""
    for typed in ids:
        if len(typed) < SHORTEST:
            raise Trouble(f"{typed!r} is too short: write at least {SHORTEST} characters of the id")
    deeds = await reading.deeds(kafka, None)
    book = LetterBook(LetterFilter(ids=tuple(ids)), None, with_bytes=with_bytes)
    await reading.letters(kafka, book)
    rows = book.rows()
    meant = {resolve(typed, (row.id for row in rows), WHAT, ADVICE) for typed in ids}
    return Choice([row for row in rows if row.id in meant], deeds)


async def by_filter(
    kafka: KafkaOptions, wanted: LetterFilter, limit: int | None, *, hide_replayed: bool, hide_dropped: bool
) -> Choice:
    """The newest that the filters find."""
    deeds = await reading.deeds(kafka, wanted.since)
    hidden = frozenset(deeds.dropped if hide_dropped else ()) | frozenset(
        deeds.replayed if hide_replayed else ()
    )
    book = await reading.letters(kafka, LetterBook(wanted, limit, hidden))
    rows = book.rows()
    return Choice(rows, deeds, book.hid, max(0, book.matched - len(rows)))


async def to_act_on(
    kafka: KafkaOptions, ids: Sequence[str], wanted: LetterFilter, limit: int | None
) -> Choice:
    """For commands that do something: one must say which letters are meant."""
    if ids and wanted.narrows:
        raise Trouble("give ids or filters, not both")
    if ids:
        return await by_id(kafka, ids)
    if not wanted.narrows:
        raise Trouble("say which: their ids, or filters such as --code, --tenant, --since 2h")
    return await by_filter(kafka, wanted, limit, hide_replayed=True, hide_dropped=True)
