"""Finds the number that a field of a schema asks for."""

from __future__ import annotations

from agents_defs.offline import findings
from agents_defs.offline.sources import Found, Schema, Source, field_words, subject_of
from agents_defs.words import words


def number_value(name: str, schema: Schema, source: Source, *, whole: bool) -> Found:
    """The number that stands near the field's name; for a limit the one that says how many."""
    fact = source.facts.get(name)
    if (
        isinstance(fact, int | float)
        and not isinstance(fact, bool)
        and bounded(fact, schema, whole=whole) == fact
    ):
        return Found(fact, certain=True)
    for text in source.texts:
        for number in _candidates(name, schema, text):
            value = bounded(number.value, schema, whole=whole)
            if value == number.value:
                return Found(value, certain=True)
    return Found(bounded(0, schema, whole=whole), certain=False)


def _candidates(name: str, schema: Schema, text: str) -> list[findings.Number]:
    counted = findings.counts(text)
    if set(words(name)) & field_words("counting"):
        return counted
    named = findings.numbers_named(text, name) or findings.numbers_named(text, subject_of(schema))
    if named or "default" in schema:  # what has a default is not meant by just any number
        return named
    return [number for number in findings.numbers(text) if number not in counted]


def bounded(value: float, schema: Schema, *, whole: bool) -> float | int:
    """The number within the schema's bounds that is nearest."""
    step = schema.get("multipleOf") or (1 if whole else None)
    low, high = schema.get("minimum"), schema.get("maximum")
    if isinstance(over := schema.get("exclusiveMinimum"), int | float):
        low = over + (step or 0.5)
    if isinstance(under := schema.get("exclusiveMaximum"), int | float):
        high = under - (step or 0.5)
    if step:
        value = round(value / step) * step
    if low is not None and value < low:
        value = -(-low // step) * step if step else low
    if high is not None and value > high:
        value = high // step * step if step else high
    return int(value) if whole else value
