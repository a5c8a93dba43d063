"""The texts that the injection guardrail learns from: each line of the sources in several wordings."""

import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from pydoc_data.topics import topics
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[1] / "tests" / "guardrails" / "training"
SOURCES: Final = {
    **dict.fromkeys(
        (
            "attacks",
            "attacks_more",
            "attacks_languages",
            "attacks_documents",
            "attacks_direct",
            "attacks_technical",
            "attacks_scripts",
            "attacks_plain",
            "attacks_deeds",
            "attacks_buried",
            "attacks_frames",
        ),
        "attack",
    ),
    **dict.fromkeys(
        (
            "harmless",
            "harmless_more",
            "harmless_languages",
            "harmless_documents",
            "harmless_direct",
            "harmless_technical",
            "harmless_scripts",
            "harmless_plain",
            "harmless_deeds",
            "harmless_buried",
            "harmless_frames",
        ),
        "harmless",
    ),
}
LANGUAGES: Final = frozenset(
    "ar cs de el es fa fr he hi id it ja ko nl pl pt ru sv th tr uk vi zh".split()  # noqa: SIM905  shorter so
)
SHORTEST, LONGEST = 60, 900
ORDINARY, MANUAL = 8_000, 1_500
PROSE: Final = ("ordinary", "manual")
NO_PROSE: Final = frozenset({"site-packages", "test", "tests", "lib2to3", "pydoc_data"})
CARRIED_BY_PROSE: Final = 0.3
DEVELOPMENT: Final = ROOT.parent / "dev"
ELSEWHERE: Final = ("topic", "language", "pii", "ungrounded_numbers", "format")
MANY: Final = 9  # texts that make a long one
WORDINGS: Final = 12
LANGUAGE_WORDINGS: Final = 9
_CHOICE: Final = re.compile(r"\[([^\[\]\n]*\|[^\[\]\n]*)\]")
_LATIN: Final = re.compile(r"[a-z]")


class Text(NamedTuple):
    """One text to learn from."""

    kind: str  # of the section, for leaving whole kinds out
    line: int  # of its source, over all sources
    label: str
    text: str


def sections() -> Iterator[tuple[str, int, str, str]]:
    """The lines of the sources: kind, number, label, line."""
    number = 0
    for name, label in SOURCES.items():
        path = ROOT / f"{name}.txt"
        kind = ""
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("# ") and len(line) < 24 and "[" not in line:
                kind = line[2:]
            elif line:
                number += 1
                yield kind, number, label, line


def language_of(kind: str) -> str:
    """`zh` of the kinds `zh` and `zh orders`; "" is English."""
    return kind[:2] if kind[:2] in LANGUAGES and kind[2:3] in ("", " ", "-") else ""


def corpus() -> list[Text]:
    """All texts, the same ones each time."""
    chance = random.Random(4711)
    found: list[Text] = []
    seen: set[str] = set()
    lines = list(sections())
    plain: dict[str, list[str]] = {}
    for kind, _, label, line in lines:
        if label == "harmless":
            plain.setdefault(language_of(kind), []).append(line)
    prose = [one.text for one in ordinary(0)]
    for kind, number, label, line in lines:
        language = language_of(kind)
        for turn in range(LANGUAGE_WORDINGS if language else WORDINGS):
            text = worded(line, chance)
            if turn % 3 == 2:
                around = [worded(chance.choice(plain[language]), chance) for _ in range(MANY)]
                if chance.random() < CARRIED_BY_PROSE:
                    around = chance.sample(prose, 5)
                text = (buried if turn % 2 else embedded)(text, around, chance)
            elif turn % 7 == 3:
                text = misspelt(text, chance)
            if text not in seen:
                seen.add(text)
                found.append(Text(kind, number, label, text))
    found += developed(len(lines))
    return found + list(ordinary(found[-1].line))


def developed(lines: int) -> Iterator[Text]:
    """The cases for development: those of injections, and what other guardrails read as harmless texts."""
    for name in ("injection", *ELSEWHERE):
        for row in (DEVELOPMENT / f"{name}.jsonl").read_text(encoding="utf-8").split("\n")[:-1]:
            case = json.loads(row)
            lines += 1
            label = case["label"] if name == "injection" else "harmless"
            yield Text(case["family"] if name == "injection" else f"dev {name}", lines, label, case["text"])


def ordinary(lines: int) -> Iterator[Text]:
    """Paragraphs of Python's own library and its manual: prose and code that give an agent no orders."""
    chance = random.Random(7)
    library: list[str] = []
    root = Path(random.__file__).parent
    for path in sorted(root.rglob("*.py")):
        if not NO_PROSE & set(path.relative_to(root).parts):
            library += paragraphs(path.read_text(encoding="utf-8", errors="replace"))
    manual = [piece for _, text in sorted(topics.items()) for piece in paragraphs(text)]
    for kind, pieces, count in zip(PROSE, (library, manual), (ORDINARY, MANUAL), strict=True):
        for piece in chance.sample(pieces, min(count, len(pieces))):
            lines += 1
            yield Text(kind, lines, "harmless", piece)


def paragraphs(text: str) -> list[str]:
    """Those that are neither short nor long."""
    return [piece for piece in text.split("\n\n") if SHORTEST < len(piece) < LONGEST]


def worded(line: str, chance: random.Random) -> str:
    """One of the wordings of a line: `[a|b]` is a choice."""
    while _CHOICE.search(line):
        line = _CHOICE.sub(lambda found: chance.choice(found.group(1).split("|")), line)
    line = re.sub(r" +", " ", line.replace("\\n", "\n")).strip()
    line = re.sub(r" ([.,?!])", r"\1", line)
    way = chance.random()
    if way < 0.12:
        return line.lower()
    if way < 0.15:
        return line.upper()
    if way < 0.22 and line[-1:].isalpha():
        return line + chance.choice((".", "!", " please", " pls", "..."))
    return line


def embedded(text: str, others: list[str], chance: random.Random) -> str:
    """The text somewhere in a letter, page, ticket, table, document or program."""
    one, two, three, four, five = others[:5]
    return chance.choice(
        (
            f"{one}\n\n{text}",
            f"{text}\n\n{one} {two}",
            f"{one} {text} {two}",
            f"{one} {two} {three} {four} {text}",
            f"Summarise this mail.\n\nFrom: jo@firm.example\nSubject: News\n\n{one} {two}\n{text}\nBest, Jo",
            f"<html><body><h1>Shop</h1><p>{one}</p><!-- {text} --><p>{two}</p></body></html>",
            f"id,customer,comment\n1,Miller,{one}\n2,Jones,{text}\n3,Silva,{two}",
            json.dumps({"ticket": 4471, "body": one, "notes": text, "state": "open"}, ensure_ascii=False),
            f"def total(rows):\n    # {text}\n    return sum(rows)\n\nPlease review this code.",
            f'Can you translate the following into English? "{text}"',
            f"What does this page say?\n---\n{one}\n{two}\n{text}\n---",
            f"{one}\n{two}\n{three}\n{four}\n{five}\n\nPS: {text}",
            f"Hi, quick question. {text} Thanks!",
            f"![{text}](a.png) {one}",
        )
    )


def buried(text: str, others: list[str], chance: random.Random) -> str:
    """The text somewhere in a long one."""
    pieces = list(others)
    pieces.insert(chance.randrange(len(pieces) + 1), text)
    return chance.choice((" ", "\n", "\n\n")).join(pieces)


def misspelt(text: str, chance: random.Random) -> str:
    """With a few letters swapped or lost."""
    words = text.split(" ")
    for _ in range(1 + len(words) // 8):
        place = chance.randrange(len(words))
        word = words[place]
        if len(word) > 4 and _LATIN.search(word):
            at = chance.randrange(1, len(word) - 2)
            swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
            words[place] = chance.choice((swapped, word[:at] + word[at + 1 :]))
    return " ".join(words)


def main() -> None:
    """Prints the corpus, a line of JSON for each text, and at last how many there are."""
    counts: Counter[str] = Counter()
    for one in corpus():
        counts[one.label if one.kind not in PROSE else "prose"] += 1
        if one.kind not in PROSE:
            print(json.dumps(one._asdict()))
    print(json.dumps(counts))


if __name__ == "__main__":
    main()
