"""What a worker process is told."""

import pytest

from benchmarks.terms import Terms, terms_of_this_process


def test_terms_survive_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    terms = Terms("127.0.0.1:9092", "redis://127.0.0.1", "plain", in_flight=1000, delivery="transactional")
    monkeypatch.setattr("sys.argv", ["worker", terms.to_json(), "5"])

    assert terms_of_this_process() == terms
