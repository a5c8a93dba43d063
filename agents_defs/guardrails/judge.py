"""A guardrail that asks a model whether a text is safe; its calls are metered as a guardrail's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents import Agent
from pydantic import BaseModel, Field

from agents_defs.guardrails.finding import Finding
from agents_defs.guardrails.guard import Guard, Passage, Side
from agents_defs.nested_run import ask
from agents_defs.text_files import instructions

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_CHARS = 24_000
"""Of a text that is shown to the judge: of a longer one its beginning and its end."""


class Judgement(BaseModel):
    """What the judge says."""

    danger: float = Field(ge=0, le=1, description="0: harmless, 1: certainly against the policy.")
    kind: str = Field("", max_length=60, description="One or two words for what is wrong with it.")


def judged(policy: str, *, side: Side = "input", threshold: float = 0.5, model: str | None = None) -> Guard:
    """Texts that a model holds to be within the policy, said in a few sentences."""
    judge = Agent[None](
        name="safety_judge",
        instructions=f"{instructions(__file__)}\n\nThe policy:\n{policy}",
        output_type=Judgement,
        model=model,
    )

    async def check(text: str, passage: Passage) -> Sequence[Finding]:
        said = await ask(passage.context, judge, f"<text>\n{_shown(text)}\n</text>", max_turns=1)
        return [Finding(said.kind or "judged", said.danger, 0, len(text))]

    return Guard("judged", check, side, threshold)


def _shown(text: str) -> str:
    """So framed that the text cannot end its frame."""
    if len(text) > MOST_CHARS:
        half = MOST_CHARS // 2
        text = f"{text[:half]}\n[...]\n{text[-half:]}"
    return text.replace("</text", "<\\/text")
