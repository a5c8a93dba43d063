"""Tool calls that wait: which one is meant, what is shown of it, what a decision says."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.operators import call_text
from app.operators.calls import Call, calls_of, decided_line, open_calls, the_call
from app.operators.waiting import Waiting
from app.terminal.exits import Trouble
from schemas.control import Command
from streams.parked import Parked
from tests.doubles.operated import AT, approval, parked


def row(one: Parked) -> Waiting:
    return Waiting(one, 0, 0, AT, 100)


def call(**changes: Any) -> Call:
    (found,) = calls_of([row(parked(approvals=(approval(**changes),)))])
    return found


def test_the_one_that_expires_first_stands_first_and_decided_ones_do_not_wait() -> None:
    late = approval("late", expires_at=AT + timedelta(hours=2))
    rows = [row(parked("r-1", approvals=(late, approval("over", approved=True)))),
            row(parked("r-2", approvals=(approval("soon"),)))]  # fmt: skip

    assert [one.approval.approval_id for one in open_calls(rows)] == ["soon", "late"]
    assert len(calls_of(rows)) == 3


def test_an_id_may_be_cut_as_long_as_one_call_has_it() -> None:
    calls = calls_of([row(parked(approvals=(approval("abc"), approval("abd"), approval("ab"))))])

    assert the_call(calls, "abc").approval.approval_id == "abc"
    assert the_call(calls, "ab").approval.approval_id == "ab"
    with pytest.raises(Trouble, match=r"'a' begins the ids of 3 waiting tool calls \(ab, abc, abd\)"):
        the_call(calls, "a")
    with pytest.raises(Trouble, match="an empty id means no waiting tool call"):
        the_call(calls, "")
    with pytest.raises(Trouble, match="no waiting tool call has an id that begins with 'x'"):
        the_call(calls, "x")


def test_one_id_in_two_tenants_needs_the_tenant() -> None:
    rows = [row(parked(tenant_id=name, approvals=(approval("abc"),))) for name in ("acme", "globex")]

    with pytest.raises(Trouble, match=r"tenants acme, globex\): say --tenant"):
        the_call(calls_of(rows), "abc")


def test_a_decision_carries_the_digest_of_what_was_shown() -> None:
    command = call().decision(Command.APPROVE, "ann", "fine", AT)

    assert (command.approval_id, command.arguments_digest) == ("a1b2", "digest-of-a1b2")
    assert (command.request_id, command.actor, command.reason, command.at) == ("r-1", "ann", "fine", AT)


def test_what_is_decided_is_told_with_who_and_why() -> None:
    assert decided_line(call()) is None
    told = decided_line(call(approved=False, actor="bob\x1b[2J", reason="too\nmuch", decided_at=AT))
    assert told == "rejected by bob\ufffd[2J at 2026-11-21 07:00:00Z: too much"


def test_arguments_are_shown_whole_and_harmless_before_one_decides() -> None:
    said = call_text.question(call(arguments='{"to": "a\\u001b[2Jb", "list": [1, 2]}'), AT)

    assert said.startswith(
        "refund, wanted by agent billing for request r-1 of tenant acme, expires in 1 h 0 min"
    )
    assert "\x1b" not in said
    assert '    "list": [' in said


def test_arguments_that_are_no_json_are_shown_as_they_are() -> None:
    odd = call(arguments="not {json\x07", expires_at=AT)

    assert call_text.document(odd, AT)["arguments"] == "not {json\x07"
    assert call_text.question(odd, AT).endswith("which expired\n  not {json\ufffd")
    assert call_text.expiry(odd, AT) == "expired"


def test_all_that_is_known_is_told_of_one() -> None:
    others = (approval("x", approved=True), approval("y"))
    found = calls_of([row(parked(session_id="s-1", generation=1, approvals=(approval(), *others)))])[0]

    said = call_text.whole(found, AT + timedelta(minutes=90)).splitlines()

    assert "request   r-1, generation 1" in said
    assert "session   s-1" in said
    assert "asked     2026-11-21T07:00:00.000Z (1 h 30 min ago)" in said
    assert "expires   2026-11-21T08:00:00.000Z (expired)" in said
    assert "others    2 more calls of this run ask, 1 of them undecided" in said
    assert said[-4:] == ["  {", '    "order": 7,', '    "usd": "20.00"', "  }"]


def test_the_document_is_that_of_the_record() -> None:
    told = call_text.document(
        replace(call(), approval=approval(approved=True, actor="bob", decided_at=AT)), AT
    )

    assert told["arguments"] == {"order": 7, "usd": "20.00"}
    assert (told["approved"], told["actor"], told["expired"]) == (True, "bob", False)
    assert told["decided_at"] == told["asked_at"] == "2026-11-21T07:00:00.000Z"
