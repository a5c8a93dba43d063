"""Promise 3: runs of one session start in request order, never overlap, and answer in that order."""

from collections.abc import Iterable

from app.verify.facts import Answer, Asked, Facts, split
from app.verify.findings import Breach, Tally
from app.verify.records import Kind

IN_ORDER = frozenset({"completed", "failed"})
DEFERRED = "a future not_before: it takes its place when due, which its record does not tell"
SKEW = "closer together than --skew"


def judge(facts: Facts, tally: Tally, skew_ms: int = 0) -> None:
    """All sessions of one partition."""
    sessions: dict[str, list[tuple[Asked, Answer]]] = {}
    for answer in facts.outcomes():
        asked = facts.asked.get(answer.source_offset)
        # A replay opens a new generation long after: it takes its place then.
        if asked is not None and asked.session is not None and answer.runs and answer.generation == 0:
            sessions.setdefault(asked.session, []).append((asked, answer))
    for members in sessions.values():
        tally.check(len(members))
        placed = [answer for asked, answer in members if not asked.deferred]
        tally.skip(DEFERRED, len(members) - len(placed))
        _judge_records(facts, tally, placed)
        _judge_starts(facts, tally, placed, skew_ms)
        _judge_overlaps(facts, tally, [answer for _, answer in members], skew_ms)


def _judge_records(facts: Facts, tally: Tally, answers: Iterable[Answer]) -> None:
    """`completed` and `failed` records stand in request order."""
    before: Answer | None = None
    for answer in sorted(answers, key=lambda one: one.offset):
        if answer.status not in IN_ORDER:
            continue
        if before is not None and answer.source_offset < before.source_offset:
            what = f"stands behind the response to a later request of its session, {_place(facts, before)}"
            tally.breach(_breach(facts, answer, what))
        else:
            before = answer


def _judge_starts(facts: Facts, tally: Tally, answers: Iterable[Answer], skew_ms: int) -> None:
    """Runs start in request order."""
    before: Answer | None = None
    for answer in sorted(answers, key=lambda one: one.source_offset):
        early_ms = 0 if before is None else before.runs[0].start_ms - answer.runs[0].start_ms
        if before is not None and early_ms > skew_ms:
            what = f"started {early_ms} ms before an earlier request of its session, {_place(facts, before)}"
            tally.breach(_breach(facts, answer, what))
            continue
        if early_ms > 0:
            tally.skip(SKEW)
        before = answer


def _judge_overlaps(facts: Facts, tally: Tally, answers: Iterable[Answer], skew_ms: int) -> None:
    """No two runs at once."""
    runs = sorted(((run, answer) for answer in answers for run in answer.runs), key=lambda pair: pair[0])
    latest_ms, latest = None, None
    for run, answer in runs:
        if latest_ms is not None and latest is not None and answer is not latest:
            overlap_ms = latest_ms - run.start_ms
            if overlap_ms > skew_ms:
                what = f"ran {overlap_ms} ms before a run of its session had ended, {_place(facts, latest)}"
                tally.breach(_breach(facts, answer, what))
            elif overlap_ms > 0:
                tally.skip(SKEW)
        if latest_ms is None or run.end_ms > latest_ms:
            latest_ms, latest = run.end_ms, answer


def _place(facts: Facts, answer: Answer) -> str:
    return f"{answer.name} ({facts.where(Kind.RESPONSES, answer.offset)})"


def _breach(facts: Facts, answer: Answer, what: str) -> Breach:
    return Breach(what, facts.where(Kind.RESPONSES, answer.offset), *split(answer.name))
