"""Outcomes in words."""

import orjson
import pytest

from app.client import answer_text
from app.client.answer_text import Tally
from app.client.outgoing import Outgoing
from schemas.failures import Code
from schemas.responses import Status
from tests.doubles.outcomes import dead_letter, heard, refused, response


def test_the_figures_of_an_answer_are_one_line() -> None:
    assert answer_text.figures(heard(response())) == (
        "completed · support@1 (orders) · gpt-5.4-mini · 2 turns · 100 + 20 tokens · $0.0012 "
        "· 1.2 s (queued 3 ms, ran 900 ms)"
    )


def test_what_is_out_of_the_ordinary_is_said() -> None:
    said = answer_text.figures(heard(response(attempts=2, degraded=True, memory="lost", cached=True)))

    assert "attempt 2" in said
    assert said.endswith("a fallback answered · cached · the session's memory was lost")


def test_a_refusal_says_why_and_when_to_come_back() -> None:
    refusal = heard(refused())

    problem = answer_text.problem(refusal)

    assert problem is not None
    assert problem.startswith("limit_requests: The plan's limit of requests is used up")
    assert problem.endswith("(after 12.0 s)")
    assert answer_text.figures(refusal) == "refused · support@1 (orders) · 1.2 s"


def test_a_completed_request_has_no_problem() -> None:
    assert answer_text.problem(heard(response())) is None


def test_a_dead_letter_says_its_code_and_where_to_find_it() -> None:
    letter = heard(dead_letter())

    assert answer_text.status_of(letter) == "dead_letter"
    assert answer_text.problem(letter) == "duplicate_conflict: used before"
    assert "dl_1" in answer_text.figures(letter)


def test_an_answer_cannot_drive_the_terminal() -> None:
    assert answer_text.output_text("red \x1b[31m\x07 alert\n") == "red \ufffd[31m\ufffd alert\n"


def test_structured_output_is_printed_as_json() -> None:
    assert orjson.loads(answer_text.output_text({"order": 7})) == {"order": 7}


def test_one_of_many_is_told_with_its_line() -> None:
    request = Outgoing("acme", "r-1", b"{}", stream=False, line=3)

    done = answer_text.one_of_many(heard(response(output="two\nlines"), request=request))
    not_done = answer_text.one_of_many(heard(refused(Code.TENANT_PAUSED, None), request=request))

    assert done == "line 3 (r-1)  completed  two lines"
    assert not_done.startswith("line 3 (r-1)  refused  tenant_paused: ")


def test_json_is_the_response_as_it_was_read_with_fields_unknown_here() -> None:
    told = heard(response())
    told.document["later"] = 1

    assert orjson.loads(answer_text.as_json_line(told))["later"] == 1


def test_json_of_a_dead_letter_looks_like_a_response() -> None:
    line = orjson.loads(answer_text.as_json_line(heard(dead_letter())))

    assert (line["request_id"], line["status"], line["error"]["code"]) == (
        "r-1",
        "dead_letter",
        "duplicate_conflict",
    )


def test_many_outcomes_add_up() -> None:
    tally = Tally()
    for number in range(1, 20):
        tally.add(heard(response(), latency_s=number / 100))
    tally.add(heard(refused(), latency_s=5))

    assert tally.line() == (
        "19 completed, 1 refused · 2280 tokens · $0.0228 · p50 110 ms, p95 5.0 s, max 5.0 s"
    )
    assert not tally.all_completed


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.COMPLETED])
def test_only_completed_counts_as_completed(status: Status) -> None:
    tally = Tally()
    tally.add(heard(response(status=status)))

    assert not tally.all_completed


def test_a_dead_letter_is_not_completed_either() -> None:
    tally = Tally()
    tally.add(heard(dead_letter()))

    assert not tally.all_completed
