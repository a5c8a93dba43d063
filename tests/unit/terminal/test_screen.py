"""Texts of others cannot drive the terminal."""

import pytest

from app.terminal.screen import harmless, one_line


def test_plain_text_stays() -> None:
    assert harmless("Grüße,\n\tzwei Zeilen ✓ 水") == "Grüße,\n\tzwei Zeilen ✓ 水"


@pytest.mark.parametrize(
    "sequence",
    ["\x1b[2J", "\x1b]0;title\x07", "\x9b31m", "\x00", "\x7f", "\r", "\u202egpj.exe", "\u2066", "\u2028"],
)
def test_what_a_terminal_would_obey_is_replaced(sequence: str) -> None:
    assert harmless(f"a{sequence}b").startswith("a\ufffd")


def test_line_ends_of_windows_are_line_ends() -> None:
    assert harmless("a\r\nb") == "a\nb"


def test_one_line_is_one_line_and_no_longer_than_it_may_be() -> None:
    assert one_line(" a\n b\t c ") == "a b c"
    assert one_line("x" * 50, 10) == "x" * 9 + "…"
