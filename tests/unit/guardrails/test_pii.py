"""Personal data is found with its place and its kind; what only looks like it is left alone."""

import itertools
import json
import time
from collections import Counter
from pathlib import Path

import pytest

from agents_defs.guardrails.guards import pii as guard
from agents_defs.guardrails.pii import KINDS, pii

DEV = Path(__file__).parents[2] / "guardrails" / "dev" / "pii.jsonl"
FOUND = [
    ("Ring mich an: 030 5550 1729", [("PHONE", "030 5550 1729")]),
    ("0171/5551234 ab 18 Uhr", [("PHONE", "0171/5551234")]),
    ("(415) 555-0134", [("PHONE", "(415) 555-0134")]),
    ("415.555.0134 works too", [("PHONE", "415.555.0134")]),
    ("1-800-555-0134", [("PHONE", "1-800-555-0134")]),
    ("Mon numéro est le 06 39 98 12 47", [("PHONE", "06 39 98 12 47")]),
    ("020 7946 0958", [("PHONE", "020 7946 0958")]),
    ("mi móvil es 612 345 871", [("PHONE", "612 345 871")]),
    ("tlf. 12 34 56 78", [("PHONE", "12 34 56 78")]),
    ("cell 4155550134", [("PHONE", "4155550134")]),
    ("+49 (0)30 5550-1729", [("PHONE", "+49 (0)30 5550-1729")]),
    ("0049 30 5550 1729", [("PHONE", "0049 30 5550 1729")]),
    ("+1.415.555.0134", [("PHONE", "+1.415.555.0134")]),
    ("Tel: 555-0134", [("PHONE", "555-0134")]),
    ("+7 (495) 555-01-34", [("PHONE", "+7 (495) 555-01-34")]),
    ("+86 138 5550 1234", [("PHONE", "+86 138 5550 1234")]),
    ("+91 98765 43210", [("PHONE", "+91 98765 43210")]),
    ("+972-3-555-0134", [("PHONE", "+972-3-555-0134")]),
    ("(11) 95550-4821", [("PHONE", "(11) 95550-4821")]),
    ("03-5550-1199", [("PHONE", "03-5550-1199")]),
    ("044 555 23 18", [("PHONE", "044 555 23 18")]),
    ("0412 345 678", [("PHONE", "0412 345 678")]),
    ('{"phone":"03055501729"}', [("PHONE", "03055501729")]),
    ("+353 1 555 0199", [("PHONE", "+353 1 555 0199")]),
    ("my number: 07700 900 123", [("PHONE", "07700 900 123")]),
    ("SSN 536-90-4399", [("SSN", "536-90-4399")]),
    ("my social is 536-90-4399", [("SSN", "536-90-4399")]),
    ("social security number 536904399", [("SSN", "536904399")]),
    ("ssn: 536 90 4399", [("SSN", "536 90 4399")]),
    ("lena (at) fernhill (dot) example", [("EMAIL", "lena (at) fernhill (dot) example")]),
    ("lena [at] fernhill.example", [("EMAIL", "lena [at] fernhill.example")]),
    ("lena at fernhill dot example", [("EMAIL", "lena at fernhill dot example")]),
    ("LENA@FERNHILL.EXAMPLE,bob@x.example", [("EMAIL", "LENA@FERNHILL.EXAMPLE"), ("EMAIL", "bob@x.example")]),
    ("<a href='mailto:x@y.example'>", [("EMAIL", "x@y.example")]),
    ("o'brien@example.com", [("EMAIL", "o'brien@example.com")]),
    ("müller@straße.example", [("EMAIL", "müller@straße.example")]),
    ("user%tag@example.org", [("EMAIL", "user%tag@example.org")]),
    ("DE96731199938475118259", [("IBAN", "DE96731199938475118259")]),
    ("de96 7311 9993 8475 1182 59", [("IBAN", "de96 7311 9993 8475 1182 59")]),
    ("IBAN:DE96-7311-9993-8475-1182-59", [("IBAN", "DE96-7311-9993-8475-1182-59")]),
    ("FR4303029451379561341763855", [("IBAN", "FR4303029451379561341763855")]),
    ("card 4146109195769563 cvc 123", [("CREDIT_CARD", "4146109195769563")]),
    ("4146.1091.9576.9563", [("CREDIT_CARD", "4146.1091.9576.9563")]),
    ("Nr. 4146 1091 9576 9563 123", [("CREDIT_CARD", "4146 1091 9576 9563")]),
    ("378282246310005", [("CREDIT_CARD", "378282246310005")]),
    ("12345678Z DNI", [("NATIONAL_ID", "12345678Z")]),
    ("RSSMRA85T10A562S", [("NATIONAL_ID", "RSSMRA85T10A562S")]),
    ("529.982.247-25", [("NATIONAL_ID", "529.982.247-25")]),
    ("756.9217.0769.85", [("NATIONAL_ID", "756.9217.0769.85")]),
    ("call 415-555-0134 or 212-555-0199", [("PHONE", "415-555-0134"), ("PHONE", "212-555-0199")]),
    ("+49 30 5550 1729 / +49 171 5551234", [("PHONE", "+49 30 5550 1729"), ("PHONE", "+49 171 5551234")]),
    ("contact: +44(0)20 7946 0958.", [("PHONE", "+44(0)20 7946 0958")]),
    ("phone\n+49 30 5550 1729\nmail", [("PHONE", "+49 30 5550 1729")]),
    ("Erreichbar unter 0151 23456789", [("PHONE", "0151 23456789")]),
    ("My WhatsApp: 0660 1234567", [("PHONE", "0660 1234567")]),
    ("+380 44 555 0134", [("PHONE", "+380 44 555 0134")]),
    ("+354 555 0134", [("PHONE", "+354 555 0134")]),
    ("+65 6555 0134", [("PHONE", "+65 6555 0134")]),
    ("+852 5555 0134", [("PHONE", "+852 5555 0134")]),
    ("+971 4 555 0134", [("PHONE", "+971 4 555 0134")]),
    ("tel:+1-201-555-0123", [("PHONE", "+1-201-555-0123")]),
    ("Phone +4930-5550-1729;", [("PHONE", "+4930-5550-1729")]),
    ("fax (030) 5550 1729", [("PHONE", "(030) 5550 1729")]),
    ("Tel. 0 800 123 4567", [("PHONE", "0 800 123 4567")]),
    ("teléfono 91 555 01 34", [("PHONE", "91 555 01 34")]),
    ("Numer telefonu: 512 345 678", [("PHONE", "512 345 678")]),
    ("08-555 017 29 är mitt nummer", [("PHONE", "08-555 017 29")]),
]
NOT = [
    "IP 192.168.100.200",
    "52.520008, 13.404954",
    "ISBN 978-3-16-148410-0",
    "ISBN 0-306-40615-2",
    "550e8400-e29b-41d4-a716-446655440000",
    "DE96 7311 9993 8475 1182 58",
    "000-12-3456",
    "666-12-3456",
    "SSN 900-12-3456",
    "part 123-45-6789",
    "1,234,567,890",
    "icon@2x.png",
    "react@18.2.0",
    "git@github.com:org/repo.git",
    "postgres://app:pw@db.internal.example/x",
    "root@localhost",
    "2024-05-17",
    "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "Call 112",
    "call 911 now",
    "extension 4711",
    "IMEI 356938035643809",
    "EAN 4006381333931",
    "1715934600123",
    "3.14159265358979",
    "12 345 678 EUR",
    "+15000000 points",
    "UTC+01:00",
    "GMT+0200",
    "temperature between -12 and +38",
    "10000000 rows in 2500 ms",
    "10.0.0.1:8080",
    "fe80::1ff:fe23:4567:890a",
    "VAT DE123456789",
    "the value is 0.123 456 789",
    "2019-2024 2020-2025",
    "12.05.2024 08:30",
    "Room 4.12.033",
    "ZIP 12345-6789",
    "job 4155550134 done",
    "port 8080 8081 8082 9090",
    "RFC 5322, section 3.4.1",
    "numbers 1 2 3 4 5 6 7 8 9 10",
    "100 200 300 400 500",
    "order 0301-5551-2345",
    "serial 0171-1234567",
    "Rechnung 030 5550 1729",
    "%s@example.com",
    "{name}@example.com",
    "2 000 000 000 people",
    "size 120 x 080 x 200",
    "MAC 00:1A:2B:3C:4D:5E",
    "GPS 48.208174, 16.373819",
    "0800-1700",
    "0123456789",
    "1234567890",
    "$1,234,567.89",
    "ratio 16:9",
    "4111-1111",
    "score 3:2",
    "matrix @user:server.example",
    "call log 20240517123000",
    "phone model SM-G991B 2021 03 15",
    "call of function 12345678",
    "mobile app version 12.345.678.9",
]


def found(text: str, *kinds: str) -> list[tuple[str, str]]:
    return [(one.kind, text[one.start : one.end]) for one in pii(text, kinds or KINDS)]


@pytest.mark.parametrize(("text", "expected"), FOUND)
def test_personal_data_is_found_where_it_stands(text: str, expected: list[tuple[str, str]]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize("text", NOT)
def test_what_only_looks_like_it_is_left_alone(text: str) -> None:
    assert found(text) == []


def test_the_places_are_those_of_the_labelled_cases() -> None:
    cases = [json.loads(line) for line in DEV.read_text(encoding="utf-8").splitlines()]
    wanted = {(case["id"], *span) for case in cases for span in case.get("spans", ())}

    told = {(case["id"], one.start, one.end, one.kind) for case in cases for one in pii(case["text"])}

    assert told == wanted


@pytest.mark.parametrize(
    "account",
    ["NO9386011117947", "BE68539007547034", "MT84MALT011000012345MTLCAST001S", "GB29 NWBK 6016 1331 9268 19"],
)
def test_a_digit_that_is_wrong_is_told(account: str) -> None:
    last = next(place for place in reversed(range(len(account))) if account[place].isdigit())
    wrong = account[:last] + str((int(account[last]) + 1) % 10) + account[last + 1 :]

    assert found(account) == [("IBAN", account)]
    assert found(wrong) == []


def test_kinds_that_are_not_asked_for_are_not_taken_for_others() -> None:
    assert found("card 4146 1091 9576 9563", "PHONE") == []


def test_nothing_overlaps_and_all_stands_in_order() -> None:
    text = " | ".join(one for one, _ in FOUND)

    told = pii(text)

    assert all(one.end <= following.start for one, following in itertools.pairwise(told))
    assert Counter(one.kind for one in told)["PHONE"] > 20


@pytest.mark.parametrize(
    "piece",
    ["1 ", "12 34 ", "4444 ", "DE96 ", "a@", "@", "+1 ", "0 ", "a dot ", "(", "030 1234567 ", "x", "1."],
)
def test_time_grows_with_the_length_of_the_text(piece: str) -> None:
    def took(length: int) -> float:
        text = (piece * length)[:length]
        started = time.process_time()
        pii(text)
        return time.process_time() - started

    short, long = took(2_000), took(16_000)

    assert long < max(0.3, 32 * short)


def test_a_guard_of_some_kinds_is_only_about_those() -> None:
    only_cards = guard("CREDIT_CARD")

    assert list(only_cards.check("mail lena@x.example", None)) == []  # type: ignore[arg-type]  # it reads none
    with pytest.raises(ValueError, match="PASSPORT"):
        guard("PASSPORT")
