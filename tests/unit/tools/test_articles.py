"""The knowledge base: found by words, everybody's articles and one's own, nobody else's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents_defs.articles import EVERYBODY, LONGEST_TEXT, Articles, BadArticle
from agents_defs.database import Database
from agents_defs.equipment import Equipment
from agents_defs.library import Document
from agents_defs.tools.knowledge import search_knowledge_base
from tests.doubles.tool_calls import output_of

SHARED = Articles(Database())


def article(number: str = "a", text: str = "Zanders spawn in the tailrace.", title: str = "Fish") -> Document:
    return Document(number, title, "nature", text)


def found(base: Articles, tenant_id: str, query: str) -> list[str]:
    return [one.id for one in base.search(tenant_id, query)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("my gateway shows a red light", "tech-gateway-offline"),
        ("how long until my refund is paid?", "billing-refund-rules"),
        ("forgot the password", "account-password"),
        ("calibrating a probe", "tech-calibration"),
        ("invite a new member", "account-members"),
    ],
)
def test_help_is_found_in_other_words_than_it_was_written(query: str, expected: str) -> None:
    assert expected in found(SHARED, "acme", query)


def test_a_tenants_articles_are_its_own() -> None:
    base = Articles(Database())
    base.add("acme", [article()])

    assert found(base, "acme", "where do zanders spawn") == ["a"]
    assert found(base, "globex", "where do zanders spawn") == []
    assert [one.id for one in base.listed("acme")] == ["a"]
    assert base.listed("globex") == []
    assert not base.remove("globex", "a")
    assert found(base, "acme", "zanders") == ["a"]


def test_two_tenants_may_use_the_same_id() -> None:
    base = Articles(Database())
    base.add("acme", [article()])
    base.add("globex", [article(text="Zanders are theirs.")])

    assert base.search("acme", "zanders")[0].text == "Zanders spawn in the tailrace."
    base.remove("globex", "a")
    assert found(base, "acme", "zanders") == ["a"]


def test_an_article_replaces_the_one_with_its_id() -> None:
    base = Articles(Database())
    base.add("acme", [article(), article(text="Pike are quiet.")])

    assert found(base, "acme", "zanders") == []
    assert found(base, "acme", "pike") == ["a"]
    assert base.remove("acme", "a")
    assert found(base, "acme", "pike") == []


def test_articles_of_everybody_are_found_by_all() -> None:
    base = Articles(Database())
    base.add(EVERYBODY, [article()])

    assert found(base, "acme", "zander") == found(base, "globex", "zander") == ["a"]


def test_all_or_none_are_kept() -> None:
    base = Articles(Database())

    for bad in (
        article("", "x"),
        article("b", ""),
        article("c", "x" * (LONGEST_TEXT + 1)),
        article("d" * 201),
    ):
        with pytest.raises(BadArticle):
            base.add("acme", [article(), bad])

    assert base.listed("acme") == []


def test_a_base_in_a_file_is_filled_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'k.db'}"
    first, second = Articles(Database(url)), Articles(Database(url))
    first.add("acme", [article()])

    assert len(second.listed(EVERYBODY)) == len(SHARED.listed(EVERYBODY)) >= 20
    assert found(second, "acme", "zanders") == ["a"]
    assert len(second.search("acme", "gateway", 10)) == len(SHARED.search("acme", "gateway", 10))
    first.database.close()
    second.database.close()


@given(st.text(max_size=100))
def test_any_query_is_taken(query: str) -> None:
    assert len(SHARED.search("acme", query, 2)) <= 2


@pytest.mark.parametrize("query", ["", "the of and", '" OR 1 --', "NEAR(", "title:log*", "tenant_id:acme"])
def test_a_query_is_words_and_nothing_else(query: str) -> None:
    base = Articles(Database())
    base.add("globex", [article()])

    assert "a" not in found(base, "acme", query)


async def test_the_tool_searches_for_who_asks(equipped: Equipment) -> None:
    equipped.knowledge().add("acme", [article()])

    ours = json.loads(await output_of(search_knowledge_base, {"query": "zander", "limit": 3}))
    theirs = json.loads(
        await output_of(search_knowledge_base, {"query": "zander", "limit": 3}, tenant_id="globex")
    )

    assert [one["id"] for one in ours["articles"]] == ["a"]
    assert theirs == {"articles": []}
