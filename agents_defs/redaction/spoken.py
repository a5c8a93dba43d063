"""Tells a feed what a model says while it says it, with personal data put back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents_defs.redaction.streamed_text import StreamedText

if TYPE_CHECKING:
    from agents.items import TResponseStreamEvent

    from agents_defs.delta_feed import DeltaFeed
    from agents_defs.redaction.redaction import Redaction

_TEXT = "response.output_text.delta"
_DELTA = ".delta"


class Spoken:
    """One answer of a model. Without redaction its events are passed on as they are."""

    def __init__(self, feed: DeltaFeed, redaction: Redaction | None) -> None:
        self._feed = feed
        self._texts = (
            None if redaction is None else (StreamedText(redaction.shown), StreamedText(redaction.shown))
        )

    def take(self, event: TResponseStreamEvent) -> None:
        """The next event of its stream."""
        if self._texts is None:
            self._feed.model_said(event)
            return
        delta = getattr(event, "delta", None)
        if not event.type.endswith(_DELTA) or not isinstance(delta, str):
            self.end()  # a text is over: what was held back is no placeholder
            return
        said, thought = self._texts
        if event.type == _TEXT:
            self._feed.whole(said.take(delta))
        elif self._feed.is_reasoning(event):
            self._feed.thought(thought.take(delta))

    def end(self) -> None:
        """Nothing follows."""
        if self._texts is not None:
            said, thought = self._texts
            self._feed.thought(thought.rest())
            self._feed.whole(said.rest())
