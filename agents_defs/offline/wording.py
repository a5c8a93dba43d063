"""Words an answer from what tools returned, or from what was said where no tool was called."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agents_defs.offline.conversation import Conversation, is_handoff
from agents_defs.offline.material import lines_of, spoken
from agents_defs.offline.sums import computed
from agents_defs.words import content_words, related, sentences, stem, stems, words

TAG = "(offline model)"
MAX_SENTENCES = 4
NOTHING = "No"
MAX_ROWS = 5
MAX_QUOTE_CHARS = 160
MAX_PASSAGES = 3
LONG_TEXT = 4
"""From so many sentences on, a request is a text to be put in short."""
_GREETING = re.compile(r"^\W*(hello|hi|hey|good (morning|afternoon|evening|day)|greetings)\b", re.I)
_THANKS = re.compile(r"\b(thank you|thanks|thx|cheers)\b", re.I)
_HEADS = ("order", "number", "id", "name", "title", "email", "key", "code")
_LONG_VALUES = ("text", "content", "body", "summary", "description", "snippet", "answer")


def answer(conversation: Conversation, instructions: str) -> str:
    """The whole answer, which says that it is an offline one."""
    return f"{substance(conversation, instructions)} {TAG}"


def substance(conversation: Conversation, instructions: str) -> str:
    """What the answer says."""
    request = conversation.request
    told = [
        line for one in conversation.done if _is_result(one.output) for line in _told(one.output, request)
    ]
    if told:
        useful = [line for line in told if not line.startswith(NOTHING)]
        return " ".join(dict.fromkeys(useful or [*told, _self(instructions)]))
    if result := computed(request):
        return result
    asked = sentences(request)
    if conversation.material:
        return _from_material(conversation.material, request, instructions)
    if not content_words(request):
        return _courtesy(request, instructions)
    if len(asked) >= LONG_TEXT:
        return "In short: " + " ".join(_gist(asked))
    return _acknowledged(request, asked, instructions)


def _from_material(material: str, request: str, instructions: str) -> str:
    """A reply to the last speaker of a conversation; of other texts what fits the request."""
    said = spoken(material)
    if said:
        speaker, last = said[-1]
        quoted = (sentences(last) or [last])[0][:MAX_QUOTE_CHARS]
        return (
            f"{_self(instructions)} I read what was said {len(said)} times, at last by {speaker}: “{quoted}”"
        )
    lines = [line for line in lines_of(material) if line != request]
    return " ".join(_sentence(line) for line in _relevant(lines, request, MAX_SENTENCES)) or _self(
        instructions
    )


def facts(conversation: Conversation) -> dict[str, Any]:
    """The values that tools returned, by name; of equal names the latest."""
    found: dict[str, Any] = {}
    for one in conversation.done:
        found.update(_named(one.output))
    return found


def _named(output: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(output, Mapping):
        for name, value in output.items():
            yield from _named(value)
            yield str(name), value
    elif isinstance(output, list) and output:
        yield from _named(output[0])


def _is_result(output: Any) -> bool:
    return output not in (None, "", [], {}) and not is_handoff(output)


def _told(output: Any, request: str) -> list[str]:
    """Sentences that give a tool's result."""
    if isinstance(output, Mapping):
        return _told_mapping(output, request)
    if isinstance(output, list):
        return _told_rows("Found", output, request)
    text = str(output)
    return _relevant(sentences(text), request, MAX_SENTENCES) or [text[:500]]


def _told_mapping(output: Mapping[str, Any], request: str) -> list[str]:
    if isinstance(output.get("error"), str):
        rest = {name: value for name, value in output.items() if name != "error"}
        return [_sentence(f"{output['error']}{'; ' + _listed(rest) if rest else ''}")]
    told = []
    plain = {name: value for name, value in output.items() if not _is_table(value) and value != []}
    if plain:
        long_name = next((name for name in _LONG_VALUES if isinstance(plain.get(name), str)), None)
        told = [_sentence(_row(plain))] if long_name is None else _passage(plain, request, MAX_SENTENCES)
    for name, value in output.items():
        if _is_table(value):
            told += _told_rows(_spaced(name).capitalize(), value, request)
        elif value == []:
            told.append(_nothing(name, request))
    return told


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, Mapping) for row in value)


def _told_rows(heading: str, rows: Sequence[Any], request: str) -> list[str]:
    if not all(isinstance(row, Mapping) for row in rows):
        return [_sentence(f"{heading}: {', '.join(_value(row) for row in rows[:MAX_ROWS])}")]
    if any(isinstance(row.get(name), str) for row in rows for name in _LONG_VALUES):
        shares = [_share(row, request) for row in rows]
        least = max(min(2.0, 0.4 * len(stems(request))), 0.6 * max(shares))
        fitting = [row for row, share in zip(rows, shares, strict=True) if share >= least]
        if not fitting:
            return [_nothing(heading, request)]
        return [
            line
            for row in fitting[:MAX_PASSAGES]
            for line in _passage(row, request, 4 if len(fitting) == 1 else 2)
        ]
    told = "; ".join(_row(row) for row in rows[:MAX_ROWS])
    more = f"; and {len(rows) - MAX_ROWS} more" if len(rows) > MAX_ROWS else ""
    return [_sentence(f"{heading}: {told}{more}")]


def _nothing(kind: str, request: str) -> str:
    return f"{NOTHING} {_spaced(kind)} were found for “{' '.join(content_words(request)[:6])}”."


def _share(row: Mapping[str, Any], request: str) -> float:
    """How many words of the request a found text holds; words on the same subject count half."""
    found = set(stems(" ".join(str(value) for value in row.values())))
    return sum(1.0 if word in found else 0.5 if related(word) & found else 0.0 for word in stems(request))


def _passage(row: Mapping[str, Any], request: str, count: int) -> list[str]:
    """The sentences of a found text that fit the request, and where they stand."""
    text = next(str(row[name]) for name in _LONG_VALUES if isinstance(row.get(name), str))
    quoted = _stretch(sentences(text), request, count)
    source = row.get("id") or row.get("title") or row.get("url")
    return [f"{' '.join(quoted)} [{source}]" if source else " ".join(quoted)] if quoted else []


def _row(row: Mapping[str, Any]) -> str:
    """Order 7: status delivered, carrier GLS."""
    head = next((name for name in _HEADS if isinstance(row.get(name), str | int)), None)
    rest = {name: value for name, value in row.items() if name != head}
    if head is None:
        return _listed(rest)
    subject = (
        _value(row[head]) if head in ("name", "title", "email") else f"{_spaced(head)} {_value(row[head])}"
    )
    return f"{subject}: {_listed(rest)}" if rest else subject


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{_spaced(name)} {_value(value)}" for name, value in values.items() if value is not None
    )


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"({_listed(value)})"
    if isinstance(value, list):
        return ", ".join(_value(one) for one in value[:MAX_ROWS]) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _spaced(name: str) -> str:
    return " ".join(words(name)) or name


def _sentence(text: str) -> str:
    text = text.strip()
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"


def _relevant(lines: Sequence[str], request: str, count: int) -> list[str]:
    """The lines that share most with the request, in their own order; the first ones where none does."""
    wanted = set(stems(request))
    near = {other for word in wanted for other in related(word)}
    weights = [len(wanted & (found := set(stems(line)))) + 0.4 * len(near & found) for line in lines]
    best = sorted(range(len(lines)), key=lambda place: (-weights[place], place))[:count]
    return [lines[place] for place in sorted(best) if weights[place] or not any(weights)]


def _stretch(lines: Sequence[str], request: str, count: int) -> Sequence[str]:
    """So many lines in a row, those that share most with the request: steps belong together."""
    wanted = {other for word in stems(request) for other in related(word)}
    exact = set(stems(request))

    def weight(start: int) -> float:
        found = {word for line in lines[start : start + count] for word in stems(line)}
        return len(exact & found) + 0.4 * len(wanted & found) + (0.5 if start == 0 else 0.0)

    best = max(range(max(1, len(lines) - count + 1)), key=weight)
    return lines[best : best + count]


def _gist(lines: Sequence[str]) -> list[str]:
    """The sentences whose words are the most frequent ones of the whole text."""
    frequency: dict[str, int] = {}
    for line in lines:
        for word in set(stems(line)):
            frequency[word] = frequency.get(word, 0) + 1
    found = [set(stems(line)) for line in lines]
    weights = [sum(frequency[word] for word in one) / (len(one) + 3) for one in found]
    best = sorted(range(len(lines)), key=lambda place: (-weights[place], place))[
        : min(3, 1 + len(lines) // 4)
    ]
    return [_sentence(lines[place].lstrip("-*• ")) for place in sorted(best)]


def _courtesy(request: str, instructions: str) -> str:
    if _THANKS.search(request):
        return "You are welcome. Is there anything else?"
    opening = (
        "Hello!"
        if _GREETING.search(request) or not request.strip()
        else f"You wrote: “{request.strip()[:200]}”."
    )
    return f"{opening} {_self(instructions)} What can I do for you?"


def _self(instructions: str) -> str:
    """Who the agent is, from the first sentence of its instructions."""
    first = next(iter(sentences(instructions)), "")
    if not first.lower().startswith("you "):
        return f"My instructions begin: “{first[:200]}”" if first else "I am an assistant."
    told = re.sub(r"^you are\b", "I am", first, flags=re.IGNORECASE)
    told = re.sub(r"^you\b", "I", told, flags=re.IGNORECASE)
    return _sentence(re.sub(r"\byour\b", "my", re.sub(r"\byou\b", "I", told)))


def _acknowledged(request: str, asked: Sequence[str], instructions: str) -> str:
    """For a request that no tool helps with: what was understood, and what the instructions say about it."""
    subject = ", ".join(content_words(request)[:6])
    heart = max(asked, key=lambda line: (len(content_words(line)), "?" in line))
    wanted = set(stems(request))
    ruled = [
        line for line in sentences(instructions)[1:] if wanted & {stem(word) for word in content_words(line)}
    ]
    parts = [f"You ask about {subject}: “{heart[:300]}”", _self(instructions)]
    if ruled:
        parts.append(f"On this my instructions say: “{ruled[0].lstrip('-*• ')}”")
    else:
        parts.append("I have no tool and no data for this, so this is all that I can say about it.")
    return " ".join(part if part.endswith((".", "!", "?", "”")) else f"{part}." for part in parts)
