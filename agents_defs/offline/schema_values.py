"""Fills a JSON schema from a text: the arguments of a tool, or an answer with an output type."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from agents_defs.offline import findings, languages
from agents_defs.offline.material import clauses, left_to_do
from agents_defs.offline.number_values import bounded, number_value
from agents_defs.offline.sources import Found, Schema, Source, field_words, subject_of
from agents_defs.offline.string_values import FORMATS, sized, string_value
from agents_defs.words import content_words, related, sentences, stem, stems, words

MAX_DEPTH = 12
MAX_ITEMS = 5
SEVERAL = 2
_WANTING = re.compile(r"\b(?:draft 1 of|error|failed)\b", re.IGNORECASE)
"""What a judge finds wanting: a first draft, and what did not work."""


class SchemaValues:
    """Fills one schema. `definitions` are those that its `$ref`s point to."""

    def __init__(self, schema: Schema, source: Source) -> None:
        self._root = schema
        self._source = source

    def arguments(self) -> dict[str, Any] | None:
        """The arguments of a tool; None where a required one is not in the text."""
        filled: dict[str, Any] = {}
        required = set(self._root.get("required", ()))
        for name, part in self._root.get("properties", {}).items():
            found = self.value(name, part)
            if found.certain or "default" in part:
                filled[name] = found.value
            elif name in required:
                if not self._optional(part):
                    return None
                filled[name] = found.value
        return filled

    def answer(self) -> Any:
        """A whole value, guessed where the text says nothing."""
        return self.value("", self._root).value

    def value(self, name: str, schema: Schema, depth: int = 0) -> Found:
        schema = self._resolved(schema)
        if depth > MAX_DEPTH:
            return Found(None, certain=False)
        if "const" in schema:
            return Found(schema["const"], certain=True)
        if "enum" in schema:
            return self._chosen(name, schema)
        if branches := schema.get("anyOf") or schema.get("oneOf"):
            return self._branch(name, schema, branches, depth)
        found = self._typed(name, schema, depth)
        if not found.certain and "default" in schema:
            return Found(schema["default"], certain=False)
        return found

    def _typed(self, name: str, schema: Schema, depth: int) -> Found:
        kind = schema.get("type", "object" if "properties" in schema else "string")
        if isinstance(kind, list):
            kind = next((one for one in kind if one != "null"), "null")
        found = Found(None, certain=False)  # of null, and of types that nobody knows
        match kind:
            case "object":
                found = self._object(schema, depth)
            case "array":
                found = self._array(name, schema, depth)
            case "integer" | "number":
                found = number_value(name, schema, self._source, whole=kind == "integer")
            case "boolean":
                found = self._boolean(name, schema)
            case "string":
                found = string_value(name, schema, self._source)
        return found

    def _resolved(self, schema: Schema) -> Schema:
        for _ in range(MAX_DEPTH):
            reference = schema.get("$ref")
            if isinstance(reference, str):
                rest = {key: value for key, value in schema.items() if key != "$ref"}
                schema = {**self._definition(reference), **rest}
            elif len(schema.get("allOf", ())) == 1:
                rest = {key: value for key, value in schema.items() if key != "allOf"}
                schema = {**schema["allOf"][0], **rest}
            else:
                break
        return schema

    def _definition(self, reference: str) -> Schema:
        found: Any = self._root
        for step in reference.removeprefix("#/").split("/"):
            found = found.get(step, {}) if isinstance(found, Mapping) else {}
        return found if isinstance(found, Mapping) else {}

    def _optional(self, schema: Schema) -> bool:
        """Whether null will do, which strict schemas ask for instead of leaving a field out."""
        schema = self._resolved(schema)
        branches = schema.get("anyOf") or schema.get("oneOf") or [schema]
        kinds = [branch.get("type") for branch in branches]
        return any(kind == "null" or (isinstance(kind, list) and "null" in kind) for kind in kinds)

    def _branch(self, name: str, schema: Schema, branches: Sequence[Schema], depth: int) -> Found:
        description = {"description": schema["description"]} if "description" in schema else {}
        tried = [self.value(name, {**description, **branch}, depth + 1) for branch in branches]
        certain = next((found for found in tried if found.certain), None)
        if certain is not None:
            return certain
        if "default" in schema:
            return Found(schema["default"], certain=False)
        if self._optional(schema):
            return Found(None, certain=False)
        return tried[0]

    def _chosen(self, name: str, schema: Schema) -> Found:
        """The choice that the text names; else by its facts, else the default or the first."""
        choices = list(schema["enum"])
        fact = self._source.facts.get(name)
        if fact in choices:
            return Found(fact, certain=True)
        spoken = {stem(word) for word in words(self._source.text)}
        for choice in choices:
            wanted = {stem(word) for word in words(str(choice))}
            if isinstance(choice, str) and wanted and wanted <= spoken:
                return Found(choice, certain=True)
        meant = self._meant(name, choices)
        if meant is not None:
            return Found(meant, certain=True)
        return Found(schema.get("default", choices[0] if choices else None), certain=False)

    def _meant(self, name: str, choices: list[Any]) -> Any:
        """A language is heard; else the choice of which the instructions say most about the text."""
        source = self._source
        if "language" in words(name):
            return languages.chosen(choices, source.text)
        about = {stem(word) for said in stems(source.text) for word in (said, *related(said))}
        weights = {}
        for choice in (one for one in choices if isinstance(one, str)):
            named = {stem(word) for word in words(choice)}
            lines = [set(stems(line)) for line in parts_of(source.instructions)]
            weights[choice] = sum(1 + 10 * len(about & line) for line in lines if named and named <= line)
        best = max(weights, key=lambda choice: weights[choice], default=None)
        return best if best is not None and weights[best] else None

    def _object(self, schema: Schema, depth: int) -> Found:
        made: dict[str, Any] = {}
        certain = False
        required = set(schema.get("required", ()))
        for name, part in schema.get("properties", {}).items():
            found = self.value(name, part, depth + 1)
            certain = certain or found.certain
            if found.certain or name in required:
                made[name] = found.value
        return Found(made, certain)

    def _array(self, name: str, schema: Schema, depth: int) -> Found:
        fact = self._source.facts.get(name)
        least, most = schema.get("minItems", 0), min(schema.get("maxItems", MAX_ITEMS), 100)
        items = schema.get("items") or next(iter(schema.get("prefixItems", ())), {"type": "string"})
        if prefix := schema.get("prefixItems"):
            return Found([self.value(name, part, depth + 1).value for part in prefix], certain=False)
        values = [*self._several(name, self._resolved(items), fact)][:most]
        certain = bool(values)
        singular = name.removesuffix("s")
        while len(values) < least:
            values.append(self.value(singular, items, depth + 1).value)
        if not values and most and self._resolved(items).get("type") == "object" and depth < 3:
            values.append(self.value(singular, items, depth + 1).value)
        return Found(values, certain)

    def _several(self, name: str, item: Schema, fact: Any) -> Iterator[Any]:
        """Each of the things of one kind that the text names."""
        text = self._source.text
        if isinstance(fact, list) and all(_fits(one, item) for one in fact):
            yield from fact
        elif "enum" in item:
            spoken = {stem(word) for word in words(text)}
            yield from (one for one in item["enum"] if {stem(word) for word in words(str(one))} <= spoken)
        elif item.get("type") in ("integer", "number"):
            named = findings.numbers_named(text, name) or findings.numbers(text)
            yield from (bounded(number.value, item, whole=item["type"] == "integer") for number in named)
        elif item.get("format") in FORMATS:
            yield from FORMATS[item["format"]][0](text)
        elif item.get("type") == "object":
            yield from self._portions(item)
        elif item.get("type") == "string" and (asked := self._asked_for(name)):
            yield from (sized(one, item) for one in asked)
        elif item.get("type") == "string":
            found = findings.quotations(text) or self._listed(name) or self._tags(name)
            yield from (sized(one, item) for one in found)

    def _portions(self, item: Schema) -> Iterator[Any]:
        """An object for each of the things that the text asks for, where it asks for several."""
        source = self._source
        asked = left_to_do(source.text, source.material)
        if source.telling is None or len(clauses(source.text)) < SEVERAL:
            return
        for one in asked[:MAX_ITEMS]:
            part = replace(source, text=one, earlier=(), facts={}, telling=lambda _, told=one: told)  # type: ignore[misc]  # a default binds it
            yield SchemaValues(self._root, part).value("", item).value

    def _asked_for(self, name: str) -> list[str]:
        """In a few words each: the things that the text asks for, where it asks for several."""
        source = self._source
        if source.telling is None or not set(words(name)) & field_words("portions"):
            return []
        asked = clauses(source.text)
        return [" ".join(content_words(one)[:8]) for one in asked] if len(asked) >= SEVERAL else []

    def _listed(self, name: str) -> list[str]:
        value = findings.after_label(self._source.text, name)
        return [part.strip() for part in re.split(r"\s*/\s*|\s+and\s+", value)] if value else []

    def _tags(self, name: str) -> list[str]:
        asked = set(words(name)) & field_words("tags") if self._source.telling is not None else ()
        return content_words(self._source.text)[:MAX_ITEMS] if asked else []

    def _boolean(self, name: str, schema: Schema) -> Found:
        fact = self._source.facts.get(name)
        if isinstance(fact, bool):
            return Found(fact, certain=True)
        if set(words(name)) & field_words("judgement") and self._source.telling is not None:
            told = f"{self._source.material} {' '.join(map(str, self._source.facts))}"
            return Found(_WANTING.search(told) is None, certain=True)
        subject = {stem(word) for word in content_words(f"{name} {subject_of(schema)}")}
        spoken = words(self._source.text)
        for place, word in enumerate(spoken):
            if stem(word) in subject:
                return Found(
                    not field_words("negations") & set(spoken[max(0, place - 3) : place]), certain=True
                )
        return Found(bool(schema.get("default", False)), certain=False)


def parts_of(instructions: str) -> list[str]:
    """Sentences, and parts of one that lists: "`orders` knows this, `devices` knows that"."""
    return [part for line in sentences(instructions) for part in re.split(r"[;:]|,\s+(?=`)", line)]


def _fits(value: Any, schema: Schema) -> bool:
    """Whether a fact can be taken as it is."""
    kinds: dict[str, tuple[type, ...]] = {
        "integer": (int,),
        "number": (int, float),
        "string": (str,),
        "boolean": (bool,),
    }
    kind = str(schema.get("type"))
    return isinstance(value, kinds.get(kind, ())) and (kind == "boolean" or not isinstance(value, bool))
