"""Searching the shipped documents."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents_defs.library import Document, Library, research_documents


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("exactly-once delivery", "delivery"),
        ("noisy tenants and fairness", "fairness"),
        ("water hammer", "penstock"),
        ("can prompts be injected?", "prompt-injection"),
    ],
)
def test_documents_are_found(query: str, expected: str) -> None:
    assert research_documents().search(query, 3)[0].id == expected


def test_a_word_in_the_title_counts_more_than_one_in_the_text() -> None:
    library = Library(
        [Document("a", "Pumps", "t", "weirs"), Document("b", "Weirs", "t", "pumps and more text")]
    )

    assert [found.id for found in library.search("weir")] == ["b", "a"]


@given(st.text(max_size=200))
def test_any_query_is_taken(query: str) -> None:
    assert len(research_documents().search(query, 2)) <= 2


@pytest.mark.parametrize("query", ["", "the of and", '" OR 1 --', "NEAR(", "title:log*"])
def test_a_query_is_words_and_nothing_else(query: str) -> None:
    research_documents().search(query)


def test_a_document_is_read_by_its_id() -> None:
    found = research_documents().document("penstock")

    assert found is not None
    assert found.title == "Penstocks in hydropower"
    assert research_documents().document("none") is None
