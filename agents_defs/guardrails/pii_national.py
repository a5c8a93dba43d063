"""Finds numbers that states give to people: by shape, by check digits and, where these say little, by the words before."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from agents_defs.guardrails.pieces import each
from agents_defs.guardrails.pii_accounts import luhn

Span = tuple[int, int]
BEFORE = 45
_SSN = re.compile(
    r"(?<![\w.,/])(?<!\d[- ])(?<!\w-)(?!000|666|9)\d{3}(?P<gap>[- \u00a0.]?)(?!00)\d{2}(?P=gap)(?!0000)\d{4}(?!\w|[-./,]\d)"
)
_SSN_SAID = re.compile(
    r"\bssns?\b|social[ -]security|\bsoz(?:ial)?vers|seguro social|sécurité sociale", re.IGNORECASE
)
_SOMETHING_ELSE = re.compile(
    r"\b(?:order|part|serial|ticket|case|ref(?:erence)?|sku|item|model|invoice|tracking|parcel|batch|lot|article|product|code|version|"
    r"catalog(?:ue)?|license|licence|bestell\w*|artikel\w*|teile\w*|serien\w*|rechnung\w*|auftrag\w*|isbn|phone|tel|fax|zip|po|rma|policy|claim)\b",
    re.IGNORECASE,
)
Check = Callable[[str], bool]


def social_security_numbers(text: str, begin: int, stop: int) -> Iterator[Span]:
    """US numbers. Written without hyphens they are only taken for such where the text says so."""
    for match in each(_SSN, text, begin, stop):
        before = text[max(0, match.start() - BEFORE) : match.start()]
        said = _SSN_SAID.search(before) or _SSN_SAID.search(text[match.end() : match.end() + 30])
        if said or (match["gap"] == "-" and not _SOMETHING_ELSE.search(before[-25:])):
            yield match.span()


def national_ids(text: str, begin: int, stop: int) -> Iterator[Span]:
    """Of several countries."""
    for pattern, said, right in _IDS:
        for match in each(pattern, text, begin, stop):
            plain = re.sub(r"[ .\-/]", "", match.group()).upper()
            if not right(plain):
                continue
            if said is None or said.search(text[max(0, match.start() - BEFORE) : match.start()]):
                yield match.span()


def _spanish(plain: str) -> bool:
    number = plain[:-1].translate(str.maketrans("XYZ", "012"))
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == plain[-1]


def _italian(plain: str) -> bool:
    odd = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
    values = [int(one) if one.isdigit() else ord(one) - 65 for one in plain[:15]]
    total = sum(odd[value] for value in values[::2]) + sum(values[1::2])
    return chr(65 + total % 26) == plain[15]


def _french(plain: str) -> bool:
    number = plain[:13].replace("2A", "19").replace("2B", "18")
    return 97 - int(number) % 97 == int(plain[13:])


def _brazilian(plain: str) -> bool:
    def digit(upto: int) -> int:
        total = sum(int(one) * (upto + 1 - place) for place, one in enumerate(plain[:upto]))
        return total * 10 % 11 % 10

    return len(set(plain)) > 1 and [digit(9), digit(10)] == [int(plain[9]), int(plain[10])]


def _swiss(plain: str) -> bool:
    total = sum(int(one) * (3 if place % 2 else 1) for place, one in enumerate(plain[:12]))
    return -total % 10 == int(plain[12])


def _polish(plain: str) -> bool:
    total = sum(int(one) * weight for one, weight in zip(plain, (1, 3, 7, 9) * 3, strict=False))
    return (total - int(plain[10]) * 7 + int(plain[10])) % 10 == 0 and 1 <= int(plain[2:4]) % 20 <= 12


def _german(plain: str) -> bool:
    product = 10
    for one in plain[:10]:
        product = ((int(one) + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(plain[10])


def _dutch(plain: str) -> bool:
    total = sum(int(one) * weight for one, weight in zip(plain, (9, 8, 7, 6, 5, 4, 3, 2, -1), strict=True))
    return total % 11 == 0 and int(plain) > 0


def _canadian(plain: str) -> bool:
    return plain[0] not in "08" and luhn(plain)


def _swedish(plain: str) -> bool:
    return luhn(plain[-10:]) and 1 <= int(plain[-8:-6]) <= 12


def _words(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


_START, _END = r"(?<![\w.,/-])", r"(?!\w|[-./,]\d)"
_IDS: tuple[tuple[re.Pattern[str], re.Pattern[str] | None, Check], ...] = (
    (re.compile(rf"{_START}(?:\d{{8}}|[XYZ]\d{{7}})-?[A-HJ-NP-TV-Z]{_END}"), None, _spanish),
    (
        re.compile(rf"{_START}[A-Z]{{6}}\d\d[A-EHLMPRST]\d\d[A-Z]\d{{3}}[A-Z]{_END}", re.IGNORECASE),
        None,
        _italian,
    ),
    (
        re.compile(
            rf"{_START}[12] ?\d\d ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d\d|2[AB]) ?\d{{3}} ?\d{{3}} ?\d\d{_END}"
        ),
        None,
        _french,
    ),
    (re.compile(rf"{_START}\d{{3}}\.\d{{3}}\.\d{{3}}-\d\d{_END}"), None, _brazilian),
    (re.compile(rf"{_START}\d{{11}}{_END}"), _words(r"\bcpf\b"), _brazilian),
    (re.compile(rf"{_START}756\.\d{{4}}\.\d{{4}}\.\d\d{_END}"), None, _swiss),
    (re.compile(rf"{_START}\d{{11}}{_END}"), _words(r"\bpesel\b"), _polish),
    (
        re.compile(rf"{_START}\d\d ?\d{{3}} ?\d{{3}} ?\d{{3}}{_END}"),
        _words(r"steuer-?(?:id|nummer|identifikation)|\bidnr\b|tax[ -]id"),
        _german,
    ),
    (
        re.compile(rf"{_START}\d{{4}}[. ]?\d\d[. ]?\d{{3}}{_END}"),
        _words(r"\bbsn\b|burgerservicenummer"),
        _dutch,
    ),
    (
        re.compile(rf"{_START}\d{{3}}[- ]?\d{{3}}[- ]?\d{{3}}{_END}"),
        _words(r"\bsin\b|social insurance|assurance sociale"),
        _canadian,
    ),
    (
        re.compile(rf"{_START}(?:19|20)?\d{{6}}[-+]\d{{4}}{_END}"),
        _words(r"person-?n(?:umme)?r|personal identity"),
        _swedish,
    ),
)
