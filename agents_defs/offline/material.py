"""What a question brings along: a first paragraph that asks, and below a heading what it is asked about."""

from __future__ import annotations

import re

from agents_defs.words import content_words, sentences

_HEADING = re.compile(r"\n[ \t]*\n(?=[A-Z][^\n:]{2,60}:[ \t]*\n)")
_LABEL = re.compile(r"^[A-Z][^\n:]{2,60}:[ \t]*$", re.MULTILINE)
_NEXT = re.compile(
    r",?\s+and\s+(?:then\s+)?(?=(?:how|what|why|when|where|who|which|look|find|tell|search|list)\b)", re.I
)
_FILLED = re.compile(r"\s*\(offline model\)")
_FILLING = ("On this my instructions say", "I have no tool")
_SPEAKER = re.compile(r"^[-*\s]*([\w-]{2,20}): ")


def parted(text: str) -> tuple[str, str]:
    """The question, and what stands below it; nothing where there is no heading."""
    question, *below = _HEADING.split(text, maxsplit=1)
    return (question.strip(), _FILLED.sub("", below[0]).strip()) if below else (text, "")


def lines_of(material: str) -> list[str]:
    """Its sentences, each once, without headings, and without what an offline model says of itself."""
    lines = (line.strip("-*• “”") for line in sentences(_LABEL.sub("\n", material)))
    return list(dict.fromkeys(line for line in lines if line and not line.startswith(_FILLING)))


def spoken(material: str) -> list[tuple[str, str]]:
    """Who said what, where it is a conversation: one speaker a paragraph."""
    said = []
    for paragraph in re.split(r"\n+", material):
        found = _SPEAKER.match(paragraph)
        if found:
            said.append((found[1], paragraph[found.end() :].strip()))
    return said


def clauses(text: str) -> list[str]:
    """The things that a text asks for, each as a sentence of its own."""
    found = [part.strip(" .;") for line in sentences(text) for part in _NEXT.split(line)]
    return [part for part in found if content_words(part)]


def left_to_do(text: str, material: str) -> list[str]:
    """Those that are not noted as done."""
    asked = clauses(text)
    left = [part for part in asked if f"{part} (done)" not in material]
    return left or asked[-1:]
