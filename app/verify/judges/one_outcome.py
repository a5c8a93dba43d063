"""Promise 1: each request has exactly one response per generation, and a dead letter only where it must."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import groupby

from app.verify.facts import Answer, Asked, Case, Facts, Letter, split
from app.verify.findings import Breach, Tally
from app.verify.records import Kind
from app.verify.standing import CANNOT_DECODE, Standing, contradicts, standing, was_deleted
from schemas.dead_letters import dead_letter_id
from schemas.failures import Code

DAY_MS = 86_400_000
FAILED = "failed"
SIGNATURE = "signatures: the keys are not here"
REPLAY = "whether an operator replayed it: the control topic no longer holds commands of that time"


@dataclass(frozen=True, slots=True)
class Replays:
    """The dead letters that operators told Penstock to replay."""

    dead_letter_ids: Collection[str] = frozenset()
    complete: bool = True
    """Whether all commands there ever were have been read."""


def judge(facts: Facts, replays: Replays, tally: Tally) -> None:
    """All requests and responses of one partition."""
    for wrong in facts.unreadable:
        if wrong.kind is Kind.RESPONSES:
            tally.check()
            place = facts.where(wrong.kind, wrong.offset)
            tally.breach(Breach(f"is no response: {wrong.why}", place))
    for name, case in facts.cases.items():
        _judge_case(facts, replays, tally, name, case)
    for answer in facts.strangers:
        if not _is_about_earlier(facts, answer):
            tally.check()
            what = _no_source(facts, answer) or "answers a request id that nobody sent"
            tally.breach(_breach(facts, answer, what))
    _judge_stray_letters(facts, tally)


def _judge_case(facts: Facts, replays: Replays, tally: Tally, name: str, case: Case) -> None:
    if case.answers:
        tally.check()
    else:
        _judge_silence(facts, tally, name, case)
    for what, answer in _wrong_answers(facts, case):
        tally.breach(_breach(facts, answer, what))
    for asked in case.asked:
        _judge_letters(facts, tally, name, case, asked)
    for answer in case.answers:
        if answer.status == FAILED and not facts.is_outside(answer):
            _judge_failed(facts, tally, answer)
    if case.answers and case.answers[-1].generation > 0:
        _judge_generations(facts, replays, tally, case)


def _judge_silence(facts: Facts, tally: Tally, name: str, case: Case) -> None:
    found = [(standing(facts, asked), asked) for asked in case.asked]
    lost = next((asked for state, asked in found if state is Standing.LOST), None)
    if lost is None:
        state = found[0][0]
        if state is Standing.SETTLED:  # by a dead letter, which is judged as such
            tally.check()
        else:
            tally.skip(state.value)
        return
    tally.check()
    what = f"has no response, although its offset is released (committed: {facts.committed})"
    tally.breach(Breach(what, facts.where(Kind.REQUESTS, lost.offset), *split(name)))


def _wrong_answers(facts: Facts, case: Case) -> Iterator[tuple[str, Answer]]:
    by_generation = sorted(case.answers, key=lambda answer: (answer.generation, answer.offset))
    for generation, group in groupby(by_generation, key=lambda answer: answer.generation):
        first, *more = group
        for extra in more:
            if extra.timestamp_ms - first.timestamp_ms <= facts.snapshot.terms.idempotency_days * DAY_MS:
                at = facts.where(Kind.RESPONSES, first.offset)
                yield f"is a second response of generation {generation}: the first stands at {at}", extra
    for answer in case.answers:
        if not answer.id_is_derived:
            yield "has a response_id that its tenant, request and generation do not make", answer
        wrong = _no_source(facts, answer)
        if wrong is not None:
            yield wrong, answer


def _no_source(facts: Facts, answer: Answer) -> str | None:
    """What is wrong with the record that it says it answers."""
    topic, partition, offset = answer.source_topic, answer.source_partition, answer.source_offset
    if (topic, partition) != (facts.snapshot.names[Kind.REQUESTS], facts.partition):
        return f"stands on partition {facts.partition}, but answers {topic}[{partition}]@{offset}"
    if facts.is_earlier(offset):
        return None
    return _mismatch(facts, answer, facts.asked.get(offset))


def _mismatch(facts: Facts, answer: Answer, asked: Asked | None) -> str | None:
    place = facts.where(Kind.REQUESTS, answer.source_offset)
    if asked is None:
        return f"answers {place}, which no read_committed reader sees (aborted, or never written)"
    if asked.defect is not None:
        return f"answers {place}, which cannot be decoded: {asked.defect}"
    if asked.name != answer.name:
        return f"answers {place}, which is the request {asked.name}"
    if asked.sha != answer.sha:
        return f"has another request_sha256 than the record it answers, {place}"
    return None


def _is_about_earlier(facts: Facts, answer: Answer) -> bool:
    here = answer.source_partition == facts.partition
    return here and facts.requests.cut and facts.is_earlier(answer.source_offset)


def _judge_letters(facts: Facts, tally: Tally, name: str, case: Case, asked: Asked) -> None:
    """The dead letters about one record that can be decoded."""
    letters = facts.letters.get(asked.offset, ())
    for letter in letters:
        what = _wrong_letter(case, asked, letter)
        if letter.code == Code.BAD_SIGNATURE:
            tally.skip(SIGNATURE)
        elif what is not None:
            tally.breach(_letter_breach(facts, letter, what, name))
        elif letter.name not in {None, name}:
            tally.breach(_letter_breach(facts, letter, f"says it is about {letter.name}", name))
    conflicts = sum(letter.code == Code.DUPLICATE_CONFLICT for letter in letters)
    if conflicts > 1:
        what = f"has {conflicts} dead letters duplicate_conflict"
        tally.breach(Breach(what, facts.where(Kind.REQUESTS, asked.offset), *split(name)))
    if case.answers and conflicts == 0 and contradicts(case, asked):
        state = standing(facts, asked)
        if state is Standing.LOST:
            what = "uses the id of another body that was answered, and has no dead letter duplicate_conflict"
            tally.breach(Breach(what, facts.where(Kind.REQUESTS, asked.offset), *split(name)))
        else:
            tally.skip(state.value)


def _wrong_letter(case: Case, asked: Asked, letter: Letter) -> str | None:
    if letter.code in CANNOT_DECODE:
        return f"is dead-lettered {letter.code}, but can be decoded"
    if letter.code == Code.DUPLICATE_CONFLICT:
        same = bool(case.answers) and not contradicts(case, asked)
        return "is dead-lettered duplicate_conflict, but is the request that was answered" if same else None
    if case.answers and not any(_belongs(letter, answer) for answer in case.answers):
        states = ", ".join(answer.status for answer in case.answers)
        return f"is dead-lettered {letter.code}, but its response is {states}"
    return None


def _belongs(letter: Letter, answer: Answer) -> bool:
    place = (letter.source_offset, letter.generation)
    return answer.status == FAILED and place == (answer.source_offset, answer.generation)


def _judge_failed(facts: Facts, tally: Tally, answer: Answer) -> None:
    letters = [
        letter
        for letter in facts.letters.get(answer.source_offset, ())
        if letter.code not in CANNOT_DECODE
        and letter.code != Code.DUPLICATE_CONFLICT
        and _belongs(letter, answer)
    ]
    if len(letters) == 1:
        return
    if letters:
        tally.breach(_breach(facts, answer, f"failed, and has {len(letters)} dead letters instead of one"))
    elif facts.partition in facts.snapshot.undecided:
        tally.skip(Standing.UNDECIDED)
    elif was_deleted(facts, Kind.DEADLETTER, answer.timestamp_ms):
        tally.skip(Standing.EXPIRED)
    else:
        tally.breach(_breach(facts, answer, "failed, but has no dead letter"))


def _judge_generations(facts: Facts, replays: Replays, tally: Tally, case: Case) -> None:
    last_of = {answer.generation: answer for answer in case.answers}
    for generation, answer in last_of.items():
        if generation == 0:
            continue
        before = last_of.get(generation - 1)
        if before is None:
            if not facts.is_earlier(answer.source_offset):
                what = f"is generation {generation}, but there is no generation {generation - 1}"
                tally.breach(_breach(facts, answer, what))
            continue
        if before.status != FAILED:
            what = f"is generation {generation}, but the one before is {before.status}, not failed"
            tally.breach(_breach(facts, answer, what))
        letter = dead_letter_id(
            before.source_topic, before.source_partition, before.source_offset, before.generation
        )
        if letter not in replays.dead_letter_ids:
            if replays.complete:
                what = f"is generation {generation}, but nobody replayed {letter}"
                tally.breach(_breach(facts, answer, what))
            else:
                tally.skip(REPLAY)


def _judge_stray_letters(facts: Facts, tally: Tally) -> None:
    for letter, place in facts.foreign_letters:
        tally.check()
        tally.breach(_letter_breach(facts, letter, f"is about {place}, which belongs elsewhere", letter.name))
    for offset, letters in facts.letters.items():
        if offset in facts.asked or facts.is_earlier(offset):
            continue
        for letter in letters:
            tally.check()
            place = facts.where(Kind.REQUESTS, offset)
            what = f"is about {place}, which no read_committed reader sees (aborted, or never written)"
            tally.breach(_letter_breach(facts, letter, what, letter.name))


def _breach(facts: Facts, answer: Answer, what: str) -> Breach:
    return Breach(what, facts.where(Kind.RESPONSES, answer.offset), *split(answer.name))


def _letter_breach(facts: Facts, letter: Letter, what: str, name: str | None) -> Breach:
    who = split(name) if name is not None else (None, None)
    return Breach(what, facts.where(Kind.DEADLETTER, letter.offset), *who)
