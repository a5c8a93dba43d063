"""Values of all kinds of types, filled from a text."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from agents import AgentOutputSchema
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, HttpUrl, IPvAnyAddress, TypeAdapter
from typing_extensions import TypedDict

from agents_defs.offline import conversation, findings
from agents_defs.offline.patterns import matching
from agents_defs.offline.schema_values import SchemaValues
from agents_defs.offline.sources import Source
from agents_defs.offline.structured import structured_answer
from agents_defs.offline.sums import computed
from agents_defs.words import sentences, stem

TEXT = (
    "The customer Ada Berg (ada@example.org, https://example.org/x) wrote on 3 March 2026 at 14:30: "
    '"the pump is loud". Order A-1042, 3 items, 12.50 each. It is not urgent. Colour: red.'
)


class Colour(enum.Enum):
    BLUE = "blue"
    RED = "red"


class Node(BaseModel):
    label: str
    children: list[Node]


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: Annotated[int, Field(ge=1, le=9)]


class Dog(BaseModel):
    kind: Literal["dog"]
    good: bool


class Typed(TypedDict):
    name: str
    count: int


@dataclass
class Plain:
    ratio: float
    names: list[str]


class Fields(BaseModel):
    email: Annotated[str, Field(json_schema_extra={"format": "email"})]
    link: HttpUrl
    day: date
    at: datetime
    hour: time
    took: timedelta
    key: UUID
    price: Decimal
    colour: Colour
    address: IPvAnyAddress
    code: Annotated[str, Field(pattern=r"^[A-Z]-\d{4}$")]
    odd: Annotated[str, Field(pattern=r"^(x|y)[^a-f]{3}\s?$")]
    short: Annotated[str, Field(min_length=5, max_length=8)]
    even: Annotated[int, Field(multiple_of=4, ge=10)]
    share: Annotated[float, Field(gt=0, lt=1)]
    pair: tuple[int, str]
    some: Annotated[list[int], Field(min_length=2, max_length=3)]
    maybe: str | None
    either: int | str
    summary: str


TYPES: list[Any] = [
    Fields,
    Node,
    Plain,
    Typed,
    Colour,
    list[Node],
    list[str],
    dict[str, int],
    Cat | Dog,
    list[Cat | Dog],
    int,
    bool,
    float | None,
    Annotated[list[Annotated[str, Field(pattern=r"^\d{3}$")]], Field(min_length=2)],
]


def filled(kind: Any, text: str) -> Any:
    """As an agent with this output type would be answered."""
    schema = AgentOutputSchema(kind, strict_json_schema=False)
    return schema.validate_json(structured_answer(conversation.read(text), "You are a clerk.", schema))


@pytest.mark.parametrize("kind", TYPES, ids=str)
@pytest.mark.parametrize("text", [TEXT, "", "no", "17"])
def test_any_type_is_filled_validly(kind: Any, text: str) -> None:
    filled(kind, text)


@given(st.text(max_size=200), st.sampled_from(TYPES))
@settings(deadline=None, max_examples=60)
def test_any_text_fills_any_type(text: str, kind: Any) -> None:
    filled(kind, text)


def test_what_the_text_says_is_taken() -> None:
    found = filled(Fields, TEXT)

    assert (found.email, str(found.link)) == ("ada@example.org", "https://example.org/x")
    assert (found.day, found.hour) == (date(2026, 3, 3), time(14, 30))
    assert (found.colour, found.code) == (Colour.RED, "A-1042")


def arguments(kind: Any, text: str, *earlier: str) -> Any:
    return SchemaValues(TypeAdapter(kind).json_schema(), Source(text, earlier)).arguments()


class Lookup(BaseModel):
    order: Annotated[int, Field(ge=1)]
    limit: Annotated[int, Field(ge=1, le=20)] = 5


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("order 7", 7),
        ("order number 7", 7),
        ("the order with the number 1,042", 1042),
        ("#7", 7),
        ("on 2026-11-02 I sent order 7 at 10:30", 7),
        ("call 3 friends about order 7", 7),
    ],
)
def test_the_number_that_is_meant(text: str, order: int) -> None:
    assert arguments(Lookup, text) == {"order": order, "limit": 5}


@pytest.mark.parametrize("text", ["my last 3 orders", "an order", "order zero", "order 1.5"])
def test_a_number_that_is_not_there_is_not_made_up(text: str) -> None:
    assert arguments(Lookup, text) is None


def test_a_number_is_looked_for_in_what_was_said_before() -> None:
    assert arguments(Lookup, "where is it?", "hello", "about order 7") == {"order": 7, "limit": 5}


def test_a_count_is_a_limit() -> None:
    assert arguments(Lookup, "the last 3 changes of order 7") == {"order": 7, "limit": 3}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("on 3rd of March 2026", ["2026-03-03"]),
        ("Nov 18, 2026 and 18.11.2026", ["2026-11-18", "2026-11-18"]),
        ("11/18/2026", ["2026-11-18"]),
        ("2026-02-30 or 13/45/2026 or Foo 3, 2026", []),
    ],
)
def test_dates_are_read_as_they_are_written(text: str, expected: list[str]) -> None:
    assert findings.dates(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("what is 12*7+5?", "12*7+5 = 89."),
        ("(2 + 3) * 4", "(2 + 3) * 4 = 20."),
        ("10 / 4", "10 / 4 = 2.5."),
        ("3 x 4", "3 x 4 = 12."),
        ("1/0", None),
        ("9**9**9**9", None),
        ("call 555-1234-99", "555-1234-99 = -778."),
        ("no sum at all", None),
        ("2 + ", None),
    ],
)
def test_sums(text: str, expected: str | None) -> None:
    assert computed(text) == expected


@given(st.text(max_size=100))
def test_no_text_breaks_the_sums(text: str) -> None:
    computed(text)


@pytest.mark.parametrize(
    "pattern",
    [
        r"^[A-Z]{2}\d{4}$",
        r"^\+?[0-9 ]{7,}$",
        r"(foo|bar)-[^a-z]+",
        r"^\w+@\w+\.de$",
        r"a?b*c+",
        r"\bend$",
        r".",
    ],
)
def test_a_text_is_made_for_a_pattern(pattern: str) -> None:
    import re

    made = matching(pattern)

    assert made is not None
    assert re.search(pattern, made)


@pytest.mark.parametrize("pattern", [r"^(?!a)a", r"(", r"(?=b)a"])
def test_no_text_is_made_where_none_is_found(pattern: str) -> None:
    assert matching(pattern) is None


@pytest.mark.parametrize(
    "forms",
    [
        ("invoice", "invoices"),
        ("charge", "charged", "charges", "charging"),
        ("ship", "shipped", "shipping", "ships"),
        ("calibrate", "calibration", "calibrating"),
        ("delay", "delays", "delayed", "delaying"),
        ("company", "companies"),
        ("install", "installation"),
    ],
)
def test_forms_of_a_word_have_one_stem(forms: tuple[str, ...]) -> None:
    assert len({stem(form) for form in forms}) == 1


def test_sentences_and_list_lines_are_told_apart() -> None:
    assert sentences("One. Two!\n- three\n- four\n\nFive") == ["One.", "Two!", "- three", "- four", "Five"]


def test_a_conversation_is_read_from_the_last_question_on() -> None:
    said = conversation.read(
        [
            {"role": "user", "content": "first"},
            {"type": "function_call", "call_id": "a", "name": "old", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "a", "output": "1"},
            {"role": "user", "content": [{"type": "input_text", "text": "second"}, {"type": "input_image"}]},
            {"type": "function_call", "call_id": "b", "name": "transfer_to_x", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "b", "output": '{"assistant": "x"}'},
            {"type": "function_call", "call_id": "c", "name": "new", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "{'n': 1}"},
        ]
    )

    assert (said.request, said.earlier) == ("second\n[image]", ("first",))
    assert [one.name for one in said.done] == ["transfer_to_x", "new"]
    assert [(one.name, one.output) for one in said.own()] == [("new", {"n": 1})]
