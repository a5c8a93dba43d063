"""Articles of the knowledge base in files: Markdown, one a file, or JSON."""

import re
from pathlib import Path
from typing import Any

import orjson

from agents_defs.library import Document
from app.terminal.exits import Trouble

_HEADING = re.compile(r"^#+ +(.+?) *#*$", re.MULTILINE)
FIELDS = ("id", "title", "text")


def articles_in(file: Path) -> list[Document]:
    """Raises Trouble, which names the file."""
    try:
        raw = file.read_bytes()
        text = raw.decode("utf-8")
    except OSError as error:
        raise Trouble(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Trouble(f"{file}: this is no text in UTF-8") from None
    if file.suffix.lower() == ".json":
        return _listed(file, raw)
    heading = _HEADING.search(text)
    title = heading.group(1) if heading else file.stem
    return [Document(file.stem, title, file.parent.name, text.strip())]


def _listed(file: Path, raw: bytes) -> list[Document]:
    try:
        entries: Any = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Trouble(f"{file}: this is no JSON: {error}") from None
    if not isinstance(entries, list):
        raise Trouble(f"{file}: write a list of articles")
    return [_article(f"{file}, article {number}", entry) for number, entry in enumerate(entries, 1)]


def _article(place: str, entry: Any) -> Document:
    if not isinstance(entry, dict) or not all(isinstance(entry.get(name), str) for name in FIELDS):
        raise Trouble(f"{place}: an article has id, title and text, and maybe a topic, all texts")
    topic = entry.get("topic")
    return Document(entry["id"], entry["title"], topic if isinstance(topic, str) else "", entry["text"])
