"""Redaction: takes personal data out of what a model is told, and puts it back into what it says."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel

from agents_defs.guardrails.pii import pii
from agents_defs.redaction.escapes import Unescaped
from agents_defs.redaction.placeholders import MARK, TEXT, Placeholders

NOTE: Final = (
    "Marks such as <EMAIL_1> stand for data that you are not shown. "
    "Where you would write what one stands for, repeat the mark exactly."
)
OPAQUE: Final = frozenset(
    "type role id call_id status encrypted_content image_url file_id file_data file_url detail name".split()  # noqa: SIM905  names
)
"""Fields of the API's items that say nothing, or that no word may be changed in."""
SHORTEST = 6
Spans = tuple[tuple[int, int, str], ...]


class Redaction:
    """Of one run. `kinds`: what is taken out; None: nothing is any more, but what was is put back."""

    def __init__(self, kinds: Collection[str] | None) -> None:
        self.kinds = kinds
        self.placeholders = Placeholders()
        self._found: dict[str, Spans] = {}  # texts come again with each turn of a run

    @property
    def hides(self) -> bool:
        """Whether anything is taken out."""
        return self.kinds is not None

    def hidden(self, text: str) -> str:
        """With placeholders. `shown` makes exactly the same text of it again."""
        if len(text) < SHORTEST or not self.hides:
            return text
        parts, at = [], 0
        for start, end, kind in self._spans(text):
            parts += [self._known_hidden(text[at:start]), self.placeholders.mark_of(kind, text[start:end])]
            at = end
        return "".join([*parts, self._known_hidden(text[at:])])

    def shown(self, text: str) -> str:
        """With what the placeholders stand for."""
        if "<" not in text and "\\u003" not in text:
            return text
        return MARK.sub(self.placeholders.value_of, text)

    def look_through(self, value: Any) -> None:
        """Finds all that `hidden_value` will hide, and changes nothing: may be done in another thread."""

        def looked(text: str) -> str:
            if self.hides and len(text) >= SHORTEST:
                self._spans(text)
            return text

        walked(value, looked)

    def of_its_own(self) -> Redaction:
        """One for a single text: it knows what this one does, and gives out numbers of its own."""
        own = Redaction(self.kinds)
        own.placeholders.adopt(self.placeholders.all(), written=True)
        return own

    def hidden_value(self, value: Any) -> Any:
        """The same in all texts of a value; the value itself where there is nothing to hide."""
        return walked(value, self.hidden)

    def shown_value(self, value: Any) -> Any:
        """The same in all texts of a value; the value itself where there is nothing to show."""
        return walked(value, self.shown)

    def _spans(self, text: str) -> Spans:
        spans = self._found.get(text)
        if spans is None:
            spans = self._found[text] = tuple(self._looked_for(text))
        return spans

    def _looked_for(self, text: str) -> Iterator[tuple[int, int, str]]:
        marks = [(*match.span(), TEXT) for match in MARK.finditer(text)]
        plain = Unescaped(text) if "\\" in text else None
        found = [
            (one.start, one.end, one.kind)
            if plain is None
            else (plain.place(one.start), plain.end(one.end), one.kind)
            for one in pii(text if plain is None else plain.plain, self.kinds or ())
        ]
        at = 0
        for start, end, kind in sorted([*marks, *found], key=lambda one: (one[0], one[2] != TEXT)):
            overlaps = kind != TEXT and any(start < stop and begin < end for begin, stop, _ in marks)
            if start >= at and not overlaps:
                yield start, end, kind
                at = end

    def _known_hidden(self, text: str) -> str:
        """A number that was found once is hidden wherever it stands, also where nothing says what it is."""
        if len(text) < SHORTEST:
            return text
        for value in self.placeholders.known():
            pieces = _split_at(text, value)
            if len(pieces) > 1:
                mark = self.placeholders.mark_of(TEXT, value)  # it has one
                return mark.join(self._known_hidden(piece) for piece in pieces)
        return text


def _split_at(text: str, value: str) -> list[str]:
    """Where it stands as a word of its own."""
    pieces, begin, at = [], 0, text.find(value)
    while at >= 0:
        end = at + len(value)
        inside = (value[0].isalnum() and text[at - 1 : at].isalnum() and at > 0) or (
            value[-1].isalnum() and text[end : end + 1].isalnum()
        )
        if not inside:
            pieces.append(text[begin:at])
            begin = end
        at = text.find(value, end)
    return [*pieces, text[begin:]]


def walked(value: Any, change: Callable[[str], str]) -> Any:
    """The value with all its texts changed, or the value itself where none is."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        changed = {key: one if key in OPAQUE else walked(one, change) for key, one in value.items()}
        return changed if any(changed[key] is not one for key, one in value.items()) else value
    if isinstance(value, BaseModel):
        fields = {
            name: getattr(value, name) for name in (*type(value).model_fields, *(value.model_extra or ()))
        }
        update = {
            name: new
            for name, one in fields.items()
            if name not in OPAQUE and (new := walked(one, change)) is not one
        }
        return value.model_copy(update=update) if update else value
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        listed = [walked(one, change) for one in value]
        return listed if any(new is not one for new, one in zip(listed, value, strict=True)) else value
    return value
