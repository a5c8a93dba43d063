"""The load of a seed: what producers send, and what they get wrong."""

import json
from collections import Counter
from datetime import UTC, datetime

from app.simulator.grammar import parse
from schemas.requests import AgentRequest
from tests.chaos.load import Load, Shot

AT = datetime(2026, 11, 21, tzinfo=UTC)


def load(seed: str = "1") -> Load:
    return Load(seed, lambda: AT)


def shots(number: int = 600) -> list[Shot]:
    one = load()
    return [one.next() for _ in range(number)]


def test_a_seed_sends_the_same_each_time() -> None:
    one, same, other = load(), load(), load("2")

    first = [one.next() for _ in range(50)]

    assert first == [same.next() for _ in range(50)]
    assert first != [other.next() for _ in range(50)]


def test_requests_are_valid_and_their_steering_is_understood() -> None:
    requests = [shot for shot in shots() if shot.kind in ("request", "again", "aborted")]

    for shot in requests:
        request = AgentRequest.model_validate_json(shot.value or b"")
        assert request.tenant_id.encode() == shot.key
        assert isinstance(request.input, str)
        parse(request.input)


def test_only_first_sendings_are_due_and_their_ids_are_new() -> None:
    sent = shots()
    due = [shot.due for shot in sent if shot.due is not None]

    assert {shot.kind for shot in sent if shot.due is not None} == {"request"}
    assert len(due) == len(set(due))


def test_the_load_has_everything_that_may_go_wrong() -> None:
    sent = shots()
    bodies = [json.loads(shot.value or b"{}") for shot in sent if shot.kind == "request"]

    kinds = Counter(shot.kind for shot in sent)
    assert set(kinds) == {"request", "poison", "again", "conflict", "command", "aborted"}
    text = " ".join(body["input"] for body in bodies)
    for word in ("look_up", "transfer_to_specialist", "ship", "fail=429", "fail=400", "deltas="):
        assert word in text
    for field in ("session_id", "stream", "not_before", "deadline"):
        assert any(field in body for body in bodies)


def test_a_duplicate_is_the_same_record_and_a_conflict_another_body_of_the_same_id() -> None:
    sent = shots()
    first = {(shot.key, shot.value) for shot in sent if shot.kind == "request"}
    ids = {
        (shot.key, json.loads(shot.value or b"{}")["request_id"]) for shot in sent if shot.kind == "request"
    }

    assert all((shot.key, shot.value) in first for shot in sent if shot.kind == "again")
    for shot in sent:
        if shot.kind == "conflict":
            assert (shot.key, shot.value) not in first
            assert (shot.key, json.loads(shot.value or b"{}")["request_id"]) in ids
