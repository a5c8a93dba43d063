"""Ids of what agents ask each other: fixed for a call, of bounded length, and found by their session."""

from typing import Any

import pytest

from schemas.requests import AgentRequest
from streams.question_ids import asked_in, question_id


def asking(request_id: str = "r-1", session_id: str | None = "s", tenant_id: str = "acme") -> AgentRequest:
    fields: Any = {"session_id": session_id} if session_id is not None else {}
    return AgentRequest(request_id=request_id, tenant_id=tenant_id, agent="boss", input="hello", **fields)


def test_the_same_call_of_the_same_attempt_has_one_id_and_no_other_has_it() -> None:
    calls = [(asking(), "t-1", "c-0"), (asking(), "t-2", "c-0"), (asking(), "t-1", "c-1")]
    calls += [(asking("r-2"), "t-1", "c-0"), (asking(session_id="t"), "t-1", "c-0")]

    ids = [question_id(*call) for call in calls * 2]

    assert ids[:5] == ids[5:]
    assert len(set(ids)) == 5


def test_what_is_asked_in_a_session_is_found_however_far_down() -> None:
    first = question_id(asking(), "t", "c-0")
    second = question_id(asking(first, None), "t", "c-0")
    third = question_id(asking(second, None), "t", "c-0")

    assert all(asked_in("acme", "s", one) for one in (first, second, third))


def test_ids_stay_as_short_as_ids_have_to_be() -> None:
    name = "r" * 128
    for _ in range(5):
        name = question_id(asking(name, "s" if name == "r" * 128 else None), "t", "c-0")

    assert len(name) <= 128
    assert asked_in("acme", "s", name)


@pytest.mark.parametrize(
    ("tenant_id", "session_id"), [("acme", "t"), ("globex", "s"), ("acm", "e:s"), ("acme", "")]
)
def test_it_is_found_in_no_other_session(tenant_id: str, session_id: str) -> None:
    assert not asked_in(tenant_id, session_id, question_id(asking(), "t", "c-0"))


def test_what_is_asked_without_a_session_is_found_in_none() -> None:
    name = question_id(asking(session_id=None), "t", "c-0")

    assert name.rpartition("~")[2].isalnum()
    assert not asked_in("acme", "s", name)
