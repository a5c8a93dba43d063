"""The failure table: every code with its stage, whether a retry may help, who is at fault and what to do.

Exception
├── RunFailure                  a run cannot go on; carries the code of its outcome
└── ValueError
    ├── BadSignature            a record without a signature that counts (schemas/signatures.py)
    ├── BadKeys                 a file of keys that cannot be used (schemas/keyring.py)
    ├── Undecodable             the bytes are no record (schemas/codec.py)
    │   └── UnsupportedVersion  a record from the future (schemas/versions.py)
    └── InvalidField            a record with fields that cannot be accepted (schemas/invalid_fields.py)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Literal


class Code(StrEnum):
    LIMIT_REQUESTS = "limit_requests"
    LIMIT_TOKENS = "limit_tokens"
    LIMIT_COST = "limit_cost"
    LIMIT_CONCURRENCY = "limit_concurrency"
    QUOTA_RUNS = "quota_runs"
    QUOTA_TOKENS = "quota_tokens"
    QUOTA_COST = "quota_cost"
    TENANT_PAUSED = "tenant_paused"
    AGENT_NOT_ALLOWED = "agent_not_allowed"
    MODEL_NOT_ALLOWED = "model_not_allowed"
    UNKNOWN_AGENT = "unknown_agent"
    INVALID_FIELD = "invalid_field"
    GUARDRAIL_INPUT = "guardrail_input"
    GUARDRAIL_OUTPUT = "guardrail_output"
    RUN_COST_CAP = "run_cost_cap"
    RUN_TURN_CAP = "run_turn_cap"
    APPROVAL_EXPIRED = "approval_expired"

    MODEL_UNAVAILABLE = "model_unavailable"
    MODEL_TIMEOUT = "model_timeout"
    MODEL_REJECTED = "model_rejected"
    MODEL_BEHAVIOUR = "model_behaviour"
    TOOL_FAILED = "tool_failed"
    UNKNOWN_CALL = "unknown_call"
    NONDETERMINISTIC_REPLAY = "nondeterministic_replay"
    AGENT_VERSION_GONE = "agent_version_gone"
    OUTPUT_TOO_LARGE = "output_too_large"
    CRASH_LOOP = "crash_loop"
    INTERNAL = "internal"

    UNDECODABLE = "undecodable"
    UNSUPPORTED_VERSION = "unsupported_version"
    KEY_MISMATCH = "key_mismatch"
    WRONG_PARTITION = "wrong_partition"
    OVERSIZE = "oversize"
    DUPLICATE_CONFLICT = "duplicate_conflict"
    BAD_SIGNATURE = "bad_signature"

    EXPIRED = "expired"
    CANCELLED = "cancelled"


class Stage(StrEnum):
    """Where on its way a request was stopped."""

    INTAKE = "intake"
    ADMISSION = "admission"
    LANE = "lane"
    EXECUTION = "execution"
    EMISSION = "emission"


Outcome = Literal["refused", "failed", "dead_letter", "expired", "cancelled"]
Severity = Literal["info", "warning", "error", "critical"]
Fault = Literal["caller", "tenant", "provider", "operator", "us"]


@dataclass(frozen=True, slots=True)
class Failure:
    """One row. `retriable`: the same thing, tried again later, may succeed; retry policy reads this bit."""

    code: Code
    outcome: Outcome
    stage: Stage
    retriable: bool
    severity: Severity
    at_fault: Fault
    sentence: str


class RunFailure(Exception):
    """A run cannot go on. `message` is for the caller and falls back to the sentence of the table."""

    def __init__(
        self,
        code: Code,
        message: str | None = None,
        *,
        retry_after_ms: int | None = None,
        retriable: bool | None = None,
        cause: BaseException | None = None,
    ) -> None:
        self.code = code
        self.message = message or failure(code).sentence
        self.retry_after_ms = retry_after_ms
        self.retriable = retriable  # None: as the table says
        self.cause = cause
        super().__init__(f"{code}: {self.message}")
        self.__cause__ = cause

    @property
    def failure(self) -> Failure:
        return failure(self.code)


_IN, _AD, _LN, _EX, _EM = Stage.INTAKE, Stage.ADMISSION, Stage.LANE, Stage.EXECUTION, Stage.EMISSION
_YES, _NO = True, False

# fmt: off
# A table is read by columns: code, outcome, stage, retriable, severity, at fault, sentence.
_ROWS = (
    Failure(Code.LIMIT_REQUESTS, "refused", _AD, _YES, "info", "tenant",
        "The plan's limit of requests is used up: send again after retry_after_ms, or use over_limit=wait."),
    Failure(Code.LIMIT_TOKENS, "refused", _AD, _YES, "info", "tenant",
        "The plan's limit of tokens is used up: send again after retry_after_ms, or use over_limit=wait."),
    Failure(Code.LIMIT_COST, "refused", _AD, _YES, "info", "tenant",
        "The plan's limit of cost is used up: send again after retry_after_ms, or use over_limit=wait."),
    Failure(Code.LIMIT_CONCURRENCY, "refused", _AD, _YES, "info", "tenant",
        "As many runs as the plan allows are under way: send again when one ended, or use over_limit=wait."),
    Failure(Code.QUOTA_RUNS, "refused", _AD, _YES, "warning", "tenant",
        "The month's quota of runs is used up: ask the operator for more, or wait for the next month."),
    Failure(Code.QUOTA_TOKENS, "refused", _AD, _YES, "warning", "tenant",
        "The month's quota of tokens is used up: ask the operator for more, or wait for the next month."),
    Failure(Code.QUOTA_COST, "refused", _AD, _YES, "warning", "tenant",
        "The month's quota of cost is used up: ask the operator for more, or wait for the next month."),
    Failure(Code.TENANT_PAUSED, "refused", _AD, _YES, "info", "operator",
        "An operator paused this tenant: send again when it is resumed."),
    Failure(Code.AGENT_NOT_ALLOWED, "refused", _AD, _NO, "info", "caller",
        "The plan does not allow this agent: name one that it allows, or ask the operator to add it."),
    Failure(Code.MODEL_NOT_ALLOWED, "refused", _AD, _NO, "info", "caller",
        "The plan does not allow this model: leave `model` out, or name one that the plan allows."),
    Failure(Code.UNKNOWN_AGENT, "refused", _IN, _NO, "info", "caller",
        "No agent is registered under this name or version: check the spelling, or deploy it first."),
    Failure(Code.INVALID_FIELD, "refused", _IN, _NO, "info", "caller",
        "A field of the request cannot be accepted: the message names it and what is expected; correct it."),
    Failure(Code.GUARDRAIL_INPUT, "refused", _EX, _NO, "info", "caller",
        "A guardrail of the agent rejected the input: change the input."),
    Failure(Code.GUARDRAIL_OUTPUT, "refused", _EX, _NO, "warning", "us",
        "A guardrail of the agent rejected its own answer, which is withheld: ask differently."),
    Failure(Code.RUN_COST_CAP, "refused", _EX, _NO, "info", "caller",
        "The run reached its cost cap before it had an answer: raise max_cost_usd, or ask for less."),
    Failure(Code.RUN_TURN_CAP, "refused", _EX, _NO, "info", "caller",
        "The run reached its turn cap before it had an answer: raise max_turns, or ask for less."),
    Failure(Code.APPROVAL_EXPIRED, "refused", _EX, _YES, "info", "tenant",
        "Nobody decided about a tool call in time: send the request again and have an approver at hand."),

    Failure(Code.MODEL_UNAVAILABLE, "failed", _EX, _YES, "error", "provider",
        "The model's provider did not answer and no fallback was left: send again later, or replay it."),
    Failure(Code.MODEL_TIMEOUT, "failed", _EX, _YES, "error", "provider",
        "The model took longer than it may: send again later, or allow more time by a later deadline."),
    Failure(Code.MODEL_REJECTED, "failed", _EX, _NO, "error", "operator",
        "The model's provider rejected the call as wrong, the message says why: correct the input or the "
        "agent."),
    Failure(Code.MODEL_BEHAVIOUR, "failed", _EX, _NO, "error", "provider",
        "The model's answer does not fit the agent (a tool that is not there, a wrong type): ask again in a "
        "new request, or correct the agent's instructions."),
    Failure(Code.TOOL_FAILED, "failed", _EX, _YES, "error", "operator",
        "A tool of the agent failed for good: the message names it; send again once the tool works."),
    Failure(Code.UNKNOWN_CALL, "failed", _EX, _NO, "error", "us",
        "A crash left it open whether a paid call took place, and the agent's policy is not to repeat it: "
        "look the call up at its provider, then replay."),
    Failure(Code.NONDETERMINISTIC_REPLAY, "failed", _EX, _NO, "critical", "operator",
        "After a hand-over the agent asked something else than what was recorded: give the changed agent a "
        "new version, then replay."),
    Failure(Code.AGENT_VERSION_GONE, "failed", _EX, _NO, "error", "operator",
        "The version of the agent with which the run began is no longer deployed: deploy it again, or "
        "replay."),
    Failure(Code.OUTPUT_TOO_LARGE, "failed", _EM, _NO, "warning", "operator",
        "The answer does not fit into a record: ask for less, or have the agent store it and answer with a "
        "reference."),
    Failure(Code.CRASH_LOOP, "failed", _EX, _NO, "critical", "us",
        "The worker died each time it ran this request: tell the operator, who replays it when the cause is "
        "gone."),
    Failure(Code.INTERNAL, "failed", _EX, _NO, "critical", "us",
        "Penstock met an error that it does not know: tell the operator, who replays it when the cause is "
        "gone."),

    Failure(Code.UNDECODABLE, "dead_letter", _IN, _NO, "warning", "caller",
        "The record is no request: write a JSON object with a valid request_id and tenant_id."),
    Failure(Code.UNSUPPORTED_VERSION, "dead_letter", _IN, _NO, "error", "operator",
        "The record's schema version is newer than this worker: upgrade the workers, then replay it."),
    Failure(Code.KEY_MISMATCH, "dead_letter", _IN, _NO, "warning", "caller",
        "The record's key is not its tenant_id: write the tenant_id as key, in UTF-8."),
    Failure(Code.WRONG_PARTITION, "dead_letter", _IN, _NO, "warning", "caller",
        "The record stands on another partition than its key's: partition by murmur2 as Java does; clients "
        "on librdkafka set partitioner=murmur2_random."),
    Failure(Code.OVERSIZE, "dead_letter", _IN, _NO, "warning", "caller",
        "The record has more bytes than a request may have: send less, or a reference to it."),
    Failure(Code.DUPLICATE_CONFLICT, "dead_letter", _IN, _NO, "warning", "caller",
        "The request_id was used before with another body: choose a new request_id for each new request."),
    Failure(Code.BAD_SIGNATURE, "dead_letter", _IN, _NO, "error", "caller",
        "The record's signature is missing, wrong, too old or by a key without the role: sign it with a "
        "valid key."),

    Failure(Code.EXPIRED, "expired", _LN, _YES, "info", "caller",
        "The deadline passed before there was an outcome: send again with a later deadline."),
    Failure(Code.CANCELLED, "cancelled", _LN, _YES, "info", "caller",
        "The request was cancelled before there was an outcome: send a new one if it is still wanted."),
)
# fmt: on

FAILURES: Mapping[Code, Failure] = MappingProxyType({row.code: row for row in _ROWS})


def failure(code: Code) -> Failure:
    return FAILURES[code]


def markdown_table() -> str:
    """The whole table for the documentation."""
    lines = [
        "| code | outcome | stage | retriable | severity | at fault | what happened, what to do |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| `{row.code}` | {row.outcome.replace('_', ' ')} | {row.stage} "
        f"| {'yes' if row.retriable else 'no'} | {row.severity} | {row.at_fault} | {row.sentence} |"
        for row in _ROWS
    ]
    return "\n".join(lines) + "\n"
