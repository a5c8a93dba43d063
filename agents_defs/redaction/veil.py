"""What stands between one question of a run and the models: nothing, or the run's redaction."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from agents_defs.redaction.redaction import NOTE
from agents_defs.redaction.run_redaction import hidden_request, new_entries, shown_response
from agents_defs.redaction.spoken import Spoken

if TYPE_CHECKING:
    from agents import ModelResponse

    from agents_defs.delta_feed import DeltaFeed
    from agents_defs.journal_entries import ModelEntry
    from agents_defs.model_request import ModelRequest, Print
    from agents_defs.redaction.redaction import Redaction

LONG = 20_000
"""Characters."""


@dataclass(slots=True)
class Veil:
    """Of one question, whichever models are asked it."""

    redaction: Redaction | None
    request: ModelRequest
    _hidden: ModelRequest | None = None

    @property
    def drawn(self) -> bool:
        """Whether models are told less than the run knows."""
        return self.redaction is not None and self.redaction.hides

    def sendable(self) -> ModelRequest:
        """The question as a provider gets it."""
        if self.redaction is None or not self.drawn:
            return self.request
        if self._hidden is None:
            self._hidden = hidden_request(self.redaction, self.request)
        return self._hidden

    async def look_through(self, known: Print) -> None:
        """Of a long question: beside the event loop, so that nobody is held up."""
        if self.redaction is not None and self.drawn and known.characters > LONG:
            await asyncio.to_thread(self.redaction.look_through, self.request.positional[:2])

    def told(self, known: Print) -> Print:
        """The question is somewhat longer, then."""
        return replace(known, characters=known.characters + len(NOTE)) if self.drawn else known

    def entries(self) -> dict[str, bytes]:
        """What has to be written before the question is sent, or with its answer."""
        return new_entries(self.redaction)

    def spoken(self, feed: DeltaFeed) -> Spoken:
        """Tells a feed what the model says while it says it."""
        return Spoken(feed, self.redaction if self.drawn else None)

    def lifted(self, response: ModelResponse) -> ModelResponse:
        """The answer as the run gets it."""
        return shown_response(self.redaction, response) if self.redaction and self.drawn else response

    def lifted_again(self, entry: ModelEntry) -> ModelResponse:
        """The same of an answer that is recorded: the plan may have been another then."""
        recorded = entry.response
        return shown_response(self.redaction, recorded) if self.redaction and entry.redacted else recorded
