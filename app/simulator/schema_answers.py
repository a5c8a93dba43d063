"""The plainest value that satisfies a JSON Schema, the way a model in structured-output mode must."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

_MAX_DEPTH = 64
_OPTIONAL_DEPTH = 6
"""Deeper than this, what may be left out is left out: recursive schemas end."""

_FORMATS = {
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "time": "00:00:00Z",
    "duration": "P1D",
    "email": "someone@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_GUESSES = (
    *"aA01",
    *("Aa", "aa", "AA", "a1", "A1", "a-1", "A-1", "00", "000", "0000", "00000", "0.0", "0.00"),
    *("aaa", "AAA", "AAA-000", "AA-0000", "+10000000000", "1.0.0", "#000000"),
    *_FORMATS.values(),
)
"""Tried in turn where a schema has a pattern."""


class UnanswerableSchemaError(Exception):
    """A schema for which no value is found; a steered `text="..."` answers it."""


def satisfy(schema: Mapping[str, Any], phrase: str) -> Any:
    """A value for `schema`; free strings carry `phrase`, so that different inputs differ."""
    try:
        return _Builder(schema, phrase).build(schema, 0)
    except (TypeError, ValueError, KeyError, AttributeError, re.error) as error:
        raise UnanswerableSchemaError(f"the schema is not valid ({error})") from error


class _Builder:
    def __init__(self, root: Mapping[str, Any], phrase: str) -> None:
        self.root = root
        self.phrase = phrase

    def build(self, schema: Any, depth: int) -> Any:
        if depth > _MAX_DEPTH:
            raise UnanswerableSchemaError("the schema demands a value without end")
        if schema is True or schema == {}:
            return self.phrase
        if not isinstance(schema, Mapping):
            raise UnanswerableSchemaError("the schema allows no value")
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._first(schema["enum"])
        for union in ("anyOf", "oneOf"):
            if union in schema:
                return self._one_of(schema, union, depth)
        return self._of_type(schema, depth)

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """`schema` with what it refers to and what it is composed of merged in."""
        merged = dict(schema)
        for _ in range(_MAX_DEPTH):
            if "$ref" in merged:
                merged = _merge(self._target(merged.pop("$ref")), merged)
            elif "allOf" in merged:
                for part in merged.pop("allOf"):
                    merged = _merge(part, merged)
            else:
                return merged
        raise UnanswerableSchemaError("the schema refers to itself")

    def _target(self, reference: str) -> Mapping[str, Any]:
        found: Any = self.root
        for name in reference.removeprefix("#").split("/")[1:]:
            found = (
                found.get(name.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None
            )
        if not isinstance(found, Mapping) or not reference.startswith("#"):
            raise UnanswerableSchemaError(f"the schema refers to {reference!r}, which it does not hold")
        return found

    def _one_of(self, schema: Mapping[str, Any], union: str, depth: int) -> Any:
        rest = {name: value for name, value in schema.items() if name != union}
        branches = [_merge(branch, rest) for branch in schema[union] if isinstance(branch, Mapping)]
        if depth >= _OPTIONAL_DEPTH:
            branches.sort(key=lambda branch: branch.get("type") != "null")
        reason = UnanswerableSchemaError(f"{union} is empty")
        for branch in branches:
            try:
                return self.build(branch, depth + 1)
            except UnanswerableSchemaError as error:
                reason = error
        raise reason

    def _of_type(self, schema: Mapping[str, Any], depth: int) -> Any:
        kinds = schema.get("type") or _implied_type(schema)
        kind = kinds if isinstance(kinds, str) else self._pick(kinds, depth)
        match kind:
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(schema, depth)
            case "string":
                return self._string(schema)
            case "integer" | "number":
                return _number(schema, whole=kind == "integer")
            case "boolean":
                return False
            case "null":
                return None
            case _:
                raise UnanswerableSchemaError(f"{kind!r} is no JSON type")

    def _pick(self, kinds: list[str], depth: int) -> str:
        if depth >= _OPTIONAL_DEPTH and "null" in kinds:
            return "null"
        return str(self._first(kinds))

    def _first(self, values: list[Any]) -> Any:
        if not values:
            raise UnanswerableSchemaError("the schema allows no value")
        return values[0]

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        required = schema.get("required", ())
        properties = schema.get("properties", {})
        built = {
            name: self.build(value, depth + 1)
            for name, value in properties.items()
            if name in required or depth < _OPTIONAL_DEPTH
        }
        extra = schema.get("additionalProperties", True)
        for name in required:
            if name not in built:
                built[name] = self.build(extra, depth + 1)
        for number in range(schema.get("minProperties", 0) - len(built)):
            built[f"field_{number + 1}"] = self.build(extra, depth + 1)
        return built

    def _array(self, schema: Mapping[str, Any], depth: int) -> list[Any]:
        firsts = [self.build(item, depth + 1) for item in schema.get("prefixItems", ())]
        least = schema.get("minItems", 0)
        if not firsts and depth < _OPTIONAL_DEPTH and schema.get("maxItems", 1) > 0 and "items" in schema:
            least = max(least, 1)  # one item says more about a consumer than none
        items = schema.get("items", True)
        while len(firsts) < least:
            firsts.append(
                self._item(items, len(firsts), unique=schema.get("uniqueItems", False), depth=depth)
            )
        return firsts

    def _item(self, schema: Any, number: int, *, unique: bool, depth: int) -> Any:
        if not unique or number == 0:
            return self.build(schema, depth + 1)
        resolved = self._resolved(schema) if isinstance(schema, Mapping) else {}
        if "enum" in resolved and number < len(resolved["enum"]):
            return resolved["enum"][number]
        if resolved.get("type") in ("integer", "number"):
            return _number(resolved, whole=True) + number * resolved.get("multipleOf", 1)
        return _Builder(self.root, f"{self.phrase} {number + 1}").build(schema, depth + 1)

    def _string(self, schema: Mapping[str, Any]) -> str:
        least, most = schema.get("minLength", 0), schema.get("maxLength", math.inf)
        for text in self._strings(schema, least, most):
            if least <= len(text) <= most and _matches(schema.get("pattern"), text):
                return text
        raise UnanswerableSchemaError(f"no string is found for {dict(schema)}")

    def _strings(self, schema: Mapping[str, Any], least: int, most: float) -> Iterator[str]:
        if "format" in schema:
            yield _FORMATS.get(schema["format"], self.phrase)
            return
        yield self.phrase
        yield self.phrase.ljust(least, ".")[: None if most == math.inf else int(most)]
        yield from _GUESSES
        for character in "aA0":
            for length in range(max(1, least), 65):
                yield character * length


def _merge(inner: Any, outer: Mapping[str, Any]) -> dict[str, Any]:
    """Both schemas at once: objects join their properties, elsewhere the outer word counts."""
    if not isinstance(inner, Mapping):
        return dict(outer)
    merged = {**inner, **outer}
    for name in ("properties", "$defs"):
        if name in inner and name in outer:
            merged[name] = {**inner[name], **outer[name]}
    if "required" in inner and "required" in outer:
        merged["required"] = [*inner["required"], *outer["required"]]
    return merged


def _implied_type(schema: Mapping[str, Any]) -> str:
    for word, kind in (
        ("properties", "object"), ("required", "object"), ("items", "array"), ("prefixItems", "array"),
        ("minimum", "number"), ("maximum", "number"), ("multipleOf", "number"),
    ):  # fmt: skip
        if word in schema:
            return kind
    return "string"


def _number(schema: Mapping[str, Any], *, whole: bool) -> float:
    """The number nearest to zero, from above where that is possible."""
    step = schema.get("multipleOf", 1)
    least = max(schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf))
    most = min(schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf))
    start = max(0, least) if most >= 0 else most
    first = math.ceil(start / step) * step if most >= 0 else math.floor(start / step) * step
    between = () if whole or "multipleOf" in schema else (first, least, most, (least + most) / 2)
    for value in (first, first + step, first - step, *between):
        if _within(schema, value) and (not whole or value == int(value)):
            return int(value) if whole else value
    raise UnanswerableSchemaError(f"no number is found for {dict(schema)}")


def _within(schema: Mapping[str, Any], value: float) -> bool:
    return (
        math.isfinite(value)
        and schema.get("minimum", -math.inf) <= value <= schema.get("maximum", math.inf)
        and schema.get("exclusiveMinimum", -math.inf) < value < schema.get("exclusiveMaximum", math.inf)
    )


def _matches(pattern: str | None, text: str) -> bool:
    return pattern is None or re.search(pattern, text) is not None
