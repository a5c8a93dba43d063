"""Finds personal data in a text: addresses, phone and account numbers, each with its place and its kind."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from types import MappingProxyType
from typing import Final

from agents_defs.guardrails.finding import Finding
from agents_defs.guardrails.pii_accounts import bank_accounts, cards, shaped_like_an_account
from agents_defs.guardrails.pii_email import addresses
from agents_defs.guardrails.pii_national import national_ids, social_security_numbers
from agents_defs.guardrails.pii_phone import phones

EMAIL, PHONE, IBAN, CREDIT_CARD = "EMAIL", "PHONE", "IBAN", "CREDIT_CARD"
SSN, NATIONAL_ID = "SSN", "NATIONAL_ID"
Span = tuple[int, int]

_FINDERS: Final = MappingProxyType[str, Callable[[str], Iterable[Span]]](
    {  # what is surest comes first: it takes its place, and nothing else is found there
        EMAIL: addresses,
        IBAN: bank_accounts,
        CREDIT_CARD: cards,
        SSN: social_security_numbers,
        NATIONAL_ID: national_ids,
        PHONE: phones,
    }
)
KINDS: Final = tuple(_FINDERS)
SURE, LIKELY = 1.0, 0.9
_BY_SHAPE = frozenset({SSN, PHONE})  # no check digit tells a wrong one


def pii(text: str, kinds: Collection[str] = KINDS) -> list[Finding]:
    """Each piece of personal data of these kinds, in the order of the text; none overlaps another."""
    if len(text) < 6 or not _may_hold(text):
        return []
    taken: list[Span] = []
    found: list[Finding] = []
    for kind, finder in _FINDERS.items():
        for span in finder(text):
            if _overlaps(span, taken):
                continue
            taken.append(span)
            if kind in kinds:
                found.append(Finding(kind, LIKELY if kind in _BY_SHAPE else SURE, *span))
        if kind == IBAN:
            # A mistyped account number is no phone number, nor the card that is hidden in it.
            taken += [span for span in shaped_like_an_account(text) if not _overlaps(span, taken)]
    return sorted(found, key=lambda one: one.start)


def _may_hold(text: str) -> bool:
    """All kinds have a digit or a sign for "at", in whatever spelling."""
    lowered = text.lower()
    return any(char.isdigit() for char in text) or "@" in text or "at" in lowered or not text.isascii()


def _overlaps(span: Span, taken: Iterable[Span]) -> bool:
    return any(span[0] < end and start < span[1] for start, end in taken)
