"""What the way in which an attempt ended means for its outcome, and how often it may be put off."""

import traceback
from random import Random
from typing import Any

from agents_defs.run_journal import RunPostponed
from agents_defs.run_order import RunResult
from schemas.failures import FAILURES, Code, RunFailure
from schemas.responses import Status
from streams.flow import Outcome, Problem

MOST_POSTPONED = 12  # with the waits in between more than ten minutes
MOST_CUT_OFF = 2  # of answers that were partly told; with the first that is three tries
LONGEST_BACKOFF_S = 120.0


def most_postponed(postponed: RunPostponed) -> int:
    """How often a run may be postponed: a provider may name a time, an answer that breaks off names none."""
    return MOST_POSTPONED if postponed.after_s > 0 else MOST_CUT_OFF


def backoff_s(times: int, rng: Random) -> float:
    """How long a run that was postponed so often waits at least: half of it by chance."""
    most = min(LONGEST_BACKOFF_S, 0.5 * 2.0**times)
    return most * (0.5 + rng.random() / 2)


def expired(queued_s: float) -> Outcome:
    """The deadline passed before the run was started."""
    return Outcome(
        status=Status.EXPIRED,
        problem=Problem(Code.EXPIRED, "the deadline passed before the run was started"),
        queued_s=queued_s,
    )


def status_of(code: Code) -> Status:
    """How a request ends that ends with this code."""
    outcome = FAILURES[code].outcome
    return Status(outcome) if outcome in set(Status) else Status.FAILED


def judged(ended: RunResult | RunFailure | Problem, late: bool) -> dict[str, Any]:
    """The fields of an outcome that say how the run ended."""
    if isinstance(ended, Problem):
        return {"status": status_of(ended.code), "problem": ended}
    if isinstance(ended, RunFailure):
        code = Code.EXPIRED if late and ended.code is not Code.CANCELLED else ended.code
        cause = ended.__cause__
        told = ended.message if code is ended.code else f"the deadline passed during the run: {ended.message}"
        return {
            "status": status_of(code),
            "problem": Problem(
                code,
                told,
                ended.retry_after_ms,
                retriable=ended.retriable,
                exception=type(cause).__name__ if cause else None,
                stack="".join(traceback.format_exception(cause)) if cause else None,
            ),
        }
    if late:
        return {
            "status": Status.EXPIRED,
            "problem": Problem(Code.EXPIRED, "the deadline passed during the run"),
            "turns": ended.turns,
            "models": ended.models,
        }
    return {
        "status": Status.COMPLETED,
        "output": ended.output,
        "last_agent": ended.last_agent,
        "turns": ended.turns,
        "models": ended.models,
        "new_items": ended.new_items,
        "anew": ended.anew,
        "degraded": ended.degraded,
    }
