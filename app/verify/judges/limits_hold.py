"""Promise 6: no tenant is admitted above its windows of requests, and nobody within them is refused.

Admissions are judged by `admitted_at`, a worker's clock when it received the request; the window itself is
counted a moment later on another clock. So a window counts as broken only where it would still be broken if
it were shorter by a sixtieth (at least a quarter of a second), and a refusal as false only where there would
have been room in a window longer by as much again as the promise grants.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from app.verify.facts import Answer, Facts, split
from app.verify.findings import Breach, Tally
from app.verify.plans import Plan, PlansInForce
from app.verify.records import Kind
from schemas.failures import Code
from schemas.tenants import Limit, Measure

LEAST_TOLERANCE_MS = 250
FULL, ROOM = "full", "room"
CLOCKS = "admissions whose window is full to within the tolerance of the clocks"
AGAIN = "admitted again after a crash: when it was counted is not told"
OLD_PLAN = "admitted under an earlier plan, which is no longer known"
NOT_COUNTED_HERE = "limits of tokens and costs: what was reserved when is not on any topic"
BEFORE = "refused too early in what was read: the window before it is not known"
MAYBE_ROOM = "refused, and whether others were admitted is not told (still open, or never started)"


Interval = tuple[int, int]
Weighed = dict[int, list[str]]
"""Refusals by offset: what each limit says of them."""


@dataclass(slots=True)
class Traffic:
    """Of one tenant under one limit, or of one of its users."""

    admitted: list[tuple[int, Answer]] = field(default_factory=list)
    refused: list[Answer] = field(default_factory=list)
    again: int = 0
    """How many were admitted a second time, after a crash."""
    hidden: list[Interval] = field(default_factory=list)
    """When those were admitted that do not tell: at some time in between."""
    undecided: int = 0
    """Still open: perhaps admitted, perhaps not."""
    returned: list[Interval] = field(default_factory=list)
    """When those counted that found no seat, from when they came to when they were refused."""


def judge(facts: Facts, plans: PlansInForce, tally: Tally) -> None:
    """All tenants of one partition."""
    undecided = Counter(split(name)[0] for name, case in facts.cases.items() if not case.answers)
    for tenant, answers in facts.by_tenant().items():
        plan = plans.of(tenant)
        limits = [limit for limit in plan.limits if limit.what is Measure.REQUESTS]
        tally.skip(NOT_COUNTED_HERE, len(plan.limits) - len(limits))
        weighed: Weighed = {}
        for limit in limits:
            for traffic in _by_user(facts, answers, limit):
                traffic.undecided = undecided[tenant]
                _judge_window(facts, tally, limit, plan, traffic)
                _weigh_refusals(facts, limit, plan, traffic, weighed)
        _judge_refusals(facts, tally, answers, weighed)


def _by_user(facts: Facts, answers: Iterable[Answer], limit: Limit) -> Iterable[Traffic]:
    """The answers that a limit is about; where it counts each user for itself, by user."""
    found: dict[str | None, Traffic] = {}
    for answer in answers:
        if limit.agent is not None and answer.agent != limit.agent:
            continue
        user = None
        if limit.each_user:
            asked = facts.asked.get(answer.source_offset)
            user = asked.user if asked is not None else None
        _sort_in(facts, found.setdefault(user, Traffic()), answer)
    return found.values()


def _sort_in(facts: Facts, traffic: Traffic, answer: Answer) -> None:
    if answer.code == Code.LIMIT_REQUESTS:
        traffic.refused.append(answer)
        return
    if answer.admitted_ms is not None and answer.attempts <= 1:
        traffic.admitted.append((answer.admitted_ms, answer))
        return
    if answer.admitted_ms is not None:
        traffic.again += 1
    elif answer.status == "refused" and answer.code != Code.LIMIT_CONCURRENCY:
        return
    # Else it ended before it started, and counted all the same: until then, if it found no seat.
    asked = facts.asked.get(answer.source_offset)
    told = traffic.returned if answer.code == Code.LIMIT_CONCURRENCY else traffic.hidden
    told.append((asked.timestamp_ms if asked is not None else 0, answer.finished_ms))


def tolerance_ms(window_ms: int) -> int:
    """How far apart the clocks are taken to be."""
    return max(LEAST_TOLERANCE_MS, window_ms // 60)


def _judge_window(facts: Facts, tally: Tally, limit: Limit, plan: Plan, traffic: Traffic) -> None:
    window_ms = limit.per.seconds * 1000
    surely_ms = window_ms - tolerance_ms(window_ms)
    told = sorted((at, one.offset) for at, one in traffic.admitted)
    by_offset = {one.offset: one for _, one in traffic.admitted}
    tally.skip(AGAIN, traffic.again)
    known_from_ms = plan.hot_ms
    times = [at for at, _ in told]
    most = int(limit.limit)
    for number, (at, offset) in enumerate(told):
        if at < (facts.snapshot.since_ms or 0):
            continue
        if at < known_from_ms:
            tally.skip(OLD_PLAN)
            continue
        since = bisect_left(times, known_from_ms)
        surely = number + 1 - max(since, bisect_right(times, at - surely_ms))
        perhaps = number + 1 - max(since, bisect_right(times, at - window_ms))
        if surely <= most < perhaps:
            tally.skip(CLOCKS)
            continue
        tally.check()
        if surely > most:
            what = f"is number {surely} within {surely_ms / 1000:g} s; the limit is {most} per {limit.per}"
            tally.breach(_breach(facts, by_offset[offset], what))


def _weigh_refusals(facts: Facts, limit: Limit, plan: Plan, traffic: Traffic, weighed: Weighed) -> None:
    """Whether this limit may have been the reason of each refusal."""
    window_ms = limit.per.seconds * 1000
    slack_ms = tolerance_ms(window_ms)
    longer_ms = window_ms + window_ms // 60 + slack_ms
    times = sorted(at for at, _ in traffic.admitted)
    starts, ends = sorted(one for one, _ in traffic.hidden), sorted(one for _, one in traffic.hidden)
    begins_ms = facts.snapshot.since_ms or _first_ms(facts)
    for answer in traffic.refused:
        at = answer.finished_ms
        used = bisect_right(times, at + slack_ms) - bisect_left(times, at - longer_ms)
        outside = bisect_left(starts, at - window_ms) + len(ends) - bisect_right(ends, at + slack_ms)
        used += max(0, len(ends) - outside)
        maybe = len(ends) - bisect_left(ends, at - longer_ms) + traffic.undecided
        maybe += sum(came - slack_ms <= at <= gone + slack_ms for came, gone in traffic.returned)
        if used + 1 > int(limit.limit):
            found = FULL
        elif at - longer_ms < begins_ms:
            found = BEFORE
        elif at < plan.hot_ms:
            found = OLD_PLAN
        else:
            found = MAYBE_ROOM if used + maybe + 1 > int(limit.limit) else ROOM
        weighed.setdefault(answer.offset, []).append(found)


def _first_ms(facts: Facts) -> int:
    """Before then responses were deleted; 0 where all that there ever were are there."""
    cut = facts.snapshot.extent(Kind.RESPONSES, facts.partition).cut
    return facts.first_ms.get(Kind.RESPONSES, 0) if cut else 0


def _judge_refusals(facts: Facts, tally: Tally, answers: Sequence[Answer], weighed: Weighed) -> None:
    for answer in answers:
        if answer.code != Code.LIMIT_REQUESTS or answer.finished_ms < (facts.snapshot.since_ms or 0):
            continue
        found = weighed.get(answer.offset, [])
        unclear = [why for why in found if why not in {FULL, ROOM}]
        if unclear and FULL not in found:
            tally.skip(unclear[0])
            continue
        tally.check()
        if FULL not in found:
            what = "is refused limit_requests, although there was room in every window of its tenant"
            tally.breach(_breach(facts, answer, what))


def _breach(facts: Facts, answer: Answer, what: str) -> Breach:
    return Breach(what, facts.where(Kind.RESPONSES, answer.offset), *split(answer.name))
