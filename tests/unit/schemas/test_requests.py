"""AgentRequest takes what the contract allows and nothing beyond it."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.codec import decode, encode
from schemas.requests import AgentRequest, OverLimit, Priority

SMALLEST: dict[str, Any] = {"request_id": "r-1", "tenant_id": "acme", "agent": "support", "input": "Hello"}


def request(**fields: object) -> AgentRequest:
    return AgentRequest.model_validate({**SMALLEST, **fields})


def test_the_smallest_request_has_the_contracts_defaults() -> None:
    smallest = request()

    assert (smallest.stream, smallest.priority, smallest.over_limit) == (False, Priority.STANDARD, None)
    assert smallest.metadata == {}


def test_every_field_survives_the_wire() -> None:
    full = request(
        session_id="s",
        user_id="u",
        stream=True,
        priority="batch",
        deadline="2026-11-21T08:00:00+01:00",
        not_before="2026-11-21T07:00:00Z",
        over_limit="wait",
        model="gpt-x",
        max_turns=3,
        max_cost_usd="0.50",
        metadata={"team": "blue"},
        parent={"request_id": "r-0", "depth": 1, "path": ["research"]},
        created_at="2026-11-21T06:00:00Z",
    )

    again = decode(AgentRequest, encode(full))

    assert again == full
    assert again.deadline == datetime(2026, 11, 21, 7, tzinfo=UTC)
    assert (again.priority, again.over_limit, again.max_cost_usd) == (
        Priority.BATCH,
        OverLimit.WAIT,
        Decimal("0.5"),
    )


def test_fields_of_a_later_minor_are_ignored() -> None:
    assert request(colour="green") == request()


def test_input_items_are_kept_as_they_are() -> None:
    items = [
        {"role": "user", "content": [{"type": "input_text", "text": "hi", "detail": None}], "later": 1.5}
    ]

    kept = decode(AgentRequest, encode(request(input=items)))

    assert kept.input == items


@pytest.mark.parametrize(
    ("agent", "name", "pin"),
    [("support", "support", None), ("support@3", "support", 3), ("a.b-c_d@12", "a.b-c_d", 12)],
)
def test_agent_is_a_name_with_an_optional_pin(agent: str, name: str, pin: int | None) -> None:
    asked = request(agent=agent)

    assert (asked.agent_name, asked.agent_pin) == (name, pin)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("request_id", "x" * 128),
        ("request_id", "päivä 1/2 \n"),
        ("tenant_id", "A.b_c:d-9"),
        ("input", ""),
        ("input", []),
        ("session_id", None),
        ("metadata", {str(number): "" for number in range(16)}),
        ("max_cost_usd", "0"),
        ("max_turns", 1),
        ("deadline", None),
    ],
)
def test_what_the_contract_allows_is_valid(field: str, value: object) -> None:
    assert getattr(request(**{field: value}), field) in (value, Decimal(0))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("request_id", 7),
        ("request_id", ""),
        ("request_id", "x" * 129),
        ("request_id", None),
        ("tenant_id", "a b"),
        ("tenant_id", "acme\n"),
        ("tenant_id", "t" * 129),
        ("tenant_id", "ä"),
        ("agent", ""),
        ("agent", "two words"),
        ("agent", "support@"),
        ("agent", "support@0"),
        ("agent", "support@latest"),
        ("agent", "@3"),
        ("input", None),
        ("input", {"role": "user"}),
        ("input", ["hello"]),
        ("input", [{"role": "user"}, None]),
        ("input", 5),
        ("session_id", ""),
        ("session_id", 5),
        ("user_id", ["u"]),
        ("stream", "true"),
        ("stream", 1),
        ("stream", None),
        ("priority", "urgent"),
        ("priority", 1),
        ("over_limit", "queue"),
        ("deadline", "2026-11-21T07:00:00"),
        ("deadline", datetime(2026, 11, 21)),  # noqa: DTZ001 - a naive time is the point
        ("deadline", 1763708738),
        ("not_before", "tomorrow"),
        ("model", ""),
        ("max_turns", 0),
        ("max_turns", True),
        ("max_turns", "3"),
        ("max_turns", 2.5),
        ("max_cost_usd", "-0.01"),
        ("max_cost_usd", 0.5),
        ("max_cost_usd", "1e2"),
        ("metadata", {str(number): "" for number in range(17)}),
        ("metadata", {"n": 1}),
        ("metadata", {"n": None}),
        ("metadata", []),
        ("parent", "r-0"),
        ("parent", {"depth": 1}),
        ("parent", {"request_id": "r", "depth": -1, "path": []}),
        ("parent", {"request_id": "r", "depth": 1, "path": "a/b"}),
        ("created_at", "yesterday"),
    ],
)
def test_anything_else_is_invalid(field: str, value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        request(**{field: value})

    assert {error["loc"][0] for error in caught.value.errors()} == {field}


@pytest.mark.parametrize("field", sorted(SMALLEST))
def test_the_four_required_fields_are_required(field: str) -> None:
    incomplete = {name: value for name, value in SMALLEST.items() if name != field}

    with pytest.raises(ValidationError, match="Field required"):
        AgentRequest.model_validate(incomplete)


def test_a_request_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        request().stream = True  # type: ignore[misc]  # that it is read-only is the point
