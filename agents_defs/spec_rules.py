"""What holds for each AgentSpec: an entry that breaks a rule is refused in one line that says what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Any

from pydantic import PydanticUserError, TypeAdapter

from agents_defs.memory.memory_spec import MemorySpec

if TYPE_CHECKING:
    from agents_defs.agent_spec import AgentSpec

TIERS = ("small", "standard", "large")
ON_UNKNOWN_CALL = ("retry", "fail")
LONGEST_NAME = 128
_NAME = re.compile(r"[^@\s\x00-\x1f\x7f]+")
_DURATIONS = ("timeout_s", "warn_after_s", "call_timeout_s", "tool_timeout_s", "approval_valid_s")
_COUNTS = ("max_turns", "output_tokens")


class BadRegistration(ValueError):
    """An agent that cannot be registered; the message says which file or entry point, and what to do."""


def check(spec: AgentSpec, origin: str) -> None:
    """Raises BadRegistration with all that is wrong with the spec. `origin`: where it is defined."""
    wrong = list(problems_of(spec))
    if wrong:
        name: Any = spec.name
        who = f"the AgentSpec {name!r}" if isinstance(name, str) else "an AgentSpec"
        raise BadRegistration(f"{f'{origin}: ' if origin else ''}{who}: {'; '.join(wrong)}")


def problems_of(spec: AgentSpec) -> Iterator[str]:
    """Each in one clause."""
    yield from _identity(spec)
    if not callable(spec.build):
        yield f"build={spec.build!r}: give the function that builds the agent, without calling it"
    for name in _DURATIONS:
        value = getattr(spec, name)
        if not _is_number(value) or value <= 0:
            yield f"{name}={value!r}: write seconds, more than 0"
    for name in _COUNTS:
        value = getattr(spec, name)
        if not _is_count(value):
            yield f"{name}={value!r}: write a whole number from 1"
    if spec.max_runs is not None and not _is_count(spec.max_runs):
        yield f"max_runs={spec.max_runs!r}: write how many may run at once, from 1, or leave it out"
    memory: Any = spec.memory
    if not isinstance(memory, MemorySpec):
        yield f"memory={memory!r}: write MemorySpec(...)"
    guards: Any = spec.guardrails
    # By what they can do: the class itself brings the Agents SDK.
    if not isinstance(guards, tuple) or not all(hasattr(one, "on_input") for one in guards):
        yield f"guardrails={guards!r}: write a tuple of those in agents_defs/guardrails/guards.py"
    yield from _models(spec)
    if (problem := _untyped(spec.output_type)) is not None:
        yield f"output_type={spec.output_type!r}: {problem}"


def _identity(spec: AgentSpec) -> Iterator[str]:
    name: Any = spec.name  # whatever its author wrote
    if not isinstance(name, str) or not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        yield f"name={name!r}: an agent needs a name without '@' and spaces, no longer than {LONGEST_NAME}"
    version: Any = spec.version
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        yield f"version={version!r}: an agent needs a version from 1"


def _models(spec: AgentSpec) -> Iterator[str]:
    if spec.model_tier not in TIERS:
        yield f"model_tier={spec.model_tier!r}: write one of {', '.join(TIERS)}"
    if spec.on_unknown_call not in ON_UNKNOWN_CALL:
        yield f"on_unknown_call={spec.on_unknown_call!r}: write one of {', '.join(ON_UNKNOWN_CALL)}"
    names: Any = spec.fallback_models
    if not isinstance(names, tuple) or not all(isinstance(name, str) and name for name in names):
        yield f"fallback_models={names!r}: write a tuple of models' names, as in ('gpt-5.4-nano',)"
    cap: Any = spec.max_cost_usd
    if cap is not None and (not isinstance(cap, Decimal) or not cap.is_finite() or cap <= 0):
        yield f"max_cost_usd={cap!r}: write Decimal('0.25'), more than 0"
    canned: Any = spec.canned_answer
    if canned is not None and not (isinstance(canned, str) and canned.strip()):
        yield f"canned_answer={canned!r}: write a text, or leave it out"


def _untyped(output_type: Any) -> str | None:
    """Why this is no type of output."""
    if output_type is None or (hasattr(output_type, "json_schema") and hasattr(output_type, "validate_json")):
        return None
    try:
        TypeAdapter(output_type).json_schema()
    except (PydanticUserError, TypeError, ValueError) as error:
        said = " ".join(str(error).split(".")[0].split())
        return f"give a type that has a JSON schema, as a pydantic model has ({said})"
    return None


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
