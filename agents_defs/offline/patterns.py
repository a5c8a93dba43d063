"""Makes the simplest text that a regular expression matches."""

from __future__ import annotations

import re
from re import _constants as kinds  # type: ignore[attr-defined]  # the parser of the standard library, untyped
from re import _parser as parser  # type: ignore[attr-defined]  # as above
from typing import Any

_CATEGORIES = {
    kinds.CATEGORY_DIGIT: "0",
    kinds.CATEGORY_NOT_DIGIT: "a",
    kinds.CATEGORY_SPACE: " ",
    kinds.CATEGORY_NOT_SPACE: "a",
    kinds.CATEGORY_WORD: "a",
    kinds.CATEGORY_NOT_WORD: "-",
}


def matching(pattern: str) -> str | None:
    """A text that the pattern finds something in; None where none was made."""
    try:
        made = _sequence(parser.parse(pattern))
        return made if re.search(pattern, made) else None
    except (re.error, KeyError, TypeError, ValueError, RecursionError):
        return None


def _sequence(parsed: Any) -> str:
    return "".join(_part(kind, value) for kind, value in parsed)


def _part(kind: Any, value: Any) -> str:
    if kind is kinds.LITERAL:
        return chr(value)
    if kind in (kinds.MAX_REPEAT, kinds.MIN_REPEAT, kinds.POSSESSIVE_REPEAT):
        least, most, repeated = value
        return _sequence(repeated) * min(max(least, 0), 1000) if most else ""
    if kind is kinds.SUBPATTERN:
        return _sequence(value[-1])
    if kind is kinds.BRANCH:
        return _sequence(value[1][0])
    if kind is kinds.IN:
        return _member(value)
    simple = {kinds.ANY: "a", kinds.NOT_LITERAL: "b" if value == ord("a") else "a", kinds.AT: ""}
    return simple[kind]


def _member(choices: Any) -> str:
    """The first character of a set, or one outside of a negated set."""
    kind, value = choices[0]
    if kind is kinds.NEGATE:
        inside = re.compile("[" + "".join(re.escape(_choice(*choice)) for choice in choices[1:]) + "]")
        return next(letter for letter in "aA0-_ ~" if not inside.match(letter))
    return _choice(kind, value)


def _choice(kind: Any, value: Any) -> str:
    if kind is kinds.LITERAL:
        return chr(value)
    if kind is kinds.RANGE:
        return chr(value[0])
    return _CATEGORIES[value]
