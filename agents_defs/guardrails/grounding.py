"""Finds numbers in an answer that its sources neither hold nor yield."""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Sequence
from itertools import combinations
from string import ascii_letters
from typing import NamedTuple

from agents_defs.guardrails.finding import Finding
from agents_defs.guardrails.pieces import each, first, replaced

MAX_NUMBERS = 60  # of the sources that are reckoned with in pairs
CLOSE = 1e-6
_NUMBER = re.compile(
    r"(?<![\w.,])(?P<sign>[-−+]?)(?P<digits>\d{1,3}(?:[ '’\u00a0\u202f]\d{3})+(?!\d)(?:[.,]\d+)?|\d[\d.,]*\d|\d)(?P<after>\s?(?:k\b|K\b|m\b|mio\b|mn\b|"
    r"million(?:en|s)?\b|thousand\b|tausend\b|tsd\b|mrd\b|bn\b|billion\b|milliarden\b|hundred\b|dozen\b)|(?:st|nd|rd|th)\b)?"
)
_DIGIT = re.compile(r"\d")
_SIGNS = "-−+"
_DIGITS = re.compile(r"\d[\w\-./]*")
_NAME = 40  # letters of a name before its digits that are looked at
# Patterns begin with the rarer sign and look back from it: most places of a text are passed over quickly.
_PARTED = re.compile(
    r"[:/\-–Tt.](?<=\d.)(?:(?<=[^.])(?=\d)|(?<=\d\d\.)(?=\d{1,2}\.\d)|(?<=\.\d\d\.)(?=\d{2,4}\b)|(?<=\.)(?=\d{1,2}\.\d{2,4}))"
)
_TOUCHED = re.compile(r"[-−\d](?<=[A-Za-zÄÖÜäöüß$€£=_(\[{\"'#~≈<>:;|/].)(?:(?<=\d)|(?=\d))")
_DASHED = re.compile(r"[-x](?=\d)(?:(?<=[A-Za-zäöü]-)|(?<=\sx))")
_LISTED = re.compile(
    r"^[^\S\n]*(?:\(?\d{1,2}[.)]|step\s+\d+|schritt\s+\d+|#\d{1,2}\b)(?=\s)", re.IGNORECASE | re.MULTILINE
)
_ORDINAL = re.compile(
    r"\d(?<!\w.)\d?(?:st|nd|rd|th|\.)(?=\s+(?:step|item|point|option|time|row|column|line|page|try|attempt|floor|place|schritt|punkt|mal)\b)",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"\b(\d{1,2})(?:[:.h](\d{2}))?\s*(am|pm|a\.m\.|p\.m\.)(?!\w)|\b(\d{1,2}):(\d{2})(?::\d{2})?\b",
    re.IGNORECASE,
)
_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2}))?|(\d{1,2})[./](\d{1,2})[./](\d{2,4})")
_ROUGH = re.compile(
    r"(?:about|around|roughly|approx\w*\.?|circa|ca\.?|almost|nearly|some|close to|rund|etwa|ungefähr|fast|knapp|gut|environ|unos|~|≈)\s*(?:[$€£]\s*)?$",
)
_ARTICLES = frozenset(["a", "an", "one", "ein", "eine", "einen", "einem", "no"])
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "",
            "jan ene gen",
            "feb fev fév",
            "mar mär mrz",
            "apr avr abr",
            "may mai mag",
            "jun giu",
            "jul lug",
            "aug aoû ago",
            "sep set",
            "oct okt ott",
            "nov",
            "dec dez dic déc",
        )
    )
    for name in names.split()
}
_SCALES = {"k": 1e3, "thousand": 1e3, "tausend": 1e3, "tsd": 1e3, "m": 1e6, "mio": 1e6, "mn": 1e6, "bn": 1e9, "billion": 1e9, "mrd": 1e9, "milliarden": 1e9, "hundred": 100.0, "dozen": 12.0}  # fmt: skip
_WORDS = {
    word: float(number)
    for number, words in enumerate(
        ("zero null no", "one ein eine einen einem a an", "two zwei both deux dos", "three drei trois tres", "four vier quatre cuatro", "five fünf cinq cinco",
         "six sechs seis", "seven sieben sept siete", "eight acht huit ocho", "nine neun neuf nueve", "ten zehn dix diez", "eleven elf", "twelve zwölf dozen",
         "thirteen dreizehn", "fourteen vierzehn", "fifteen fünfzehn", "sixteen sechzehn", "seventeen siebzehn", "eighteen achtzehn", "nineteen neunzehn", "twenty zwanzig")
    )
    for word in words.split()
} | {"thirty": 30.0, "forty": 40.0, "fifty": 50.0, "sixty": 60.0, "ninety": 90.0, "hundred": 100.0, "thousand": 1000.0, "half": 0.5, "quarter": 0.25, "dreißig": 30.0, "hundert": 100.0}  # fmt: skip
MOST_TIMES = 1000
_TOTAL = re.compile(
    r"\b(?:total|together|altogether|sum|combined|in all|add up|adds up|makes|overall|both|all|plus|zusammen|insgesamt|gesamt\w*|summe|beide|alle|en tout|au total|en total|ensemble|incl\w*|with|mit|comes? to|will be|cost)\b",
)
_LESS = re.compile(
    r"\b(?:left|remain\w*|difference|differ|more|less|after|balance|save\w*|saving|older|longer|shorter|higher|lower|warmer|colder|cheaper|between|fewer|ago|old|still|until|open|change|rose|fell|grew|dropped|increase\w*|decrease\w*|due|free|available|noch|übrig|differenz|unterschied|mehr|weniger|restlich\w*|rest|seit|reste|restan|quedan|minus|gap|lasts?|took|takes|duration|days|years|hours|minutes|tage|jahre|stunden)\b",
)
_AVERAGE = re.compile(
    r"\b(?:average|mean|typical\w*|durchschnitt\w*|schnitt|mittel\w*|moyenne|promedio|per|each)\b",
)
_SHARE = re.compile(
    r"%|\b(?:per ?cent|prozent|discount|share|half|quarter|third|rabatt|off|tax|vat|mwst|rate|reduc\w*)",
)
_EACH = re.compile(
    r"\b(?:each|per|every|a piece|apiece|every|je|pro|par|por|times|twice|double|a (?:month|day|year|week|unit)|monthly|yearly|daily)\b",
)
_TIMES = re.compile(
    r"\b(\d{1,3})\s+(?:months|days|weeks|years|hours|pieces|units|items|people|seats|users|boxes|packs|sensors|probes|pairs|monate|tage|wochen|jahre|stück|of them)\b",
)
_CELSIUS, _FAHRENHEIT = (
    frozenset({"c", "°c", "celsius", "° c", "degrees", "grad"}),
    frozenset({"f", "°f", "fahrenheit", "° f"}),
)
_CONVERSIONS: tuple[tuple[frozenset[str], frozenset[str], float], ...] = tuple(
    (frozenset(one.split()), frozenset(other.split()), factor)
    for one, other, factor in (
        ("kg kilogram kilograms kilo kilos kilogramm", "g gram grams gramm grammes", 1000.0),
        ("km kilometre kilometres kilometer kilometers", "m metre metres meter meters", 1000.0),
        ("m metre metres meter meters", "cm centimetre centimetres centimeter centimeters zentimeter", 100.0),
        ("m metre metres meter meters", "mm millimetre millimetres millimeter millimeters", 1000.0),
        ("cm centimetre centimetres centimeter centimeters zentimeter", "mm millimetre millimetres millimeter", 10.0),
        ("in inch inches zoll", "cm centimetre centimetres centimeter centimeters", 2.54), ("in inch inches", "mm millimetres", 25.4),
        ("ft foot feet", "m metre metres meters", 0.3048), ("mi mile miles", "km kilometres kilometers kilometer", 1.609344),
        ("lb lbs pound pounds", "kg kilograms", 0.45359237), ("oz ounce ounces", "g grams", 28.3495),
        ("l litre litres liter liters", "ml millilitre millilitres milliliter", 1000.0), ("gal gallon gallons", "l litres liters", 3.785),
        ("h hr hrs hour hours stunde stunden heures horas", "min mins minute minutes minuten", 60.0),
        ("min mins minute minutes minuten", "s sec secs second seconds sekunden", 60.0),
        ("h hour hours stunden", "s sec second seconds sekunden", 3600.0), ("s sec second seconds sekunden", "ms milliseconds millisekunden", 1000.0),
        ("d day days tag tage jours", "h hour hours stunden", 24.0), ("week weeks woche wochen semaines", "day days tage jours", 7.0),
        ("year years jahr jahre ans", "month months monat monate mois", 12.0), ("year years jahre", "day days tage", 365.0),
        ("year years jahre", "weeks wochen", 52.0), ("month months monate", "day days tage", 30.0),
        ("eur euro euros € usd dollar dollars pound pounds", "cent cents ct pence", 100.0), ("a ampere amps", "ma milliampere milliamps", 1000.0),
        ("v volt volts", "mv millivolt millivolts", 1000.0), ("w watt watts", "mw milliwatt", 1000.0), ("kw kilowatt kilowatts", "w watt watts", 1000.0),
        ("mw megawatt megawatts", "kw kilowatt kilowatts", 1000.0), ("kwh", "wh", 1000.0), ("gb gigabyte gigabytes gib", "mb megabyte megabytes mib", 1000.0),
        ("mb megabyte megabytes mib", "kb kilobyte kilobytes kib", 1000.0), ("tb terabyte terabytes", "gb gigabyte gigabytes", 1000.0),
        ("gb gib", "mb mib megabytes", 1024.0), ("mb mib", "kb kib kilobytes", 1024.0), ("bar", "mbar hpa millibar", 1000.0), ("hpa mbar", "pa", 100.0),
        ("ghz", "mhz", 1000.0), ("mhz", "khz", 1000.0), ("t ton tons tonne tonnes tonnen", "kg kilograms", 1000.0), ("dozen dozens", "pieces eggs units items", 12.0),
        ("m/s", "km/h kmh", 3.6), ("ha hectare hectares", "m m2 square", 10000.0), ("kilo", "g grams", 1000.0),
    )
)  # fmt: skip


class Number(NamedTuple):
    """A number as it stands in a text: what it may mean, and how exact it is."""

    values: tuple[float, ...]
    decimals: int
    start: int
    end: int
    scaled: bool  # in thousands or millions


class Amounts(NamedTuple):
    """What sources hold or yield."""

    exact: frozenset[float]
    sizes: list[float]  # without signs, in their order


def ungrounded_numbers(text: str, sources: Sequence[str]) -> list[Finding]:
    """Numbers written in digits. List numbering, ordinals and names such as TH-22 are no statements."""
    if not _DIGIT.search(text):
        return []
    held = "\n".join(sources)
    told = list(_numbers(held))
    known = _known(held, told, len(sources))
    yielded: Amounts | None = None
    found = []
    skipped = _skipped(text, held)
    for number in _numbers(text):
        if skipped[number.start] or _among(number, known, text):
            continue
        if yielded is None:
            yielded = _yielded(held, told, text)
        if not _among(number, yielded, text):
            found.append(Finding("ungrounded_number", 1.0, number.start, number.end))
    return found


def _skipped(text: str, held: str) -> bytearray:
    """Marks the places of what looks like a number and states nothing."""
    marked = bytearray(len(text))
    listed = (match.span() for pattern in (_LISTED, _ORDINAL) for match in each(pattern, text))
    for start, end in (*listed, *_named(text, held.casefold())):
        marked[start:end] = b"\x01" * (end - start)
    return marked


def _named(text: str, held: str) -> Iterator[tuple[int, int]]:
    """Names with digits, such as TH-22, which the sources hold."""
    for match in _DIGITS.finditer(text):
        from_place = max(0, match.start() - _NAME)
        letters = text[from_place : match.start()].removesuffix("\n")
        letters = letters[:-1] if letters[-1:] in {"-", "_", " "} else letters
        before = letters.rstrip(ascii_letters)
        if len(before) == len(letters) or before[-1:].isalnum() or before[-1:] == "_":
            continue
        if text[from_place + len(before) : match.end()].casefold() in held:
            yield from_place + len(before), match.end()


def _amounts(values: Collection[float]) -> Amounts:
    return Amounts(frozenset(values), sorted(abs(value) for value in values if math.isfinite(value)))


def _known(held: str, told: Sequence[Number], count: int) -> Amounts:
    values = {value for number in told for value in number.values} | {float(count)}
    words = _letters(held)
    values |= {_WORDS[word] for word in words if word in _WORDS and word not in _ARTICLES}
    values |= {float(_MONTHS[word[:3]]) for word in words if word[:3] in _MONTHS}
    for match in _TIME.finditer(held):
        values |= set(_clock(match))
    for match in _ISO.finditer(held):
        values |= {float(part) for part in match.groups() if part}
        if match[4]:
            values |= {(int(match[4]) - 1) % 12 + 1.0}
        if match[8] and len(match[8]) == 2:
            values.add(2000.0 + int(match[8]))
    return _amounts(values)


def _yielded(held: str, told: Sequence[Number], text: str) -> Amounts:
    """What follows from the sources, of the kinds of reckoning that the answer speaks of."""
    lower = text.lower()
    every = [number.values[0] for number in told]
    numbers = list(dict.fromkeys(value for number in told for value in number.values))[:MAX_NUMBERS]
    pairs = list(combinations(numbers, 2))
    found: set[float] = {float(len(every)), float(len(re.findall(r"[,;\n]", held)) + 1)} if every else set()
    if first(_TOTAL, lower):
        found |= _sums(held, every) | {one + two for one, two in pairs}
    if first(_LESS, lower):
        found |= {abs(one - two) for one, two in pairs}
        total = sum(every)
        found |= {abs(total - 2 * one) for one in every}
    if first(_AVERAGE, lower) and every:
        found |= {sum(every) / len(every)} | {(one + two) / 2 for one, two in pairs}
    if first(_SHARE, lower):
        found |= set(_shares(pairs))
    counts = {_WORDS[word] for word in _letters(text) if word in _WORDS} - {0.0, 1.0}
    counts |= {float(match[1]) for match in each(_TIMES, lower)}
    found |= {one * count for count in counts for one in numbers}
    by_piece = first(_EACH, lower) is not None
    if by_piece:
        found |= {one / count for count in counts for one in numbers}
    if by_piece or first(_TOTAL, lower):
        found |= {one * two for one, two in pairs if min(one, two) <= MOST_TIMES}
    if by_piece:
        found |= {one / two for pair in pairs for one, two in (pair, pair[::-1]) if two}
    return _amounts(found | set(_converted(held, told, text)))


def _sums(held: str, every: list[float]) -> set[float]:
    found = {sum(every)} if every else set()
    for line in held.split("\n"):
        inside = [number.values[0] for number in _numbers(line)][:12]
        found |= {sum(part) for size in range(2, 5) for part in combinations(inside, size)} | {sum(inside)}
    return found | {sum(part) for part in combinations(every[:14], 3)}


def _shares(pairs: list[tuple[float, float]]) -> Iterator[float]:
    for pair in pairs:
        for low, high in (pair, pair[::-1]):
            if high:
                yield from (low / high * 100, abs(1 - low / high) * 100, low * high / 100)
                yield from (low * (1 - high / 100), low * (1 + high / 100))


def _converted(held: str, told: Sequence[Number], text: str) -> Iterator[float]:
    """The same amounts in the other units that the answer names."""
    named = set(_units(text))
    conversions = [one for one in _CONVERSIONS if named & one[0] or named & one[1]]
    for number in told:
        unit = _unit(held, number.end)
        for one, other, factor in conversions:
            for value in number.values:
                if unit in one and named & other:
                    yield value * factor
                if unit in other and named & one:
                    yield value / factor
        for value in number.values:
            if named & _CELSIUS and (unit in _FAHRENHEIT or "f" in unit):
                yield (value - 32) * 5 / 9
            if named & _FAHRENHEIT:
                yield value * 9 / 5 + 32
            if named & {"percent", "%", "prozent"} and value <= 1:
                yield value * 100


def _units(text: str) -> Iterator[str]:
    yield from _letters(text)
    yield from re.findall(r"[%°]\s?[cCfF]?", text)
    yield from (unit.casefold() for unit in re.findall(r"(?<=\d)\s?([A-Za-zµ]+)", text))


def _unit(text: str, end: int) -> str:
    found = re.match(r"[\s_]{0,2}([A-Za-zµäöü]+|%|°\s?[CF]?)", text[end : end + 20])
    if found:
        return found[1].casefold().replace(" ", "")
    return ""


def _letters(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text.casefold())


def _numbers(text: str) -> Iterator[Number]:
    for match in _found(_opened(text)):
        digits = match["digits"].rstrip(".,")
        values, decimals = _read(digits)
        after = (match["after"] or "").strip().lower()
        scale = 1e6 if after.startswith("million") else _SCALES.get(after, 1.0)
        values = tuple(dict.fromkeys(value * scale for value in values))
        if after in {"m", "k"}:  # metres and kelvin, perhaps
            values = (*values, *_read(digits)[0])
        clock = _TIME.match(text, match.start())
        if clock is not None and clock[3] and text[match.start() - 1 : match.start()] not in {":", "."}:
            values = (*(_clock(clock)),)
        yield Number(values, decimals, match.start(), match.end(), scale > 1)


def _found(text: str) -> Iterator[re.Match[str]]:
    """As `_NUMBER.finditer(text)`, which looks at every place; here only those of digits are looked at."""
    at = 0
    while (digit := _DIGIT.search(text, at)) is not None:
        place = digit.start()
        match = _NUMBER.match(text, place - 1) if place > at and text[place - 1] in _SIGNS else None
        match = match or _NUMBER.match(text, place)
        if match is not None:
            yield match
        at = place + 1 if match is None else match.end()


def _opened(text: str) -> str:
    """Numbers that touch letters or signs of dates stand free; places stay as they are."""
    parted = replaced(_PARTED, " ", text)
    touched = [match.start() - 1 for match in each(_TOUCHED, parted)]
    if touched:
        chars = list(parted)
        for place in touched:
            chars[place] = " "
        parted = "".join(chars)
    return replaced(_DASHED, " ", parted)


def _read(digits: str) -> tuple[tuple[float, ...], int]:
    """What a number may mean: 1.312 is one thousand here and one and a bit there."""
    plain = re.sub(r"[ '’\u00a0\u202f]", "", digits)
    dots, commas = plain.count("."), plain.count(",")
    if dots and commas:
        decimal = "." if plain.rfind(".") > plain.rfind(",") else ","
        plain = plain.replace("," if decimal == "." else ".", "").replace(decimal, ".")
        if plain.count(".") > 1:
            plain = plain.replace(".", "")
    elif dots > 1 or commas > 1:
        plain = plain.replace(".", "").replace(",", "")
    elif dots or commas:
        whole, part = re.split("[.,]", plain)
        if len(part) == 3 and whole != "0":
            return (float(whole + part), float(f"{whole}.{part}")), 3
        plain = f"{whole}.{part}"
    value = float(plain)
    decimals = len(plain.partition(".")[2])
    return (value,), decimals


def _clock(match: re.Match[str]) -> Iterator[float]:
    hour, minute = int(match[1] or match[4]), match[2] or match[5]
    half = (match[3] or "").lower()[:1]
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
        yield float(hour)
    else:
        yield float(hour)
        yield float((hour - 1) % 12 + 1)
    if minute and not half:
        yield float(minute)


def _among(number: Number, known: Amounts, text: str) -> bool:
    if any(value in known.exact for value in number.values):
        return True
    sizes = known.sizes
    for value in map(abs, number.values):  # none that is further away can meet it
        near = sizes[bisect_left(sizes, 0.9 * value - 1) : bisect_right(sizes, 1.12 * value + 1)]
        if near:
            rough = number.scaled or bool(
                _ROUGH.search(text[max(0, number.start - 24) : number.start].lower())
            )
            if any(_meets(number, value, one, rough) for one in near):
                return True
    return False


def _meets(number: Number, value: float, known: float, rough: bool) -> bool:
    """Of two sizes."""
    if abs(known - value) <= CLOSE * max(1.0, known):
        return True
    if rough and abs(known - value) <= 0.1 * known:
        return True
    if number.decimals == 0 and known == int(known):
        return False
    exact = 0.5 * 10**-number.decimals if number.decimals < 3 else CLOSE
    return abs(known - value) <= exact * 1.0001 and known > 1
