"""Answers with JSON that fits an agent's output type."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from agents import ModelBehaviorError

from agents_defs.offline import wording
from agents_defs.offline.schema_values import SchemaValues
from agents_defs.offline.sources import Source

if TYPE_CHECKING:
    from agents.agent_output import AgentOutputSchemaBase

    from agents_defs.offline.conversation import Conversation


def structured_answer(said: Conversation, instructions: str, output_schema: AgentOutputSchemaBase) -> str:
    """JSON filled from what was said and found; where that breaks a rule of the type, filled from less."""
    facts = wording.facts(said)
    sources = (
        Source(said.request, said.earlier, facts, _Telling(said, instructions), said.material, instructions),
        Source(said.request, (), {}, _Telling(said, instructions), said.material, instructions),
        Source("", (), {}, _Telling(said, instructions)),
        Source(""),
    )
    schema = output_schema.json_schema()
    texts = [json.dumps(SchemaValues(schema, source).answer(), ensure_ascii=False) for source in sources]
    return next((text for text in texts if _is_valid(text, output_schema)), texts[0])


class _Telling:
    """The answer in words; the first field that has room for it says that it is an offline one."""

    def __init__(self, said: Conversation, instructions: str) -> None:
        self._answer = wording.substance(said, instructions)
        self._tagged = False

    def __call__(self, room: float) -> str:
        tagged = f"{self._answer} {wording.TAG}"
        if self._tagged or len(tagged) > room:
            return self._answer
        self._tagged = True
        return tagged


def _is_valid(text: str, output_schema: AgentOutputSchemaBase) -> bool:
    try:
        output_schema.validate_json(text)
    except (ModelBehaviorError, ValueError):
        return False
    return True
