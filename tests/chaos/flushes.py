"""What an emptied Redis explains: which requests may begin anew, and what verify may then say of them."""

import json
from base64 import b64decode
from collections.abc import Collection, Hashable, Sequence
from pathlib import Path
from typing import Final

from tests.chaos.chronicle import Injected
from tests.chaos.journey import Journey

FLUSH: Final = "Redis flushed"
SLACK_S: Final = 1.0  # a record may be claimed before its producer hears that it was written

# By promise: what verify may then say, and nothing else. Written in docs/guarantees.md, under each promise.
EXPLAINED: Final = {
    "never_pay_twice": ("for one recorded call",),
    "books_balance": ("which is not in the books", "; the books hold", "; the provider billed"),
    "deltas": ("a second time", "asked for a stream, which has no end"),
}


FULL_S: Final = 10.0  # a window that nobody knows of counts as full: the matrix has one of a second
FULL: Final = ("limits_hold", "is refused limit_requests, although there was room")


def explains(promise: str, what: str) -> bool:
    """Whether a request that begins anew may break this promise in this way."""
    return any(phrase in what for phrase in EXPLAINED.get(promise, ()))


def taken_for_full(promise: str, what: str) -> bool:
    """Whether a request that came right after a flush may be refused like this: its window was not known."""
    return promise == FULL[0] and FULL[1] in what


def right_after(journey: Journey, flushes: Sequence[float]) -> set[Hashable]:
    """What was answered within a moment of a flush."""
    return {
        due
        for due, answered in journey.answered.items()
        if any(at <= answered <= at + FULL_S for at in flushes)
    }


def begun_anew(
    journey: Journey, flushes: Sequence[float], faults: Sequence[Injected], parked: Collection[Hashable]
) -> set[Hashable]:
    """Those that were open at a flush and lost their run as well: parked in mid-run, or by another fault."""
    others = [fault.at for fault in faults if fault.name != FLUSH]
    first = min(others, default=float("inf"))
    return {
        due
        for at in flushes
        for due in journey.open_at(at)
        if due in parked or first <= journey.answered.get(due, float("inf"))
    }


def since_the_last(journey: Journey, flushes: Sequence[float]) -> set[Hashable]:
    """What was sent when nothing was to be lost any more."""
    last = max(flushes, default=float("-inf"))
    return {due for due, sent in journey.sent.items() if sent > last + SLACK_S}


def parked_in_mid_run(dump: Path) -> set[Hashable]:
    """Requests that were parked after a run of them had begun."""
    found: set[Hashable] = set()
    with (dump / "parked.jsonl").open() as lines:
        for line in lines:
            value = json.loads(line)["value"]
            told = json.loads(b64decode(value)) if value is not None else None
            if told is not None and told["started"]:
                found.add((told["tenant_id"], told["request_id"]))
    return found
