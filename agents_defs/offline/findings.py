"""Finds numbers, dates, addresses, names and quotations in a text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from agents_defs.words import stem, stems, words

# Bounded, and only from the start of a word: a text without spaces would otherwise take quadratic time.
EMAIL = re.compile(r"(?<![\w.+\-])[\w.+\-]{1,64}@[\w\-]{1,63}(?:\.[\w\-]{1,63})+")
URI = re.compile(r"https?://[^\s<>\"')\]]+")
UUID = re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b")
IPV4 = re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b")
TIME = re.compile(r"\b([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?\b")
REFERENCE = re.compile(r"\b(?=[\w\-/]*\d)[A-Za-z0-9][\w\-/]*\b")
QUOTED = re.compile(
    r"\"([^\"\n]+)\"|“([^”\n]+)”|«([^»\n]+)»|\u2018([^\u2019\n]+)\u2019|(?<!\w)'([^'\n]+)'(?!\w)|`([^`\n]+)`"
)
_NAME = re.compile(r"(?<![.!?\n]\s)(?<!^)\b[A-Z][\w'\u2019\-]+(?:\s+[A-Z][\w'\u2019\-]+)*")
_NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?![\d]|\.\d)")
_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
           "november", "december")  # fmt: skip
_MONTH = r"(?P<month>[A-Za-z]{3,9})\.?"
_DATES = (
    re.compile(r"\b(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})\b"),
    re.compile(r"\b(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4})\b"),
    re.compile(r"\b(?P<m>\d{1,2})/(?P<d>\d{1,2})/(?P<y>\d{4})\b"),
    re.compile(rf"\b(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? {_MONTH},? (?P<y>\d{{4}})\b"),
    re.compile(rf"\b{_MONTH} (?P<d>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<y>\d{{4}})\b"),
)
_SPELLED = {
    word: value
    for value, word in enumerate(
        (
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
        )
    )
}
_ENUMERATION = re.compile(r"\s*(?:[,;&]|and|or|\s)*#?\s*")
_CLAUSE_END = re.compile(r"[,;!?]")
_COUNTING = frozenset(
    ["last", "first", "top", "newest", "latest", "next", "previous", "recent", "oldest", "only"]
)
NEAR_WORDS = 3
"""How many words may stand between a name and its value: "order with the number 7"."""


@dataclass(frozen=True, slots=True)
class Number:
    value: float
    start: int
    end: int


def numbers(text: str) -> list[Number]:
    """The numbers of a text, in figures or, up to twelve, in words; without those of dates and addresses."""
    masked = text
    for pattern in (EMAIL, URI, UUID, IPV4, TIME, *_DATES):
        masked = pattern.sub(lambda found: " " * len(found[0]), masked)
    found = [
        Number(float(hit[0].replace(",", "")), hit.start(), hit.end()) for hit in _NUMBER.finditer(masked)
    ]
    for hit in re.finditer(r"[A-Za-z]+", masked):
        value = _SPELLED.get(hit[0].lower())
        if value is not None and value > 1:  # "one" mostly is no number
            found.append(Number(float(value), hit.start(), hit.end()))
    return sorted(found, key=lambda number: number.start)


def numbers_named(text: str, name: str) -> list[Number]:
    """The numbers near one of the words of `name`: "order 7", "7 days". "3 orders" has no number of an order.

    After a word may come an enumeration: "orders 7, 8 and 9".
    """
    singular = {word for word in words(name) if not word.endswith("s")}
    wanted = {stem(word) for word in words(name)}
    named: list[Number] = []
    for number in numbers(text):
        before = words(_CLAUSE_END.split(text[max(0, number.start - 60) : number.start])[-1])[-NEAR_WORDS:]
        after = words(text[number.end : number.end + 40])[:1]
        between = text[named[-1].end : number.start] if named else ""
        if (
            (named and _ENUMERATION.fullmatch(between))
            or wanted & {stem(word) for word in before}
            or (
                after
                and stem(after[0]) in wanted
                and not (after[0].endswith("s") and after[0][:-1] in singular)
            )
        ):
            named.append(number)
    return [number for number in named if not _counts(text, number)]


def counts(text: str) -> list[Number]:
    """The numbers that say how many: "the last 3 orders", "top 5"."""
    return [number for number in numbers(text) if _counts(text, number)]


def _counts(text: str, number: Number) -> bool:
    before = words(text[max(0, number.start - 30) : number.start])[-1:]
    after = words(text[number.end : number.end + 30])[:2]
    return bool(set(before) & _COUNTING) or ("limit" in before) or (bool(set(after[1:]) & _COUNTING))


def dates(text: str) -> list[str]:
    """The dates of a text, as YYYY-MM-DD, in the order in which they stand there."""
    found: dict[int, str] = {}
    for pattern in _DATES:
        for hit in pattern.finditer(text):
            parts = hit.groupdict()
            month = _month(parts["month"]) if "month" in parts else int(parts["m"])
            try:
                found.setdefault(hit.start(), date(int(parts["y"]), month, int(parts["d"])).isoformat())
            except ValueError:
                continue
    return [found[start] for start in sorted(found)]


def _month(name: str) -> int:
    """1 to 12, or 0 for what is no month."""
    short = name.lower()[:3]
    return next((number for number, month in enumerate(_MONTHS, 1) if month.startswith(short)), 0)


def quotations(text: str) -> list[str]:
    return [next(group for group in hit.groups() if group) for hit in QUOTED.finditer(text)]


def names(text: str) -> list[str]:
    """Words with capitals that do not begin a sentence."""
    return [hit[0] for hit in _NAME.finditer(text)]


def references(text: str) -> list[str]:
    """Words with figures in them: A-1042, INV-7, 1042."""
    masked = URI.sub(" ", EMAIL.sub(" ", text))
    return REFERENCE.findall(masked)


def after_label(text: str, name: str) -> str | None:
    """The value in "name: value", "name = value", "name is value"; up to the end of the clause."""
    for label in dict.fromkeys((name, name.replace("_", " "), (words(name) or [name])[-1])):
        hit = re.search(rf"(?i)\b{re.escape(label)}\s*(?::|=|\bis\b|\bare\b)\s*([^\n,;.!?]+)", text)
        if hit and hit[1].strip():
            return hit[1].strip().strip("\"'“”")
    return None


def overlap(text: str, other: str) -> int:
    """How many subjects two texts share."""
    return len(set(stems(text)) & set(stems(other)))
