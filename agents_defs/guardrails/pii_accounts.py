"""Finds bank accounts (IBAN) and payment cards: by their lengths, their prefixes and their check digits."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agents_defs.guardrails.pieces import each, first

Span = tuple[int, int]
_LENGTHS = {
    country: length
    for length, countries in {
        15: "NO",
        16: "BE",
        18: "DK FI FK FO GL NL SD",
        19: "MK SI",
        20: "AT BA EE KZ LT LU MN XK",
        21: "CH CR HR LI LV",
        22: "BG BH DE GB GE IE ME RS VA",
        23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST",
        26: "IS TR",
        27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HN HU LB NI PL SV",
        29: "BR EG PS QA UA",
        30: "JO KW MU YE",
        31: "MT SC",
        32: "LC",
        33: "RU",
    }.items()
    for country in countries.split()
}
_GAP = " \u00a0\u202f\u2009.-"  # the hyphen last: it stands in character classes
_ACCOUNT = re.compile(
    rf"(?<![^\W_])[A-Z]{{2}}[{_GAP}]?\d[{_GAP}]?\d(?:[{_GAP}]?[A-Z0-9]){{11,30}}", re.IGNORECASE | re.ASCII
)
_SHAPED = re.compile(rf"(?<![^\W_])[A-Z]{{2}}\d\d(?:[{_GAP}]?[A-Z]{{4}})?(?:[{_GAP}]?\d){{10,30}}")
_CARD_GAP = " \u00a0\u202f\u2009\\-\u2010\u2011\u2012\u2013./_|\u00b7"
_CARD = re.compile(rf"(?<![\w.,])(?<!\d[-/])\d(?:[{_CARD_GAP}]{{0,3}}\d){{11,22}}(?!\w|[-./]\d)")
_SPLIT = re.compile(rf"[{_CARD_GAP}]+")
_NOT_HERE = re.compile(
    r"(?:\b|_)(?:imei|iccid|isbn|ean|gtin|udi|uuid|sscc|sim)\b[^a-z]{0,12}(?:is|no|nr|number)?\W{0,3}$",
    re.IGNORECASE,
)
_ISSUERS: tuple[tuple[int, int, tuple[int, ...]], ...] = (
    # lowest and highest prefix, and how many digits such a card has
    (4, 4, (13, 16, 19)),
    (51, 55, (16,)),
    (2221, 2720, (16,)),
    (34, 34, (15,)),
    (37, 37, (15,)),
    (6011, 6011, (16, 19)),
    (644, 649, (16, 19)),
    (65, 65, (16, 19)),
    (62, 62, (16, 17, 18, 19)),
    (81, 82, (16,)),
    (300, 305, (14, 16, 19)),
    (3095, 3095, (14, 16, 19)),
    (36, 36, (14, 16, 19)),
    (38, 39, (14, 16, 19)),
    (3528, 3589, (16, 19)),
    (2200, 2204, (16, 19)),
    (508, 508, (16,)),
    (5018, 5018, (12, 13, 16, 19)),
    (5020, 5020, (12, 13, 16, 19)),
    (5038, 5038, (12, 13, 16, 19)),
    (5893, 5893, (12, 13, 16, 19)),
    (6304, 6304, (12, 13, 16, 19)),
    (6759, 6759, (12, 13, 16, 19)),
    (6761, 6763, (12, 13, 16, 19)),
)
SHORTEST_GROUP = 3
_PRINTED = frozenset({(4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 4, 4, 3)})
"""Whatever stands between the groups."""
_GAPS = re.compile(r"\D+")
_PLAIN_GAPS = frozenset(" \u00a0\u202f\u2009-\u2010\u2011.")


def bank_accounts(text: str, begin: int, stop: int) -> Iterator[Span]:
    """The place of each IBAN whose check digits are right."""
    at = begin
    while (match := first(_ACCOUNT, text, at, stop)) is not None:
        end = _end_of_account(text, match.start(), match.end())
        if end is not None:
            yield match.start(), end
        at = end or match.start() + 4


def _end_of_account(text: str, start: int, most: int) -> int | None:
    wanted = _LENGTHS.get(text[start : start + 2].upper())
    if wanted is None:
        return None
    said = []
    for place in range(start, most):
        if text[place] in _GAP:
            continue
        said.append(text[place].upper())
        if len(said) == wanted:
            if text[place + 1 : place + 2].isalnum() or not _mod_97(said):
                return None
            return place + 1
    return None


def _mod_97(said: list[str]) -> bool:
    turned = said[4:] + said[:4]
    return int("".join(str(int(one, 36)) for one in turned)) % 97 == 1


def shaped_like_an_account(text: str, begin: int, stop: int) -> Iterator[Span]:
    """What would be an IBAN, but for its check digits or its length."""
    for match in each(_SHAPED, text, begin, stop):
        if match.group()[:2] in _LENGTHS:
            yield match.span()


def cards(text: str, begin: int, stop: int) -> Iterator[Span]:
    """The place of each card number: an issuer's prefix, the right length and a right last digit."""
    at = begin
    while (match := first(_CARD, text, at, stop)) is not None:
        span = _card_in(text, *match.span())
        if span is not None and not _NOT_HERE.search(text[max(0, span[0] - 30) : span[0]]):
            yield span
            at = span[1]
        else:  # it may begin behind another number
            gap = _SPLIT.search(text, match.start(), match.end())
            at = gap.end() if gap else match.end()


def _card_in(text: str, start: int, end: int) -> Span | None:
    """Without what stands behind it: `4146 1091 9576 9563 123`."""
    while True:
        said = text[start:end]
        groups = _SPLIT.split(said)
        digits = "".join(groups)
        if len(groups) > 1 and len(groups[0]) < SHORTEST_GROUP:
            return None
        if len(digits) < 12:
            return None
        if _grouped(groups, said) and is_card(digits):
            return start, end
        if len(groups) == 1:
            return None
        end -= len(groups[-1])
        while not text[end - 1].isdigit():
            end -= 1


def _grouped(groups: list[str], said: str) -> bool:
    """As people and printers write them: groups of four, or those of cards with 14 and 15 digits."""
    if tuple(map(len, groups)) in _PRINTED:
        return True
    gaps = set(_GAPS.findall(said))
    plain = len(gaps) <= 1 and all(len(gap) == 1 and gap in _PLAIN_GAPS for gap in gaps)
    return plain and (len(groups) == 1 or all(len(one) >= SHORTEST_GROUP for one in groups[:-1]))


def is_card(digits: str) -> bool:
    """Whether an issuer gives out such numbers, and the last digit is right."""
    for lowest, highest, lengths in _ISSUERS:
        if len(digits) in lengths and lowest <= int(digits[: len(str(lowest))]) <= highest:
            return luhn(digits) and len(set(digits)) > 2
    return False


def luhn(digits: str) -> bool:
    """Whether the last digit is right, as on cards."""
    total = sum(int(one) for one in digits[-1::-2])
    total += sum((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)[int(one)] for one in digits[-2::-2])
    return total % 10 == 0
