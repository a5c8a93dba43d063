"""Answers to JSON Schemas: valid for what pydantic and hand-written schemas demand."""

from datetime import date, datetime
from enum import Enum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import BaseModel, Field, TypeAdapter

from app.simulator.schema_answers import UnanswerableSchemaError, satisfy


class Mood(Enum):
    CALM = "calm"
    CROSS = "cross"


class Node(BaseModel):
    name: str
    left: "Node | None"
    children: list["Node"]


class Line(BaseModel):
    sku: Annotated[str, Field(pattern=r"^[A-Z]{3}-\d{3}$")]
    amount: Annotated[int, Field(gt=0, le=10)]
    price: Annotated[float, Field(gt=0.1, lt=0.9)]


class Ticket(BaseModel):
    title: Annotated[str, Field(min_length=3, max_length=12)]
    long: Annotated[str, Field(min_length=60)]
    mood: Mood
    kind: Literal["bug", "wish"]
    lines: Annotated[list[Line], Field(min_length=2)]
    due: date
    at: datetime
    key: UUID
    score: Annotated[int, Field(ge=3, multiple_of=5)]
    debt: Annotated[int, Field(le=-3)]
    flagged: bool
    note: str | None
    either: int | str
    labels: dict[str, int]


@pytest.mark.parametrize(
    "kind",
    [
        Ticket,
        Node,
        Line,
        list[Ticket],
        int | None,
        Annotated[float, Field(ge=0.25, le=0.5)],
        tuple[int, str],
        set[Mood],
        Annotated[set[str], Field(min_length=3)],
    ],
)
def test_a_value_validates_against_the_type_that_made_the_schema(kind: Any) -> None:
    adapter = TypeAdapter(kind)

    value = satisfy(adapter.json_schema(), "Simulated answer 0123456789ab")

    adapter.validate_python(value, strict=False)


def test_free_strings_carry_the_phrase() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}, "b": {}}, "required": ["a", "b"]}

    assert satisfy(schema, "phrase 1") == {"a": "phrase 1", "b": "phrase 1"}


def test_nothing_is_flagged_and_nothing_counted_without_need() -> None:
    schema = {"type": "object", "properties": {"tripped": {"type": "boolean"}, "n": {"type": "integer"}}}

    assert satisfy(schema, "x") == {"tripped": False, "n": 0}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"const": 7}, 7),
        ({"enum": ["b", "a"]}, "b"),
        ({"type": ["null", "string"]}, None),
        ({"anyOf": [{"type": "string", "pattern": "^never$"}, {"const": "so"}]}, "so"),
        ({"allOf": [{"type": "object", "required": ["a"]}], "properties": {"a": {"const": 1}}}, {"a": 1}),
        ({"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"const": 2}}}, 2),
        ({"type": "array", "items": {"const": 1}, "maxItems": 0}, []),
        ({"type": "array", "items": {"enum": [1, 2]}, "uniqueItems": True, "minItems": 2}, [1, 2]),
        ({"required": ["x"], "additionalProperties": {"const": 3}}, {"x": 3}),
        ({"minimum": 2.5}, 3),
        ({"type": "integer", "maximum": -2.5}, -3),
        ({"type": "null"}, None),
        (True, "p"),
    ],
)
def test_each_word_of_a_schema_is_obeyed(schema: Any, value: object) -> None:
    assert satisfy(schema, "p") == value


@pytest.mark.parametrize(
    "schema",
    [
        {"enum": []},
        {"$ref": "#/$defs/none"},
        {"$ref": "https://example.com/schema"},
        {"$ref": "#"},
        {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
        {"type": "string", "pattern": "^nobody guesses this$"},
        {"type": "string", "pattern": "("},
        {"type": "integer", "minimum": 1, "maximum": 0},
        {"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 2},
        {"type": "string", "minLength": "three"},
        {"type": "tuple"},
        {"anyOf": []},
        False,
    ],
)
def test_a_schema_without_a_findable_value_is_refused(schema: Any) -> None:
    with pytest.raises(UnanswerableSchemaError):
        satisfy(schema, "p")
