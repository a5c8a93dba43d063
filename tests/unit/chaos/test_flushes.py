"""Which requests an emptied Redis explains anything of."""

import json
from base64 import b64encode
from pathlib import Path

import pytest

from tests.chaos.chronicle import Injected
from tests.chaos.flushes import FLUSH, begun_anew, explains, parked_in_mid_run, since_the_last
from tests.chaos.journey import Journey
from tests.chaos.matrix import catalogue

FLUSHED = Injected(FLUSH, 10.0)


@pytest.fixture
def journey() -> Journey:
    """One that was answered before the flush at 10, one that was open then, one that came after it."""
    journey = Journey()
    for name, sent, answered in (("before", 1.0, 2.0), ("open", 8.0, 14.0), ("after", 12.0, 13.0)):
        journey.send(name, sent)
        journey.answer(name, answered)
    return journey


def test_the_fault_is_known_by_its_name() -> None:
    assert FLUSH in catalogue()


def test_what_was_open_at_a_flush_and_met_another_fault_may_begin_anew(journey: Journey) -> None:
    assert begun_anew(journey, [10.0], [FLUSHED, Injected("kill -9", 11.0)], ()) == {"open"}


def test_a_flush_alone_takes_no_run_away(journey: Journey) -> None:
    assert begun_anew(journey, [10.0], [FLUSHED], ()) == set()
    assert begun_anew(journey, [10.0], [FLUSHED, Injected("kill -9", 15.0)], ()) == set()


def test_a_run_that_was_parked_begins_anew_without_another_fault(journey: Journey) -> None:
    assert begun_anew(journey, [10.0], [FLUSHED], {"open", "after"}) == {"open"}


def test_without_a_flush_nothing_is_explained(journey: Journey) -> None:
    assert begun_anew(journey, [], [Injected("kill -9", 9.0)], {"open"}) == set()
    assert since_the_last(journey, []) == {"before", "open", "after"}


def test_what_came_after_the_last_flush_is_to_be_remembered(journey: Journey) -> None:
    assert since_the_last(journey, [5.0, 10.0]) == {"after"}


def test_other_promises_are_never_explained() -> None:
    assert not explains("one_outcome", "has 2 responses for one recorded call a second time")


def test_who_was_parked_in_mid_run_is_read_from_the_dump(tmp_path: Path) -> None:
    told = [{"tenant_id": "acme", "request_id": name, "started": name == "r-2"} for name in ("r-1", "r-2")]
    values = [b64encode(json.dumps(one).encode()).decode() for one in told]
    lines = [json.dumps({"value": value}) for value in (*values, None)]
    (tmp_path / "parked.jsonl").write_text("\n".join(lines))

    assert parked_in_mid_run(tmp_path) == {("acme", "r-2")}
