"""How late postponed requests were run."""

import itertools
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import orjson
import pytest

from benchmarks.lateness import Due, Punctuality, fall_due
from benchmarks.requests import make_requests
from benchmarks.worker_process import BenchFailed
from schemas.times import format_at

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
PLAN = Due(parked=0, rate=200, lasts_s=30)


def answer(request_id: bytes, started: datetime) -> SimpleNamespace:
    value = orjson.dumps({"started_at": format_at(started)})
    return SimpleNamespace(headers=[("status", b"completed"), ("request-id", request_id)], value=value)


def test_lateness_is_the_time_from_due_to_the_start_of_the_run() -> None:
    noted = Punctuality(due={b"r-1": NOON})

    assert noted.note(answer(b"r-1", NOON + timedelta(milliseconds=7))) == b"r-1"

    assert noted.late_ms == [7]


def test_a_run_before_its_time_ends_the_measurement() -> None:
    noted = Punctuality(due={b"r-1": NOON})

    with pytest.raises(BenchFailed, match="run 1 ms before it was due"):
        noted.note(answer(b"r-1", NOON - timedelta(milliseconds=1)))


def test_requests_become_due_at_the_rate_that_was_asked_for() -> None:
    due = sorted(at for _, at in fall_due(make_requests(10, 4), PLAN, NOON))

    assert len(due) == 6000
    assert due[0] >= NOON
    assert (due[-1] - NOON).total_seconds() == pytest.approx(30, rel=0.05)


def test_what_stands_side_by_side_is_not_due_together() -> None:
    due = [at for _, at in fall_due(make_requests(10, 4), PLAN, NOON)]

    apart = [abs((one - next_one).total_seconds()) for one, next_one in itertools.pairwise(due)]

    assert sum(apart) / len(apart) > 5


def test_due_times_are_the_same_on_the_wire() -> None:
    due = [at for _, at in fall_due(make_requests(10, 4), PLAN, NOON)]

    assert all(at.microsecond % 1000 == 0 for at in due)
