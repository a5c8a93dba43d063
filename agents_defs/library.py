"""Full-text search in a small collection of documents, with SQLite's FTS5."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from agents_defs.text_files import shipped
from agents_defs.words import content_words


@dataclass(frozen=True, slots=True)
class Document:
    id: str
    title: str
    topic: str
    text: str


class Library:
    """A fixed collection. Words are found in all their English forms; the best match comes first."""

    def __init__(self, documents: Iterable[Document]) -> None:
        # One connection for the event loop and for tools that run in threads; nothing writes after this.
        self._books = sqlite3.connect(":memory:", check_same_thread=False)
        self._books.execute(
            "CREATE VIRTUAL TABLE pages USING "
            "fts5(id UNINDEXED, title, topic, text, tokenize='porter unicode61')"
        )
        rows = [(document.id, document.title, document.topic, document.text) for document in documents]
        self._books.executemany("INSERT INTO pages VALUES (?, ?, ?, ?)", rows)

    def search(self, query: str, limit: int = 3) -> list[Document]:
        """The documents that hold any of the query's words. A title counts three times."""
        asked = content_words(query)
        if not asked:
            return []
        matching = " OR ".join(f'"{word.replace(chr(34), "")}"' for word in asked)
        found = self._books.execute(
            "SELECT id, title, topic, text FROM pages WHERE pages MATCH ? "
            "ORDER BY bm25(pages, 0, 3, 2, 1), id LIMIT ?",
            (matching, limit),
        )
        return [Document(*row) for row in found]

    def document(self, document_id: str) -> Document | None:
        found = self._books.execute("SELECT id, title, topic, text FROM pages WHERE id = ?", (document_id,))
        row = found.fetchone()
        return None if row is None else Document(*row)


def _document(entry: Mapping[str, str]) -> Document:
    return Document(entry["id"], entry["title"], entry["topic"], entry["text"])


@cache
def research_documents() -> Library:
    """What the research agents search."""
    return Library(_document(entry) for entry in shipped("documents"))
