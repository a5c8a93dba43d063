"""Finds why an answer is not the one JSON document that fits a schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from agents_defs.guardrails.finding import Finding

MAX_DEPTH = 60
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "object": dict, "array": list, "string": str, "boolean": bool, "null": type(None),
}  # fmt: skip
_SHAPES = {
    "date": re.compile(r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"),
    "date-time": re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)"),
    "time": re.compile(r"\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)?"),
    "email": re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+"),
    "uri": re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:\S+"),
    "uuid": re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"),
    "ipv4": re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.|$)){4}"),
}


class NoDocument(ValueError):
    """The text is not one JSON document."""


def json_format(text: str, schema: Mapping[str, Any]) -> list[Finding]:
    """Nothing where the text is one document that fits. Knows the usual words of JSON schemas."""
    try:
        document = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return [Finding("no_json", 1.0, 0, len(text))]
    reason = next(_breaches(document, schema, schema, 0), None)
    return [] if reason is None else [Finding(f"schema_{reason}", 1.0, 0, len(text))]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NoDocument("a name stands twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise NoDocument(f"{name} is no JSON")


def _breaches(value: Any, schema: Any, root: Mapping[str, Any], depth: int) -> Iterator[str]:
    if schema is True or depth > MAX_DEPTH:
        return
    if schema is False:
        yield "never"
        return
    if "type" in schema and not _is(value, schema["type"]):
        yield "type"
        return
    if "enum" in schema and not any(_same(value, one) for one in schema["enum"]):
        yield "enum"
    if "const" in schema and not _same(value, schema["const"]):
        yield "const"
    yield from _combined(value, schema, root, depth)
    if isinstance(value, dict):
        yield from _object(value, schema, root, depth)
    elif isinstance(value, list):
        yield from _array(value, schema, root, depth)
    elif isinstance(value, str):
        yield from _string(value, schema)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _number(value, schema)


def _combined(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> Iterator[str]:
    def fits(one: Any) -> bool:
        return next(_breaches(value, one, root, depth + 1), None) is None

    if "$ref" in schema:
        yield from _breaches(value, _resolved(str(schema["$ref"]), root), root, depth + 1)
    for one in schema.get("allOf", ()):
        yield from _breaches(value, one, root, depth + 1)
    if "anyOf" in schema and not any(fits(one) for one in schema["anyOf"]):
        yield "any_of"
    if "oneOf" in schema and sum(fits(one) for one in schema["oneOf"]) != 1:
        yield "one_of"
    if "not" in schema and fits(schema["not"]):
        yield "not"
    if "if" in schema:
        yield from _breaches(
            value, schema.get("then" if fits(schema["if"]) else "else", True), root, depth + 1
        )


def _object(
    value: dict[str, Any], schema: Mapping[str, Any], root: Mapping[str, Any], depth: int
) -> Iterator[str]:
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    if any(name not in value for name in schema.get("required", ())):
        yield "required"
    if not schema.get("minProperties", 0) <= len(value) <= schema.get("maxProperties", len(value)):
        yield "properties"
    other = schema.get("additionalProperties", True)
    for name, one in value.items():
        matching = [part for pattern, part in patterns.items() if re.search(pattern, name)]
        for part in ([known[name]] if name in known else []) + matching:
            yield from _breaches(one, part, root, depth + 1)
        if name not in known and not matching:
            if other is False:
                yield "additional"
            else:
                yield from _breaches(one, other, root, depth + 1)
        if "propertyNames" in schema:
            yield from _breaches(name, schema["propertyNames"], root, depth + 1)


def _array(value: list[Any], schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> Iterator[str]:
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        yield "items"
    if schema.get("uniqueItems") and any(
        _same(one, two) for at, one in enumerate(value) for two in value[:at]
    ):
        yield "unique"
    first = schema.get("prefixItems", ())
    for one, part in zip(value, first, strict=False):
        yield from _breaches(one, part, root, depth + 1)
    for one in value[len(first) :]:
        yield from _breaches(one, schema.get("items", True), root, depth + 1)
    if "contains" in schema and not any(
        next(_breaches(one, schema["contains"], root, depth + 1), None) is None for one in value
    ):
        yield "contains"


def _string(value: str, schema: Mapping[str, Any]) -> Iterator[str]:
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        yield "length"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield "pattern"
    shape = _SHAPES.get(schema.get("format", ""))
    if shape is not None and not shape.fullmatch(value):
        yield "format"


def _number(value: float, schema: Mapping[str, Any]) -> Iterator[str]:
    low, high = schema.get("minimum", value), schema.get("maximum", value)
    if not low <= value <= high:
        yield "range"
    if "exclusiveMinimum" in schema and not value > schema["exclusiveMinimum"]:
        yield "range"
    if "exclusiveMaximum" in schema and not value < schema["exclusiveMaximum"]:
        yield "range"
    step = schema.get("multipleOf")
    if step and abs(value / step - round(value / step)) > 1e-9:
        yield "multiple"


def _is(value: Any, names: str | list[str]) -> bool:
    return any(_is_one(value, name) for name in ([names] if isinstance(names, str) else names))


def _is_one(value: Any, name: str) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if name == "number":
        return number
    if name == "integer":
        return number and float(value).is_integer()
    kind = _TYPES.get(name)
    return kind is None or isinstance(value, kind)


def _same(one: Any, two: Any) -> bool:
    return bool(one == two) and isinstance(one, bool) == isinstance(two, bool)


def _resolved(reference: str, root: Mapping[str, Any]) -> Any:
    found: Any = root
    for part in reference.removeprefix("#").strip("/").split("/"):
        if part:
            found = found[part.replace("~1", "/").replace("~0", "~")]
    return found
