"""What an exception of the Agents SDK means for the run."""

from __future__ import annotations

from agents import (
    InputGuardrailTripwireTriggered,
    MaxTurnsExceeded,
    ModelBehaviorError,
    ModelRefusalError,
    OutputGuardrailTripwireTriggered,
    ToolInputGuardrailTripwireTriggered,
    ToolOutputGuardrailTripwireTriggered,
    ToolTimeoutError,
)

from schemas.failures import Code, RunFailure, failure

MAX_QUOTE_CHARS = 500


def failure_of(error: Exception) -> RunFailure:
    """The failure behind an exception that ended a run: ours that the SDK wrapped, or the SDK's own."""
    found = run_failure(error)
    if found is not None:
        return found
    told = _told(error)
    if told is not None:
        code, message = told
        return RunFailure(code, message[:MAX_QUOTE_CHARS])
    message = f"the run failed with {type(error).__name__}: {error}"
    return RunFailure(Code.INTERNAL, message[:MAX_QUOTE_CHARS], cause=error)


def run_failure(error: BaseException | None) -> RunFailure | None:
    """The first failure of ours among an exception's causes."""
    while error is not None:
        if isinstance(error, RunFailure):
            return error
        error = error.__cause__
    return None


def _told(error: Exception) -> tuple[Code, str] | None:
    """Code and message of the exceptions that the SDK documents; None for all others.

    Of guardrails only the table's sentence is told: who learns which rule it was can go around it.
    """
    told: tuple[Code, str] | None = None
    match error:
        case MaxTurnsExceeded():
            told = Code.RUN_TURN_CAP, f"the run had no answer when its turns were used up: {error.message}"
        case InputGuardrailTripwireTriggered():
            told = Code.GUARDRAIL_INPUT, failure(Code.GUARDRAIL_INPUT).sentence
        case OutputGuardrailTripwireTriggered():
            told = Code.GUARDRAIL_OUTPUT, failure(Code.GUARDRAIL_OUTPUT).sentence
        case ToolInputGuardrailTripwireTriggered():
            told = Code.GUARDRAIL_INPUT, failure(Code.GUARDRAIL_INPUT).sentence
        case ToolOutputGuardrailTripwireTriggered():
            told = Code.GUARDRAIL_OUTPUT, failure(Code.GUARDRAIL_OUTPUT).sentence
        case ModelBehaviorError():
            told = Code.MODEL_BEHAVIOUR, f"the model's answer does not fit the agent: {error.message}"
        case ModelRefusalError():
            told = Code.MODEL_BEHAVIOUR, f"the model refused to answer: {error.refusal}"
        case ToolTimeoutError():
            told = Code.TOOL_FAILED, str(error)
    return told
