"""What counts as an answer."""

from types import SimpleNamespace

import pytest

from benchmarks.answers import correlation_id, request_id
from benchmarks.worker_process import BenchFailed


def record(**headers: bytes) -> SimpleNamespace:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return SimpleNamespace(headers=named, value=b"{}")


def test_a_completed_response_is_an_answer_to_its_request() -> None:
    assert request_id(record(request_id=b"r-1", status=b"completed")) == b"r-1"


def test_a_refused_response_ends_the_measurement() -> None:
    with pytest.raises(BenchFailed, match="completed"):
        request_id(record(request_id=b"r-1", status=b"refused"))


def test_calfkits_fault_ends_the_measurement() -> None:
    answer = SimpleNamespace(headers=(("x-calf-kind", b"return"), ("correlation_id", b"c-1")), value=b"{}")
    fault = SimpleNamespace(headers=(("x-calf-kind", b"fault"), ("correlation_id", b"c-1")), value=b"{}")

    assert correlation_id(answer) == b"c-1"
    with pytest.raises(BenchFailed, match="return"):
        correlation_id(fault)
