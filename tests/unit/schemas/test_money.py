"""Money is a plain decimal string and nothing else."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from schemas.money import Usd, format_usd, parse_usd, rounded_down

adapter: TypeAdapter[Decimal] = TypeAdapter(Usd)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("1E+3", "1000"),
        ("1E-9", "0.000000001"),
        ("0.10", "0.1"),
        ("100", "100"),
        ("0", "0"),
        ("-0.0", "0"),
        ("0E+5", "0"),
        ("-1.50", "-1.5"),
    ],
)
def test_format_is_plain_and_shortest(amount: str, text: str) -> None:
    assert format_usd(Decimal(amount)) == text


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity", "sNaN"])
def test_what_is_no_amount_is_not_written(amount: str) -> None:
    with pytest.raises(ValueError, match="no amount of money"):
        format_usd(Decimal(amount))


@settings(deadline=None)
@given(st.decimals(min_value=0, max_value=10**12, places=12))
def test_an_amount_survives_the_wire(amount: Decimal) -> None:
    assert parse_usd(format_usd(amount)) == amount


@settings(deadline=None)
@given(st.decimals(min_value=0, max_value=10**12, allow_nan=False, allow_infinity=False))
def test_no_amount_is_written_with_an_exponent(amount: Decimal) -> None:
    assert "e" not in format_usd(amount).lower()


@pytest.mark.parametrize(
    "value",
    [
        0.25,
        1,
        True,
        "-0.01",
        "1e3",
        "1,5",
        "0x1",
        "NaN",
        "",
        " 1",
        "1.",
        ".5",
        "1\n",
        "9" * 16,
        Decimal(-1),
        Decimal("NaN"),
        None,
    ],
)
def test_anything_but_a_decimal_string_is_invalid(value: object) -> None:
    with pytest.raises(ValidationError, match="decimal string"):
        adapter.validate_python(value)


@pytest.mark.parametrize("amount", [Decimal(1) / 3, Decimal("1e-20"), Decimal("9" * 15) / 7, Decimal("0.25")])
def test_what_is_rounded_down_can_be_said_and_is_no_more(amount: Decimal) -> None:
    rounded = parse_usd(format_usd(rounded_down(amount)))

    assert 0 <= amount - rounded < Decimal("1e-18")
