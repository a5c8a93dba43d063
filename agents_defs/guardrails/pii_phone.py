"""Finds phone numbers: international ones by their country's code, others by how they are written and what is said of them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agents_defs.guardrails.pieces import each, first

Span = tuple[int, int]
_GAP = " \u00a0\u202f\u2009.\\-\u2010\u2011\u2013/()"
_RUN = re.compile(rf"(?:\+[ \u00a0]?)?\(?(?:\+)?\d(?:[{_GAP}]{{0,3}}\d)*")
_SPACES = " \u00a0\u202f\u2009"
FEWEST, MOST = 7, 15
TABLE = 90
_BEGINS = re.compile(r"\s(?=[+(]?\d{3})[+(\d]")
LONGEST = 30  # characters, with what stands between the digits
BEFORE, AFTER, JUST_BEFORE = 48, 32, 32
_CODES_TOLD = (
    "1 7 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 "
    "66 81 82 84 86 90 91 92 93 94 95 98 211 212 213 216 218 220 221 222 223 224 225 226 227 228 229 230 "
    "231 232 233 234 235 236 237 238 239 240 241 242 243 244 245 246 247 248 249 250 251 252 253 254 255 "
    "256 257 258 260 261 262 263 264 265 266 267 268 269 290 291 297 298 299 350 351 352 353 354 355 356 "
    "357 358 359 370 371 372 373 374 375 376 377 378 380 381 382 383 385 386 387 389 420 421 423 500 501 "
    "502 503 504 505 506 507 508 509 590 591 592 593 594 595 596 597 598 599 670 672 673 674 675 676 677 "
    "678 679 680 681 682 683 685 686 687 688 689 690 691 692 800 808 850 852 853 855 856 870 878 880 881 "
    "882 883 886 888 960 961 962 963 964 965 966 967 968 970 971 972 973 974 975 976 977 979 992 993 994 "
    "995 996 998"
)
_CODES = frozenset(_CODES_TOLD.split())
_LENGTHS = {  # of the number behind the code, where nearly all numbers of a country have one length
    "1": (10, 10),
    "7": (10, 10),
    "31": (9, 9),
    "32": (8, 9),
    "33": (9, 9),
    "34": (9, 9),
    "41": (9, 9),
    "44": (9, 10),
    "45": (8, 8),
    "47": (8, 8),
    "48": (9, 9),
    "61": (9, 9),
    "86": (9, 11),
    "90": (10, 10),
    "91": (10, 10),
}
ANY_LENGTH = (6, 12)
_STEMS = (
    "phone telef teléf tlf téléph teleph mobil handy whatsapp viber telegram rufnummer anruf hotline landline festnetz durchwahl voicemail"
    " erreich llam llám móvil movil celul cellulare appel numéro numero joindre rappel chiam ligue ligar telefoon puhelin soita"
    " zadzwo тел звон позвон номер callback reach handset smartphone"
)
_WORDS = "tel fax sms ring rings dial dials dialled dialed cell cells bel bellen caller gsm portable signal ruf rufen ringa ringer text number nummer"
_CALLS_TOLD = "call calls called calling texted texting"
_CALLS = frozenset(_CALLS_TOLD.split())
_CALLED_TOLD = "me us him her them back at on from the or my"
_CALLED = frozenset(_CALLED_TOLD.split())
_ELSEWHERE = (
    "電話",
    "电话",
    "手机",
    "携帯",
    "전화",
    "휴대",
    "هاتف",
    "फ़ोन",
    "फोन",
    "\U0001f4de",
    "\u260e",
    "\U0001f4f1",
)
_OTHER_STEMS = (
    "order bestell auftrag ticket invoice rechnung factur fattura parcel package paket track sendung serial serien kunden customer account konto cuenta"
    " compte referen licen version zähler zaehler isbn issn barcode firmware epoch timestamp imei iccid steuer contract vertrag flight booking buchung"
    " reservation voucher gutschein coupon postal postcode coordinat latitude longitude price preis amount betrag checksum hash commit revision"
    " register patent model device gerät sensor reading counter value passport offset partition address byte pedido commande ordine dossier"
    " article artikel product produkt stock asset inventor equation total article batch item policy police insurance meter member charg"
)
_OTHER_WORDS = (
    "ref case id ids part parts sku lot build ean po mac vat ust tax pnr zip plz lat lon eur usd wert dose size weight length pin code codes card karte"
    " iban bic sort ssn port ip seed doi arxiv sum sn log epoch job seq row rows uid guid nr"
)
_PHONE = (frozenset(_WORDS.split()), tuple(_STEMS.split()))
_OTHER = (frozenset(_OTHER_WORDS.split()), tuple(_OTHER_STEMS.split()))
_WORD = re.compile(r"[^\W\d_]+")
_WEAK = frozenset({"number", "nummer", "numero", "numéro", "nr"})
"""Of whatever: which word stands near them decides."""
_DATE = re.compile(
    r"(?<!\d)(?:(?:19|20)\d\d[-./](?:0[1-9]|1[0-2])[-./][0-3]\d|[0-3]?\d[-./][01]?\d[-./](?:19|20)\d\d)(?!\d)|(?<!\d)(?:19|20)\d\d\s?[-\u2013]\s?(?:19|20)\d\d(?!\d)"
)
_NORTH_AMERICAN = re.compile(
    r"(?:1[ .\-]?)?(?:\([2-9]\d\d\) ?|[2-9]\d\d(?P<gap>[ .\-/]))[2-9]\d\d[ .\-]\d{4}"
)
_TRUNK = re.compile(
    r"\(?0[1-9]\d{0,4}\)?[ \u00a0\u202f.\-\u2010\u2011\u2013/]{1,3}\d[\d \u00a0\u202f.\-\u2010\u2011\u2013/]*"
)
_IN_BRACKETS = re.compile(r"\(\d{2,5}\)[ \u00a0]?\d{3,5}[ \u00a0.\-]?\d{3,5}")
_UNIT = re.compile(r"\s?(?:%|€|\$|£|°|EUR|USD|CHF|GBP|kg|mm|cm|km|MB|GB|bytes|ms|kWh|m³)", re.IGNORECASE)


def phones(text: str, begin: int, stop: int) -> Iterator[Span]:
    """The place of each phone number in this part of a text."""
    for match in each(_RUN, text, begin, stop):
        start, end = match.span()
        if end - start >= FEWEST and _stands_free(text, start):
            yield from _within(text, start, end)


def _within(text: str, start: int, end: int) -> Iterator[Span]:
    """The numbers of one run of digits: what stands behind a space may belong to it or not."""
    while end - start >= FEWEST:
        found = _longest(text, start, end)
        if found is not None:
            yield start, found
            rest = found
        else:
            rest = next((place for place in range(start + 1, end) if text[place] in _SPACES), end)
            if end - start > TABLE:  # columns of numbers: only what begins as phone numbers do is looked at
                begins = first(_BEGINS, text, rest, end)
                rest = begins.end() - 1 if begins else end
        while rest < end and not (text[rest].isdigit() or text[rest] in "(+"):
            rest += 1
        start = rest


def _longest(text: str, start: int, end: int) -> int | None:
    """Up to where the number goes that begins here."""
    end = min(end, start + LONGEST)
    before: int | None = None
    while end - start >= FEWEST:
        while not text[end - 1].isdigit():
            end -= 1
        said = text[start:end]
        digits = "".join(filter(str.isdigit, said))
        if _ends_free(text, end) and _may_be_one(said, digits):
            if before is None:
                before = _told(text[max(0, start - BEFORE) : start].lower())
            if _is_phone(said, digits, before or _told_behind(text, end)):
                return end
        end = max(text.rfind(space, start, end) for space in _SPACES)
    return None


def _may_be_one(said: str, digits: str) -> bool:
    if not FEWEST <= len(digits) <= MOST + 2 or len(set(digits)) < 3:
        return False
    return len(said) <= 1.75 * len(digits) and said.count("(") == said.count(")")


def _is_phone(said: str, digits: str, told: int) -> bool:
    if said.lstrip("(").startswith("+"):
        return _international(digits, said)
    if _DATE.search(said):
        return False
    if digits.startswith("00") and _international(digits[2:], said):
        return told > 0 or (told == 0 and len(digits) >= 11)
    if told > 0:
        return len(digits) <= MOST and (len(digits) > FEWEST or len(said) > len(digits))
    return told == 0 and _looks_like_one(said, digits)


def _looks_like_one(said: str, digits: str) -> bool:
    """Without any word that says so."""
    if _NORTH_AMERICAN.fullmatch(said):
        return True
    if not 9 <= len(digits) <= 13:
        return False
    return bool(_TRUNK.fullmatch(said) or _IN_BRACKETS.fullmatch(said))


def _international(digits: str, said: str) -> bool:
    for length in (1, 2, 3):
        code = digits[:length]
        if code in _CODES:
            break
    else:
        return False
    number = digits[length:]
    if "(0)" in said and number.startswith("0"):
        number = number[1:]
    fewest, most = _LENGTHS.get(code, ANY_LENGTH)
    if len(number) == most + 1 and number[0] == "0":  # the zero that is dialled at home
        number = number[1:]
    if code == "1" and (number[:1] in {"0", "1"} or number[3:4] in {"0", "1"}):
        return False
    return fewest <= len(number) <= most and len(digits) <= MOST + 1


def _told(before: str) -> int:
    """1: the words say that a phone number follows; -1: that another one does; 0: neither."""
    phone = other = -1
    follows = ""
    for match in reversed(list(_WORD.finditer(before))):
        word = match.group()
        if phone < 0 and word not in _WEAK and (_is_one(word, _PHONE) or _is_a_call(word, follows)):
            phone = match.end()
        elif other < 0 and _is_one(word, _OTHER):
            other = match.end()
        follows = word
    if phone < 0 and not before.isascii():
        phone = max(before.rfind(word) for word in _ELSEWHERE)
    if phone > other:
        return 1
    if other >= 0 and len(before) - other <= JUST_BEFORE:
        return -1
    return int(phone >= 0)


def _told_behind(text: str, end: int) -> int:
    """The same of what stands behind it."""
    if _UNIT.match(text, end):
        return -1
    words = _WORD.findall(text[end : end + AFTER].lower())
    return int(any(_is_one(word, _PHONE) and word not in _WEAK for word in words))


def _is_one(word: str, words: tuple[frozenset[str], tuple[str, ...]]) -> bool:
    return word in words[0] or word.startswith(words[1])


def _is_a_call(word: str, follows: str) -> bool:
    """`call me`, `call: `, and not the call of a function."""
    return word in _CALLS and (not follows or follows in _CALLED)


def _stands_free(text: str, start: int) -> bool:
    before = text[start - 1 : start]
    if not before:
        return True
    if before.isalnum() or before in "_#@\\$€£":
        return False
    two = text[max(0, start - 2) : start - 1]
    return not (before in "-/.,:" and two.isalnum() and (before in "-/" or two.isdigit()))


def _ends_free(text: str, end: int) -> bool:
    after = text[end : end + 2]
    if not after:
        return True
    return not (after[0].isalnum() or after[0] in "_@%" or (after[0] in "-/.,:" and after[1:].isdigit()))
