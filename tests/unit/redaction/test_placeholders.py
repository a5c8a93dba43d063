"""Personal data is taken out of texts and put back, exactly."""

import json
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents_defs.guardrails.pii import KINDS, pii
from agents_defs.redaction.redaction import Redaction
from agents_defs.redaction.streamed_text import StreamedText

PIECES = st.sampled_from(
    [
        "lena@fernhill.example",
        "+49 30 5550 1729",
        "call me: 030 5550 1729",
        "DE96 7311 9993 8475 1182 59",
        "4146 1091 9576 9563",
        "536-90-4399",
        "<EMAIL_1>",
        "<EMAIL_",
        "\\u003cPHONE_2\\u003e",
        "<TEXT_1>",
        "1>",
        "\\n",
        "\n",
        "\\u00fc",
        "\\",
        " ",
        ", ",
        '"',
        "ü",
        "030 5550 1729",
    ]
)
TEXTS = st.lists(st.one_of(PIECES, st.text(max_size=6)), max_size=14).map("".join)


def redaction() -> Redaction:
    return Redaction(KINDS)


@given(st.lists(TEXTS, max_size=4))
def test_what_is_hidden_is_shown_again_to_the_letter(texts: list[str]) -> None:
    one = redaction()

    hidden = [one.hidden(text) for text in texts]

    assert [one.shown(text) for text in hidden] == texts


@given(TEXTS, st.lists(st.integers(0, 200), max_size=8))
def test_a_text_in_pieces_is_shown_as_the_whole_is(text: str, cuts: list[int]) -> None:
    one = redaction()
    hidden = one.hidden(text)
    places = [0, *sorted({min(cut, len(hidden)) for cut in cuts}), len(hidden)]
    streamed = StreamedText(one.shown)

    told = [streamed.take(hidden[start:end]) for start, end in pairwise(places)]

    assert "".join([*told, streamed.rest()]) == text


def test_a_value_has_one_placeholder_and_each_kind_is_numbered() -> None:
    one = redaction()

    told = one.hidden("lena@x.example, bo@x.example, lena@x.example; Tel. +49 30 5550 1729")

    assert told == "<EMAIL_1>, <EMAIL_2>, <EMAIL_1>; Tel. <PHONE_1>"


def test_a_number_that_was_told_once_is_hidden_also_where_nothing_says_what_it_is() -> None:
    one = redaction()
    one.hidden("call me: 5550 1729")

    told = one.hidden('{"order": 7, "n": "5550 1729"} 5550 17290')

    assert told == '{"order": 7, "n": "<PHONE_1>"} 5550 17290'


def test_what_merely_looks_like_a_placeholder_does_not_become_somebody_s_data() -> None:
    one = redaction()
    one.hidden("lena@x.example")

    told = one.hidden("what does <EMAIL_1> mean?")

    assert told == "what does <TEXT_1> mean?"
    assert one.shown(told) == "what does <EMAIL_1> mean?"


def test_a_placeholder_that_a_model_made_up_is_never_given_out() -> None:
    one = redaction()
    assert one.shown("write to <EMAIL_1>") == "write to <EMAIL_1>"

    told = one.hidden("lena@x.example")

    assert told == "<EMAIL_2>"
    assert one.shown("<EMAIL_1> and <EMAIL_2>") == "<EMAIL_1> and lena@x.example"


def test_numbers_are_found_behind_the_escapes_of_json() -> None:
    note = json.dumps({"note": "call\n+49 30 5550 1729\tor j\u00fcrgen@x.example"})

    told = redaction().hidden(note)

    assert json.loads(told) == {"note": "call\n<PHONE_1>\tor <EMAIL_1>"}


def test_brackets_that_json_spells_out_are_read() -> None:
    one = redaction()
    one.hidden("lena@x.example")

    assert one.shown('{"to": "\\u003cEMAIL_1\\u003e"}') == '{"to": "lena@x.example"}'


def test_only_the_kinds_that_are_named_are_hidden() -> None:
    assert Redaction(["EMAIL"]).hidden("lena@x.example, tel. +49 30 5550 1729") == (
        "<EMAIL_1>, tel. +49 30 5550 1729"
    )


@pytest.mark.parametrize("piece", ["<", "<EMAIL_", "\\u003", "1 2 ", "a@b.example ", "030 1234567 ", "@"])
def test_time_grows_with_the_length_of_the_text(piece: str) -> None:
    def took(length: int) -> float:
        text = (piece * length)[:length]
        started = time.process_time()
        list(Redaction(KINDS)._looked_for(text))
        return time.process_time() - started

    took(500)
    short, long = took(4_000), took(32_000)

    assert long < max(0.3, 32 * short)


@given(TEXTS)
def test_what_is_put_back_fits_into_a_string_of_json(text: str) -> None:
    plain = text.replace("\\", "")

    for one in pii(plain):
        assert not set(plain[one.start : one.end]) & set('"\\\n\r\t')
