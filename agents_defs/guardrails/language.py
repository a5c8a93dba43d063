"""Finds texts in a language that is not allowed, by their letters and their commonest words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache

from agents_defs.guardrails.finding import Finding
from agents_defs.guardrails.lexicon import read_words
from agents_defs.guardrails.pieces import replaced

_SCRIPTS: Mapping[str, tuple[str, frozenset[str]]] = {
    name: (ranges, frozenset(languages.split()))
    for name, ranges, languages in (
        ("cyrillic", "\u0400-\u052f", "ru uk bg sr mk be kk ky mn tg uz bs"),
        ("greek", "\u0370-\u03ff\u1f00-\u1fff", "el"),
        ("hebrew", "\u0590-\u05ff", "he iw yi"),
        ("arabic", "\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufeff", "ar fa ur ps ku ug sd ckb"),
        ("devanagari", "\u0900-\u097f", "hi mr ne sa"),
        ("bengali", "\u0980-\u09ff", "bn as"),
        ("gurmukhi", "\u0a00-\u0a7f", "pa"),
        ("gujarati", "\u0a80-\u0aff", "gu"),
        ("tamil", "\u0b80-\u0bff", "ta"),
        ("telugu", "\u0c00-\u0c7f", "te"),
        ("kannada", "\u0c80-\u0cff", "kn"),
        ("malayalam", "\u0d00-\u0d7f", "ml"),
        ("sinhala", "\u0d80-\u0dff", "si"),
        ("thai", "\u0e00-\u0e7f", "th"),
        ("lao", "\u0e80-\u0eff", "lo"),
        ("tibetan", "\u0f00-\u0fff", "bo"),
        ("burmese", "\u1000-\u109f", "my"),
        ("georgian", "\u10a0-\u10ff", "ka"),
        ("armenian", "\u0530-\u058f", "hy"),
        ("ethiopic", "\u1200-\u137f", "am ti"),
        ("khmer", "\u1780-\u17ff", "km"),
        ("hangul", "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af", "ko"),
        ("kana", "\u3040-\u30ff", "ja"),
        ("han", "\u3400-\u9fff", "zh ja yue"),
    )
}
_RUNS = {name: re.compile(f"[{ranges}]") for name, (ranges, _) in _SCRIPTS.items()}
_LATIN = re.compile("[A-Za-z\u00c0-\u024f\u1e00-\u1eff]+")
_BEYOND_LATIN = re.compile("[\u0370-\u1dff\u1f00-\u1fff\u3040-\ufeff]+")
_NO_ASCII = re.compile("[^\x00-\x7f]+")
_WORD = re.compile(r"[^\W\d_]+")
_NO_PROSE = (
    (re.compile("`"), r"```.{0,20000}?(?:```|$)|`[^`\n]{0,400}`"),
    (re.compile("://"), r"https?://\S{1,2000}"),
    (re.compile("@"), r"(?<![\w.+-])[\w.+-]{1,64}@[\w.-]{1,200}"),
    (re.compile(r"\.[a-z]{2}"), r"(?<![\w-])[\w-]{1,60}\.[a-z]{2,4}\b"),
    (re.compile(r"\d"), r"[A-Z0-9](?<![\w-].)[A-Z0-9]{0,19}[-_]?\d[\w-]{0,40}"),
    (re.compile(r"\"\s?:"), r"\"[A-Za-z_]\w{0,60}\"\s?:"),
)
"""What is in no language, and a sign without which it need not be looked for."""
_LETTERS: Mapping[str, str] = {
    "de": "äöüß", "fr": "éèêçàùœ", "es": "ñ¿¡áíóú", "pt": "ãõç", "it": "èàìòù", "sv": "åäö", "da": "æøå", "no": "æøå", "fi": "äö",
    "pl": "ąćęłńśźż", "cs": "ěščřžýůťď", "sk": "ľĺŕôäčďťž", "hu": "őűáé", "ro": "ășțâî", "tr": "ğışç", "vi": "ơưđạảấầẩậắằặẹẻẽếềểệ",
    "hr": "đčćžš", "et": "õäöü", "lt": "ąčęėįšųūž", "lv": "āčēģīķļņšūž", "uk": "іїєґ", "ru": "ыэё", "bg": "ъ", "sr": "ђјљњћџ", "ca": "çàèò",
}  # fmt: skip
_NEIGHBOURS = {"nb": "no", "nn": "no", "bs": "hr", "ms": "id", "gl": "pt", "mo": "ro", "fil": "tl"}
LEAST_HITS = 2
SHORT_WORDS = 4


def language(text: str, allowed: Collection[str]) -> list[Finding]:
    """Nothing where the text is in one of the languages (codes such as `en`), or in none that can be told."""
    codes = {_NEIGHBOURS.get(code.lower().split("-")[0], code.lower().split("-")[0]) for code in allowed}
    signs = tuple(sign.search(text) is not None for sign, _ in _NO_PROSE)
    prose = replaced(_no_prose(signs), " ", text) if any(signs) else text
    latin = sum(map(len, _LATIN.findall(prose)))
    scripts = {} if prose.isascii() else _scripts(prose)
    if latin + sum(scripts.values()) < 2:
        return []
    if scripts.get("kana", 0) > 0:
        scripts["kana"] += scripts.pop("han")
    name, count = max(scripts.items(), key=lambda one: one[1], default=("", 0))
    if count > latin / 2:
        return _by_script(text, prose, name, codes)
    return _by_words(text, prose, codes)


def _scripts(prose: str) -> dict[str, int]:
    """How many letters of each script there are, where there are any but Latin ones."""
    beyond = "".join(_BEYOND_LATIN.findall(prose))
    return {name: len(run.findall(beyond)) for name, run in _RUNS.items()} if beyond else {}


def _by_script(text: str, prose: str, name: str, codes: set[str]) -> list[Finding]:
    languages = _SCRIPTS[name][1]
    if not languages & codes:
        return [Finding(f"language_{min(languages)}", 1.0, 0, len(text))]
    if name == "cyrillic":
        return _by_words(text, prose, codes)
    if name == "han" and "zh" not in codes and len(prose) > 8:
        return [Finding("language_zh", 0.8, 0, len(text))]
    return []


def _by_words(text: str, prose: str, codes: set[str]) -> list[Finding]:
    lower = prose.casefold()
    words = _WORD.findall(lower)
    hits, marks = _hits(words), _marks(lower)
    scores = {code: hits[code] + min(marks.get(code, 0), 6) * 0.6 for code in {*hits, *marks}}
    if not scores:
        return []
    best = max(scores, key=lambda code: (scores[code], hits[code]))
    own = max((scores.get(code, 0.0) for code in codes), default=0.0)
    enough = hits[best] >= LEAST_HITS or (
        scores[best] >= LEAST_HITS and hits[best] + len(words) > SHORT_WORDS
    )
    enough = enough or (
        hits[best] >= 1 and own == 0 and len(words) <= SHORT_WORDS and scores[best] >= 1 and len(words) > 1
    )
    if best in codes or not enough or scores[best] <= own * 1.15 or not codes & set(_stopwords()):
        return []
    return [Finding(f"language_{best}", min(1.0, 0.5 + 0.1 * (scores[best] - own)), 0, len(text))]


def _hits(words: Sequence[str]) -> Counter[str]:
    """How many of the words are among the commonest of each language."""
    known = _common()
    hits: Counter[str] = Counter()
    for word, often in Counter(filter(known.__contains__, words)).items():
        for code in known[word]:
            hits[code] += often
    return hits


def _marks(lower: str) -> dict[str, int]:
    """How often letters stand there that few languages have."""
    found = Counter("".join(_NO_ASCII.findall(lower)))
    return (
        {code: sum(found[letter] for letter in letters) for code, letters in _LETTERS.items()}
        if found
        else {}
    )


@lru_cache(maxsize=64)
def _no_prose(signs: tuple[bool, ...]) -> re.Pattern[str]:
    wanted = (pattern for (_, pattern), there in zip(_NO_PROSE, signs, strict=True) if there)
    return re.compile("|".join(wanted), re.DOTALL)


@lru_cache(maxsize=1)
def _stopwords() -> dict[str, list[str]]:
    return read_words("stopwords")


@lru_cache(maxsize=1)
def _common() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for code, words in _stopwords().items():
        for word in dict.fromkeys(words):
            found.setdefault(word.casefold(), []).append(code)
    return found
