"""Promise 2: what cannot be decoded has one dead letter with its exact bytes, all else an outcome."""

from app.verify.facts import Asked, Facts, split
from app.verify.findings import Breach, Tally
from app.verify.records import Kind
from app.verify.standing import CANNOT_DECODE, Standing, standing


def judge(facts: Facts, tally: Tally) -> None:
    """All requests of one partition."""
    for wrong in facts.unreadable:
        if wrong.kind is Kind.DEADLETTER:
            tally.check()
            place = facts.where(wrong.kind, wrong.offset)
            tally.breach(Breach(f"is no dead letter: {wrong.why}", place))
    for asked in facts.asked.values():
        state = standing(facts, asked)
        if state not in {Standing.SETTLED, Standing.LOST}:
            tally.skip(state.value)
            continue
        tally.check()
        if state is Standing.LOST:
            tally.breach(_breach(facts, asked, _loss(facts, asked)))
        _judge_letters(facts, tally, asked)


def _loss(facts: Facts, asked: Asked) -> str:
    released = f"although its offset is released (committed: {facts.committed})"
    if asked.defect is None:
        return f"is lost: it has neither an outcome nor a dead letter, {released}"
    return f"cannot be decoded ({asked.defect}) and has no dead letter, {released}"


def _judge_letters(facts: Facts, tally: Tally, asked: Asked) -> None:
    letters = facts.letters.get(asked.offset, ())
    for letter in letters:
        place = facts.where(Kind.DEADLETTER, letter.offset)
        if letter.fingerprint != asked.fingerprint:
            tally.breach(_breach(facts, asked, f"its dead letter {place} does not hold its exact bytes"))
        if asked.defect is not None and letter.code not in CANNOT_DECODE:
            what = f"cannot be decoded ({asked.defect}), but its dead letter {place} says {letter.code}"
            tally.breach(_breach(facts, asked, what))
    if asked.defect is not None and len(letters) > 1:
        what = f"cannot be decoded, and has {len(letters)} dead letters, not one"
        tally.breach(_breach(facts, asked, what))


def _breach(facts: Facts, asked: Asked, what: str) -> Breach:
    who = split(asked.name) if asked.name is not None else (None, None)
    return Breach(what, facts.where(Kind.REQUESTS, asked.offset), *who)
