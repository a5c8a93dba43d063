"""Words and phrases mean the same, whether a text is taken as a row or as its words."""

from __future__ import annotations

import pytest

from agents_defs.guardrails.lexicon import Lexicon


def test_words_alone_mean_what_they_mean_in_a_row() -> None:
    lexicon = Lexicon(
        {"paper": ["invoice*", "delivery note"], "thing": ["probe", "base stat*", "left or right"]}
    )
    words = [
        "my",
        "invoices",
        "and",
        "the",
        "delivery",
        "note",
        "name",
        "one",
        "probe",
        "a",
        "base",
        "station",
        "and",
        "left",
        "or",
        "right",
    ]

    means = lexicon.meanings(words)

    assert means == lexicon.row(" ".join(words)).means
    assert [word for word, meant in zip(words, means, strict=True) if meant] == [
        "invoices", "delivery", "probe", "base", "left",
    ]  # fmt: skip


def test_words_that_are_longer_than_any_entry_are_not_remembered() -> None:
    lexicon = Lexicon({"paper": ["invoice*"]}, ["invoice"])

    lexicon.row("a" * 100_000)
    row = lexicon.row("invoice" + "s" * 100)

    assert lexicon.meaning.cache_info().currsize == 0
    assert row.means == [lexicon.bits["paper"]]


@pytest.mark.parametrize(
    "word", ["قواعد", "وقواعد", "القواعد", "بالقواعد", "للقواعد", "כללים", "הכללים", "והכללים"]
)
def test_what_arabic_and_hebrew_write_before_a_word_hides_it_not(word: str) -> None:
    lexicon = Lexicon({"target": ["قواعد", "כללים"]})

    assert lexicon.meaning(word) == (word, lexicon.bits["target"])
