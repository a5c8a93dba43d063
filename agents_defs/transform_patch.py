"""Spares each model call a walk through its whole request in search of names to change: there are none.

Before it sends a request the provider's client walks through it beside the types of all it could be, unions
by trying every member: a third of what a run with a handful of tools costs. It looks for fields that are
called otherwise on the wire, for dates and for files. The types of model calls have none of these, so that a
request which is JSON as it stands comes out as it went in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson
from openai import Omit, __version__
from openai._types import NotGiven
from openai._utils import async_maybe_transform
from openai.resources.chat.completions import completions
from openai.resources.responses import responses
from openai.types.chat import completion_create_params
from openai.types.responses import response_create_params
from pydantic import BaseModel

PATCHED_VERSIONS: Final = "3.52."
PLAIN_TYPES: Final = (
    response_create_params.ResponseCreateParamsNonStreaming,
    response_create_params.ResponseCreateParamsStreaming,
    completion_create_params.CompletionCreateParamsNonStreaming,
    completion_create_params.CompletionCreateParamsStreaming,
)
"""What is asked of models. No field of theirs, however deep, has another name or form on the wire."""
_MODULES: Final = (responses, completions)
_NAME: Final = "async_maybe_transform"  # as these modules know the client's function
# What orjson writes by itself and the client's own encoder does not is left to the client.
_STRICT: Final = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME


async def transformed(data: object, expected_type: object) -> Any:
    """What the client's own function gives, without its walk where that would change nothing."""
    if expected_type in PLAIN_TYPES and isinstance(data, Mapping):
        given = {key: _dumped(value) for key, value in data.items() if not isinstance(value, Omit | NotGiven)}
        if _is_json(given):
            return given
    return await async_maybe_transform(data, expected_type)


def _dumped(value: object) -> object:
    """Settings such as `reasoning` are models of pydantic's; the client dumps them like this."""
    if isinstance(value, BaseModel):
        left_out = getattr(value, "__api_exclude__", None)
        return value.model_dump(exclude_unset=True, mode="json", exclude=left_out)
    return value


def _is_json(value: object) -> bool:
    try:
        orjson.dumps(value, option=_STRICT)
    except TypeError:  # a model of pydantic's further in, an iterator, a file
        return False
    return True


def apply(version: str = __version__) -> bool:
    """Puts it in the place of the client's. False: this version is unknown and left alone."""
    if not version.startswith(PATCHED_VERSIONS):
        return False
    for module in _MODULES:
        setattr(module, _NAME, transformed)
    return True


def remove() -> None:
    """Gives the client its own function back."""
    for module in _MODULES:
        setattr(module, _NAME, async_maybe_transform)
