"""Articles that agents may tell, found by their words: those of all tenants, and each tenant's own.

SQLite searches with FTS5, PostgreSQL with tsvector; both rank a word in the title higher.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, MetaData, String, Table, Text, delete, select, text

from agents_defs.library import Document
from agents_defs.text_files import shipped
from agents_defs.words import content_words

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from agents_defs.database import Database

EVERYBODY = ""
"""Whose articles are for all tenants: no tenant has an empty id."""
LONGEST_TEXT = 100_000
MOST_WORDS = 40
KNOWLEDGE = MetaData()
ARTICLES = Table(
    "knowledge_articles",
    KNOWLEDGE,
    Column("tenant_id", String(256), primary_key=True),
    Column("id", String(200), primary_key=True),
    Column("title", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("text", Text, nullable=False),
)
_LITE_INDEX = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS knowledge_words USING fts5("
    "tenant_id UNINDEXED, id UNINDEXED, title, topic, text, tokenize='porter unicode61')"
)
_LITE_SEARCH = text(
    "SELECT id, title, topic, text FROM knowledge_words WHERE knowledge_words MATCH :words "
    "AND tenant_id IN (:tenant_id, '') ORDER BY bm25(knowledge_words, 0, 0, 3, 2, 1), id LIMIT :most"
)
_WEIGHED = (
    "setweight(to_tsvector('english', title), 'A') || setweight(to_tsvector('english', topic), 'B') "
    "|| setweight(to_tsvector('english', text), 'C')"
)
_POSTGRES_INDEX = f"CREATE INDEX IF NOT EXISTS knowledge_words ON knowledge_articles USING gin (({_WEIGHED}))"
_POSTGRES_SEARCH = text(
    f"SELECT id, title, topic, text FROM knowledge_articles, to_tsquery('english', :words) AS wanted "  # noqa: S608  our own words
    f"WHERE ({_WEIGHED}) @@ wanted AND tenant_id IN (:tenant_id, '') "
    f"ORDER BY ts_rank(({_WEIGHED}), wanted) DESC, id LIMIT :most"
)


class BadArticle(ValueError):
    """An article that cannot be kept; the message says why."""


class Articles:
    """Answers one tenant at a time. The articles that ship with Penstock are everybody's."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._lite = database.dialect == "sqlite"
        with database.preparing() as books:
            KNOWLEDGE.create_all(books)
            books.exec_driver_sql(_LITE_INDEX if self._lite else _POSTGRES_INDEX)
            for entry in shipped("knowledge"):
                self._add_new(books, EVERYBODY, _shipped(entry))

    def search(self, tenant_id: str, query: str, limit: int = 3) -> list[Document]:
        """The articles that hold any of the query's words, the best first."""
        asked = content_words(query)[:MOST_WORDS]
        if not asked:
            return []
        values: dict[str, Any] = {"tenant_id": tenant_id, "most": limit}
        if self._lite:
            values["words"] = " OR ".join(f'"{word.replace(chr(34), "")}"' for word in asked)
        else:
            values["words"] = " | ".join(
                "'" + word.replace("\\", "").replace("'", "''") + "'" for word in asked
            )
        with self.database.reading() as books:
            found = books.execute(_LITE_SEARCH if self._lite else _POSTGRES_SEARCH, values)
            return [Document(*row) for row in found]

    def add(self, tenant_id: str, articles: Iterable[Document]) -> int:
        """Keeps articles, in place of those with their ids; all or none. Raises BadArticle."""
        with self.database.writing() as books:
            number = 0
            for article in articles:
                _check(article)
                self._remove(books, tenant_id, article.id)
                self._add_new(books, tenant_id, article)
                number += 1
        return number

    def remove(self, tenant_id: str, article_id: str) -> bool:
        with self.database.writing() as books:
            return self._remove(books, tenant_id, article_id)

    def listed(self, tenant_id: str) -> list[Document]:
        """The tenant's own; of EVERYBODY those that are everybody's."""
        wanted = select(ARTICLES).where(ARTICLES.c.tenant_id == tenant_id).order_by(ARTICLES.c.id)
        with self.database.reading() as books:
            return [Document(row.id, row.title, row.topic, row.text) for row in books.execute(wanted)]

    def _add_new(self, books: Connection, tenant_id: str, article: Document) -> None:
        row = {"tenant_id": tenant_id, **_row(article)}
        if self.database.insert_new(books, ARTICLES, row) and self._lite:
            into = "INSERT INTO knowledge_words VALUES (:tenant_id, :id, :title, :topic, :text)"
            books.execute(text(into), row)

    def _remove(self, books: Connection, tenant_id: str, article_id: str) -> bool:
        mine = (ARTICLES.c.tenant_id == tenant_id, ARTICLES.c.id == article_id)
        if self._lite:
            from_it = "DELETE FROM knowledge_words WHERE tenant_id = :tenant_id AND id = :id"
            books.execute(text(from_it), {"tenant_id": tenant_id, "id": article_id})
        return books.execute(delete(ARTICLES).where(*mine)).rowcount > 0


def _check(article: Document) -> None:
    if not article.id or len(article.id) > 200 or not article.title or not article.text:
        raise BadArticle(
            f"{article.id[:200]!r}: an article needs an id of 200 characters at most, a title, a text"
        )
    if len(article.text) > LONGEST_TEXT:
        raise BadArticle(f"{article.id!r}: the text is longer than {LONGEST_TEXT} characters")


def _row(article: Document) -> dict[str, str]:
    return {"id": article.id, "title": article.title, "topic": article.topic, "text": article.text}


def _shipped(entry: dict[str, str]) -> Document:
    return Document(entry["id"], entry["title"], entry["area"], entry["text"])
