"""A tool's output as it can be written down, and as the SDK is given it: the same now and when replayed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agents import ToolOutputFileContent, ToolOutputImage, ToolOutputText
from pydantic_core import to_jsonable_python

if TYPE_CHECKING:
    from agents import FunctionTool

_LARGEST = 2**63 - 1
_SHOWN = (ToolOutputText, ToolOutputImage, ToolOutputFileContent)
_TEXT, _VALUE = "text", "value"


@dataclass(frozen=True, slots=True)
class RecordedOutput:
    """Stands for an object that only the tool's process knew: the model is shown its text."""

    text: str
    value: Any  # JSON

    def __str__(self) -> str:
        return self.text


def written(output: Any, tool: FunctionTool) -> dict[str, Any]:
    """The output as JSON."""
    if isinstance(output, RecordedOutput):  # of an agent that was asked
        return {_TEXT: output.text, _VALUE: output.value}
    shown = _shown(output)
    if _is_json(shown):
        return {_VALUE: shown}
    value = to_jsonable_python(output, by_alias=True, fallback=str, inf_nan_mode="strings")
    if tool.output_json_schema is not None or tool._output_type_adapter is not None:  # noqa: SLF001  no other way
        return {_VALUE: value}  # the SDK checks it against that
    return {_TEXT: str(output), _VALUE: value}


def read_back(told: dict[str, Any]) -> Any:
    """What the SDK is given for the output that was written."""
    return RecordedOutput(told[_TEXT], told[_VALUE]) if _TEXT in told else told[_VALUE]


def value_of(output: Any) -> Any:
    """JSON for a final output, also where a tool's output became it."""
    return output.value if isinstance(output, RecordedOutput) else to_jsonable_python(output, by_alias=True)


def _shown(output: Any) -> Any:
    """Texts, images and files for the model: the SDK takes them as models and as dicts."""
    if isinstance(output, _SHOWN):
        return output.model_dump(mode="json", exclude_none=True)
    if isinstance(output, list | tuple) and output and all(isinstance(one, _SHOWN) for one in output):
        return [one.model_dump(mode="json", exclude_none=True) for one in output]
    return output


def _is_json(value: Any) -> bool:
    """Whether it comes back from JSON as exactly what it is, with the same text."""
    kind = type(value)
    if kind is str:
        return bool(value.isascii() or _is_unicode(value))
    if kind is bool or value is None:
        return True
    if kind is int:
        return bool(-_LARGEST <= value <= _LARGEST)
    if kind is float:
        return math.isfinite(value)
    if kind is list:
        return all(map(_is_json, value))
    return kind is dict and all(type(key) is str and _is_json(one) for key, one in value.items())


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
