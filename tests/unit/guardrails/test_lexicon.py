"""Words and phrases mean the same, whether a text is taken as a row or as its words."""

from __future__ import annotations

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
