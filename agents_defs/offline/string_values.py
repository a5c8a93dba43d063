"""Finds the string that a field of a schema asks for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import inf

from agents_defs.offline import findings
from agents_defs.offline.patterns import matching
from agents_defs.offline.sources import Found, Schema, Source, field_words, subject_of
from agents_defs.words import content_words, words

QUERY_WORDS = 8


def _time(hit: re.Match[str]) -> str:
    return f"{int(hit[1]):02d}:{hit[2]}:{hit[3] or '00'}"


# How to find what has this format, and what to put where there is none.
FORMATS: Mapping[str, tuple[Callable[[str], Sequence[str]], str]] = {
    "email": (findings.EMAIL.findall, "unknown@example.com"),
    "idn-email": (findings.EMAIL.findall, "unknown@example.com"),
    "uri": (findings.URI.findall, "https://example.com/"),
    "url": (findings.URI.findall, "https://example.com/"),
    "uuid": (findings.UUID.findall, "00000000-0000-4000-8000-000000000000"),
    "ipv4": (findings.IPV4.findall, "192.0.2.1"),
    "ipvanyaddress": (findings.IPV4.findall, "192.0.2.1"),
    "ipv6": (lambda _: (), "2001:db8::1"),
    "hostname": (lambda _: (), "example.com"),
    "date": (findings.dates, "1970-01-01"),
    "date-time": (lambda text: [f"{day}T00:00:00Z" for day in findings.dates(text)], "1970-01-01T00:00:00Z"),
    "time": (lambda text: [_time(hit) for hit in findings.TIME.finditer(text)], "00:00:00"),
    "duration": (lambda _: (), "PT0S"),
}


def string_value(name: str, schema: Schema, source: Source) -> Found:
    if schema.get("format") in FORMATS:
        return _formatted(schema["format"], source)
    if isinstance(pattern := schema.get("pattern"), str):
        return _patterned(pattern, schema, source)
    fact = source.facts.get(name)
    if isinstance(fact, str | int | float) and not isinstance(fact, bool):
        return Found(sized(str(fact), schema), certain=True)
    known = set(words(name))
    if source.telling is not None and (known & field_words("telling") or not name):
        return Found(sized(source.telling(schema.get("maxLength", inf)), schema), certain=True)
    found = next((value for value in _spoken(name, known, schema, source) if value), None)
    if found:
        return Found(sized(found, schema), certain=True)
    instead = "unknown" if source.telling is None else source.telling(schema.get("maxLength", inf))
    return Found(sized(instead, schema), certain=False)


def sized(text: str, schema: Schema) -> str:
    """The text within the schema's length."""
    most = schema.get("maxLength")
    if most is not None and len(text) > most:
        text = text[:most]
    return text.ljust(schema.get("minLength", 0), ".")


def _formatted(name: str, source: Source) -> Found:
    find, instead = FORMATS[name]
    for text in source.texts:
        if found := find(text):
            return Found(found[0], certain=True)
    return Found(instead, certain=False)


def _patterned(pattern: str, schema: Schema, source: Source) -> Found:
    try:
        wanted = re.compile(pattern)
    except re.error:
        return Found(sized("unknown", schema), certain=False)
    for text in source.texts:
        for token in (*findings.quotations(text), *text.split()):
            for candidate in (token, token.strip(".,;:!?()[]\"'#")):
                if wanted.search(candidate) and sized(candidate, schema) == candidate:
                    return Found(candidate, certain=True)
    return Found(matching(pattern) or "unknown", certain=False)


def _spoken(name: str, known: set[str], schema: Schema, source: Source) -> Iterator[str | None]:
    """What the text may mean by a string of this name, the best guess first."""
    text = source.text
    if known & field_words("whole_text"):
        yield text.strip()
    yield findings.after_label(text, name)
    quoted = findings.quotations(text)
    if known & field_words("search"):
        yield quoted[0] if quoted else " ".join(content_words(text)[:QUERY_WORDS])
        return
    find = _finder(known, known | set(content_words(subject_of(schema))))
    if find is not None:
        for said in source.texts:
            yield from find(said)
    yield quoted[0] if quoted else None


def _finder(known: set[str], about: set[str]) -> Callable[[str], Sequence[str]] | None:
    """How to find what the field is about; by its name alone where its description would mislead."""
    kinds: tuple[tuple[str, set[str], Callable[[str], Sequence[str]]], ...] = (
        ("address", about, findings.EMAIL.findall),
        ("link", about, findings.URI.findall),
        ("day", known, findings.dates),
        ("reference", known, findings.references),
        ("named", about, findings.names),
    )
    return next((find for kind, where, find in kinds if where & field_words(kind)), None)
