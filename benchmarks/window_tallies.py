"""What answers say of their tenant's windows: how many were let in too many, and who was refused for nothing.

A worker says when it received what it admitted; the window counts a moment later, on another clock. So too
many are those that a window shorter by a sixtieth held, and for nothing is refused only who would have had
room in one longer by as much again as a window's buckets reach back. What cannot be told is not held against
anybody: of a run that crashed nobody knows when it was first counted.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

LEAST_TOLERANCE_MS: Final = 250
SETTLED_MS: Final = 2_000  # after its end, what a run held and did not use is given back

_ASKED: Final = re.compile(r"(\d+) tokens asked for")


@dataclass(frozen=True, slots=True)
class Case:
    """One request, when all is over."""

    sent_ms: int
    finished_ms: int
    admitted_ms: int | None = None
    attempts: int = 0
    code: str | None = None  # why it was refused
    tokens: int = 0
    largest_call: int = 0  # tokens of one of its calls
    message: str = ""

    @property
    def counted_ms(self) -> int:
        """The earliest moment at which it may have been counted."""
        once = self.admitted_ms is not None and self.attempts <= 1
        return self.admitted_ms if once and self.admitted_ms is not None else self.sent_ms


def tolerance_ms(window_ms: int) -> int:
    """How far apart the clocks are taken to be."""
    return max(LEAST_TOLERANCE_MS, window_ms // 60)


def admitted(cases: Iterable[Case]) -> list[Case]:
    """Those that count."""
    return [case for case in cases if case.admitted_ms is not None]


def most_in_window(cases: Iterable[Case], window_ms: int) -> int:
    """The most admissions that any sliding window surely held."""
    surely_ms = window_ms - tolerance_ms(window_ms)
    spans = sorted((case.admitted_ms or 0, case.counted_ms) for case in admitted(cases))
    most, first = 0, 0
    for number, (end, _) in enumerate(spans):
        while spans[first][0] <= end - surely_ms:
            first += 1
        held = sum(1 for _, earliest in spans[first : number + 1] if earliest > end - surely_ms)
        most = max(most, held)
    return most


def falsely_refused_requests(cases: Sequence[Case], code: str, limit: int, window_ms: int | None) -> int:
    """Refusals for which there was surely room in a window of requests; without one: in the month."""
    counted = admitted(cases)
    return sum(
        1
        for refused in cases
        if refused.code == code and _requests_at_most(counted, refused, window_ms) + 1 <= limit
    )


def _requests_at_most(counted: Iterable[Case], refused: Case, window_ms: int | None) -> int:
    """How many may have counted when it was refused, which was at some time since it was sent."""
    since, slack_ms = 0, LEAST_TOLERANCE_MS
    if window_ms is not None:
        slack_ms = tolerance_ms(window_ms)
        since = refused.sent_ms - window_ms - window_ms // 60 - slack_ms
    until = refused.finished_ms + slack_ms
    return sum(1 for case in counted if (case.admitted_ms or 0) >= since and case.counted_ms <= until)


def falsely_refused_tokens(cases: Sequence[Case], code: str, limit: int) -> int:
    """The same for tokens, in a window that is longer than all of it took."""
    counted, estimate = admitted(cases), estimate_of(cases, code)
    return sum(
        1
        for refused in cases
        if refused.code == code and _tokens_at_most(counted, refused, estimate) + estimate <= limit
    )


def _tokens_at_most(counted: Iterable[Case], refused: Case, estimate: int) -> int:
    """What may have been used or held."""
    until = refused.finished_ms + LEAST_TOLERANCE_MS
    return sum(
        case.tokens if case.finished_ms + SETTLED_MS < refused.sent_ms else _held_at_most(case, estimate)
        for case in counted
        if case.counted_ms <= until
    )


def _held_at_most(case: Case, estimate: int) -> int:
    """Of a run that had not surely settled. One that crashed holds what its lost calls used, too."""
    return max(case.tokens, estimate) if case.attempts <= 1 else case.tokens + estimate


def estimate_of(cases: Iterable[Case], code: str) -> int:
    """What one call is thought to need, as those are told for whom there is no room. 0: nobody was."""
    asked = [int(found[1]) for case in cases if case.code == code and (found := _ASKED.search(case.message))]
    return max(asked, default=0)


def error_of_estimates(cases: Iterable[Case], estimate: int) -> int:
    """The largest error of an estimate, for each run that was under way at once. 0: none was too small."""
    counted = admitted(cases)
    error = max((case.largest_call - estimate for case in counted), default=0)
    return max(0, error) * most_at_once(counted)


def most_at_once(cases: Iterable[Case]) -> int:
    """How many were under way at the same time."""
    edges = sorted(
        edge
        for case in admitted(cases)
        # An end comes before a beginning at the same moment.
        for edge in ((case.counted_ms, 1), (case.finished_ms, -1))
    )
    most = running = 0
    for _, step in edges:
        running += step
        most = max(most, running)
    return most


def beyond(used: int, limit: int) -> int:
    """By how much it is too much."""
    return max(0, used - limit)
