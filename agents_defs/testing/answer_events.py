"""An answer as a model streams it: its text part by part, then the whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from openai.types.responses import ResponseTextDeltaEvent

from agents_defs.whole_answer import completed

if TYPE_CHECKING:
    from agents import ModelResponse
    from agents.items import TResponseStreamEvent


def streamed(answer: ModelResponse, parts: Iterable[str]) -> Iterator[TResponseStreamEvent]:
    """The events of this answer, whose text comes in these parts."""
    for part in parts:
        yield ResponseTextDeltaEvent(
            type="response.output_text.delta",
            delta=part,
            item_id="m",
            output_index=0,
            content_index=0,
            sequence_number=0,
            logprobs=[],
        )
    yield completed(answer)
