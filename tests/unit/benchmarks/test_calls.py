"""When runs asked the model."""

from datetime import UTC, datetime

import pytest

from benchmarks.calls import Call, calls_of, first_calls


def entry(call_id: str, second: int) -> dict[str, str]:
    return {"call_id": call_id, "at": f"2026-11-21T12:00:{second:02}.500Z"}


def at(second: int) -> datetime:
    return datetime(2026, 11, 21, 12, 0, second, 500_000, UTC)


@pytest.mark.parametrize(
    ("call_id", "attempt"),
    [("tenant-1%2Fab-7%2F0/m0.1", 1), ("tenant-1%2Fab-7%2F0/m3.12-2", 12)],
)
def test_a_call_s_id_names_its_request_and_the_attempt_of_its_run(call_id: str, attempt: int) -> None:
    assert calls_of([entry(call_id, 1)], {"ab-7"}) == [Call("ab-7", attempt, at(1))]


def test_calls_of_other_requests_are_left_out() -> None:
    assert calls_of([entry("tenant-1%2Fab-7%2F0/m0.1", 1)], {"ab-8"}) == []


def test_a_run_went_on_with_the_first_call_of_a_later_attempt() -> None:
    # In the order in which they ended, as a ledger has them.
    calls = [Call("r", 1, at(1)), Call("r", 2, at(9)), Call("r", 2, at(5)), Call("other", 1, at(2))]

    assert first_calls(calls, least_attempt=2) == {"r": at(5)}
    assert first_calls(calls) == {"r": at(1), "other": at(2)}
