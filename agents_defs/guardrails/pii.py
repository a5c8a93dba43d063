"""Finds personal data in a text: addresses, phone and account numbers, each with its place and its kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from types import MappingProxyType
from typing import Final

from agents_defs.guardrails.finding import Finding
from agents_defs.guardrails.pieces import each
from agents_defs.guardrails.pii_accounts import bank_accounts, cards, shaped_like_an_account
from agents_defs.guardrails.pii_email import addresses
from agents_defs.guardrails.pii_national import national_ids, social_security_numbers
from agents_defs.guardrails.pii_phone import phones

EMAIL, PHONE, IBAN, CREDIT_CARD = "EMAIL", "PHONE", "IBAN", "CREDIT_CARD"
SSN, NATIONAL_ID = "SSN", "NATIONAL_ID"
Span = tuple[int, int]
Finder = Callable[[str, int, int], Iterable[Span]]

_NUMBERS: Final = MappingProxyType[
    str, Finder
](
    {  # what is surest comes first: it takes its place, and nothing else is found there
        IBAN: bank_accounts,
        "": shaped_like_an_account,  # one that is mistyped is no phone number, nor the card that is hidden in it
        CREDIT_CARD: cards,
        SSN: social_security_numbers,
        NATIONAL_ID: national_ids,
        PHONE: phones,
    }
)
KINDS: Final = (EMAIL, IBAN, CREDIT_CARD, SSN, NATIONAL_ID, PHONE)
SURE, LIKELY = 1.0, 0.9
_BY_SHAPE = frozenset({SSN, PHONE})  # no check digit tells a wrong one
_DIGITS = re.compile(r"\d(?:\D{0,6}\d){6,}")
"""Where digits stand close together; elsewhere no number of a person is looked for."""
AROUND = 24  # characters of such a place that may belong to it


def pii(text: str, kinds: Collection[str] = KINDS) -> list[Finding]:
    """Each piece of personal data of these kinds, in the order of the text; none overlaps another."""
    taken = bytearray()
    found = []
    for kind, (start, end) in _candidates(text):
        taken = taken or bytearray(len(text))
        if any(taken[start:end]):
            continue
        taken[start:end] = b"\x01" * (end - start)
        if kind in kinds:
            found.append(Finding(kind, LIKELY if kind in _BY_SHAPE else SURE, start, end))
    return sorted(found, key=lambda one: one.start)


def _candidates(text: str) -> Iterator[tuple[str, Span]]:
    for span in addresses(text):
        yield EMAIL, span
    places = list(_places(text))
    if places:
        for kind, finder in _NUMBERS.items():
            for begin, stop in places:
                for span in finder(text, begin, stop):
                    yield kind, span


def _places(text: str) -> Iterator[Span]:
    """Apart from each other, so that none is looked at twice."""
    begin = stop = -1
    for match in each(_DIGITS, text):
        start, end = max(0, match.start() - AROUND), min(len(text), match.end() + AROUND)
        if start > stop >= 0:
            yield begin, stop
            begin = start
        elif begin < 0:
            begin = start
        stop = end
    if begin >= 0:
        yield begin, stop
