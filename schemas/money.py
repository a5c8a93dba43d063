"""Money on the wire: USD as a decimal string, never a float and never with an exponent."""

import re
from decimal import ROUND_DOWN, Context, Decimal
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

# Bounded digits: no amount of money needs more, and an unbounded one costs quadratic time to parse.
USD_PATTERN = r"^[0-9]{1,15}(\.[0-9]{1,18})?$"
_USD = re.compile(USD_PATTERN, re.ASCII)
_FINEST = Decimal("1e-18")
_ENOUGH = Context(prec=40)
_EXPECTED = 'must be a decimal string of at least 0 in USD, such as "0.25"'


def format_usd(amount: Decimal) -> str:
    """The shortest plain form, so that equal amounts are equal strings: 1E+3 is "1000", 0.10 is "0.1"."""
    if not amount.is_finite():
        raise ValueError(f"{amount} is no amount of money")
    text = format(amount, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def parse_usd(text: str) -> Decimal:
    if _USD.fullmatch(text) is None:
        raise ValueError(_EXPECTED)
    return Decimal(text)


def rounded_down(amount: Decimal) -> Decimal:
    """With no more decimals than an amount may have on the wire: a third of a dollar has no end."""
    return amount.quantize(_FINEST, ROUND_DOWN, _ENOUGH)


def _validate(value: object) -> Decimal:
    if isinstance(value, str):
        return parse_usd(value)
    if isinstance(value, Decimal) and value.is_finite() and value >= 0:
        return value
    raise ValueError(_EXPECTED)


Usd = Annotated[
    Decimal,
    PlainValidator(_validate),
    PlainSerializer(format_usd, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": USD_PATTERN, "examples": ["0.25"]}),
]
