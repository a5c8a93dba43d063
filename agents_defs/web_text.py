"""The text of an HTML page, without its tags, scripts and styles; in time linear in its length."""

from __future__ import annotations

import html
import re

_UNSEEN = frozenset({"script", "style", "template", "noscript", "svg", "iframe", "object", "title"})
_BREAKS = frozenset(
    {"p", "br", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "table", "section", "article", "pre"}
)
_NAME = re.compile(r"/?([a-zA-Z][a-zA-Z0-9]*)")
_TITLE = re.compile(r"<title[^>]{0,200}>([^<]{0,500})", re.IGNORECASE)
_SPACES = re.compile(r"[^\S\n]+")
_LINES = re.compile(r"\s*\n\s*")


def title_of(page: str) -> str | None:
    found = _TITLE.search(page)
    return " ".join(html.unescape(found.group(1)).split()) or None if found else None


def text_of(page: str) -> str:
    """What somebody would read. It need not be perfect: a model reads it."""
    parts: list[str] = []
    lowered = page.lower()
    if len(lowered) != len(page):  # a few letters have longer small ones: places would not fit
        lowered = page
    at = 0
    while (opening := page.find("<", at)) >= 0:
        parts.append(page[at:opening])
        at = _after_tag(page, lowered, opening, parts)
    parts.append(page[at:])
    text = html.unescape("".join(parts))
    return _LINES.sub("\n", _SPACES.sub(" ", text)).strip()


def _after_tag(page: str, lowered: str, opening: int, parts: list[str]) -> int:
    """Where the text goes on. What is never closed hides the rest."""
    if page.startswith("<!--", opening):
        return _after(page, "-->", opening + 4)
    named = _NAME.match(page, opening + 1)
    if named is None:
        if page[opening + 1 : opening + 2] in {"!", "?"}:
            return _after(page, ">", opening)
        parts.append("<")
        return opening + 1
    name = named.group(1).lower()
    closes = page[opening + 1] == "/"
    end = _after(page, ">", named.end())
    if name in _BREAKS:
        parts.append("\n")
    if name in _UNSEEN and not closes:
        closing = lowered.find(f"</{name}", end)
        return len(page) if closing < 0 else _after(page, ">", closing)
    return end


def _after(page: str, mark: str, at: int) -> int:
    found = page.find(mark, at)
    return len(page) if found < 0 else found + len(mark)
