"""What the SDK asks a model, as one value: how it is told from others, and how large it is."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson
from agents import FunctionTool
from pydantic import BaseModel

if TYPE_CHECKING:
    from agents import ModelSettings
    from agents.agent_output import AgentOutputSchemaBase
    from agents.handoffs import Handoff
    from agents.items import TResponseInputItem
    from agents.models.interface import ModelTracing
    from agents.tool import Tool
    from openai.types.responses.response_prompt_param import ResponsePromptParam

CALL_ID_HEADER = "X-Client-Request-Id"


@dataclass(frozen=True, slots=True)
class Print:
    """By which a question is known again, and about how many characters it has."""

    digest: str
    characters: int


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """What the SDK asks a model, as one value."""

    positional: tuple[Any, ...]  # instructions, input, settings, tools, output schema, handoffs, tracing
    named: dict[str, Any]  # previous_response_id, conversation_id, prompt

    @property
    def longest_answer(self) -> int | None:
        """In tokens, as the agent has it."""
        settings: ModelSettings = self.positional[2]
        return settings.max_tokens

    def under(
        self, call_id: str, defaults: ModelSettings | None = None, longest: int | None = None
    ) -> ModelRequest:
        """The same request, with the call's id in its headers. `defaults`: of a model that was not meant."""
        instructions, asked, settings, *rest = self.positional
        marked = copy.copy(settings)
        marked.extra_headers = {**(settings.extra_headers or {}), CALL_ID_HEADER: call_id}
        marked.max_tokens = longest
        if settings.include_usage is None:
            marked.include_usage = True  # else streamed chat completions do not tell what they cost
        if defaults is not None:
            marked.reasoning, marked.verbosity = defaults.reasoning, defaults.verbosity
        return ModelRequest((instructions, asked, marked, *rest), self.named)

    def print_for(self, agent: str) -> Print:
        """Of the request as this agent makes it. Which model answers is not part of it, nor how."""
        instructions, asked, _, tools, schema, handoffs, _ = self.positional
        told = [
            (tool.name, tool.description, tool.params_json_schema)
            if isinstance(tool, FunctionTool)
            else tool.name
            for tool in tools
        ]
        onward = [(one.tool_name, one.tool_description, one.input_json_schema) for one in handoffs]
        shape = None if schema is None or schema.is_plain_text() else schema.json_schema()
        body = _dumped([agent, instructions, asked, told, onward, shape, self.named["prompt"]])
        return Print(sha256(body).hexdigest()[:32], len(body))


def as_asked(  # noqa: PLR0913, PLR0917  the SDK's interface
    system_instructions: str | None,
    input: str | list[TResponseInputItem],  # noqa: A002  the SDK names it so
    model_settings: ModelSettings,
    tools: list[Tool],
    output_schema: AgentOutputSchemaBase | None,
    handoffs: list[Handoff],
    tracing: ModelTracing,
    *,
    previous_response_id: str | None,
    conversation_id: str | None,
    prompt: ResponsePromptParam | None,
) -> ModelRequest:
    """Of what the SDK calls a model with, by place or by name."""
    return ModelRequest(
        (system_instructions, input, model_settings, tools, output_schema, handoffs, tracing),
        {"previous_response_id": previous_response_id, "conversation_id": conversation_id, "prompt": prompt},
    )


def _dumped(body: list[Any]) -> bytes:
    try:
        return orjson.dumps(body, default=_plain, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    except TypeError:  # text that is no Unicode, numbers of more than 64 bits
        return json.dumps(body, default=_plain, sort_keys=True).encode()


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json", exclude_unset=True) if isinstance(value, BaseModel) else str(value)
