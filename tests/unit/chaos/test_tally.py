"""What the rounds add up to, and how that is kept and told."""

import json
from pathlib import Path

import pytest

from tests.chaos import checkpoint, report
from tests.chaos.checkpoint import Checkpoint, OtherMatrix
from tests.chaos.tally import Tally, percentile


def tally() -> Tally:
    made = Tally(requests=100, rounds=2)
    row = made.row("kill -9")
    row.injected, row.recoveries = 3, [1.0, 2.0, 9.0]
    made.row("Redis flushed").missed = 1
    return made


def test_the_line_of_json_has_what_others_read() -> None:
    made = tally()
    made.breach("kill -9", "lost")

    line = made.line()

    assert line["faults"] == 3
    assert line["requests"] == 100
    assert line["lost"] == 1
    assert [line[name] for name in ("duplicated", "out_of_order", "paid_twice", "leaked")] == [0, 0, 0, 0]
    assert line["recovery_p99_s"] == 9.0


@pytest.mark.parametrize("column", ["lost", "duplicated", "paid_twice", "out_of_order", "leaked", "other"])
def test_a_single_breach_fails_the_matrix(column: str) -> None:
    made = tally()
    assert not made.failed

    made.breach("kill -9", column)

    assert made.failed


def test_a_fault_that_is_never_recovered_from_and_a_promise_that_nobody_judged_fail_it_too() -> None:
    unrecovered, unjudged = tally(), tally()

    unrecovered.row("kill -9").unrecovered = 1
    unjudged.unjudged.append("session_order")

    assert unrecovered.failed
    assert unjudged.failed


def test_a_matrix_that_injected_nothing_has_no_recovery() -> None:
    assert Tally().line()["recovery_p99_s"] is None


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(number) for number in range(1, 101)]

    assert percentile(values, 0.5) == 50.0
    assert percentile(values, 0.99) == 99.0
    assert percentile([7.0], 0.99) == 7.0
    assert percentile([], 0.5) is None


def test_a_long_matrix_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    path = tmp_path / "state" / "checkpoint.json"
    Checkpoint("seed 1", 3, tally(), 12.5).write(path)

    found = checkpoint.read(path, "seed 1")

    assert found == Checkpoint("seed 1", 3, tally(), 12.5)


def test_the_state_of_another_matrix_is_refused_and_none_is_a_beginning(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.json"
    assert checkpoint.read(path, "seed 1") is None
    Checkpoint("seed 2", 1, Tally()).write(path)

    with pytest.raises(OtherMatrix, match="seed 2"):
        checkpoint.read(path, "seed 1")


def test_the_page_has_a_line_for_each_fault_that_came_about_and_one_for_all() -> None:
    lines = report.markdown(tally()).splitlines()

    assert lines[2:] == [
        "| kill -9 | 3 | 0 | 0 | 0 | 0 | 0 | 0 | 2.0 s | 9.0 s |",
        "| **all** | 3 | 0 | 0 | 0 | 0 | 0 | 0 | 2.0 s | 9.0 s |",
    ]


def test_a_run_writes_its_own_section_and_leaves_the_rest_of_the_page_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    marks = [f"<!-- {name}: written by the run -->\nold\n<!-- {name}: end -->" for name in ("short", "long")]
    page.write_text("# Head\n" + "\n".join(marks) + "\ntail\n")

    report.write(page, "long", "new\n")

    assert page.read_text() == "# Head\n" + "\n".join([marks[0], marks[1].replace("old", "new")]) + "\ntail\n"


def test_a_page_without_a_place_for_the_section_is_not_touched(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Head\n")

    with pytest.raises(ValueError, match="no place"):
        report.write(page, "long", "new\n")

    assert page.read_text() == "# Head\n"


def test_the_line_can_be_written_as_json() -> None:
    assert json.loads(json.dumps(tally().line()))["faults"] == 3
