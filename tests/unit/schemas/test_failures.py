"""The failure table holds each code of the contract once and says what to do about it."""

import pytest

from schemas.failures import FAILURES, Code, RunFailure, failure, markdown_table

REFUSED = [
    "limit_requests",
    "limit_tokens",
    "limit_cost",
    "limit_concurrency",
    "quota_runs",
    "quota_tokens",
    "quota_cost",
    "tenant_paused",
    "agent_not_allowed",
    "model_not_allowed",
    "unknown_agent",
    "invalid_field",
    "guardrail_input",
    "guardrail_output",
    "run_cost_cap",
    "run_turn_cap",
    "approval_expired",
]
FAILED = [
    "model_unavailable",
    "model_timeout",
    "model_rejected",
    "model_behaviour",
    "tool_failed",
    "unknown_call",
    "nondeterministic_replay",
    "agent_version_gone",
    "output_too_large",
    "crash_loop",
    "internal",
]
DEAD_LETTER = [
    "undecodable",
    "unsupported_version",
    "key_mismatch",
    "wrong_partition",
    "oversize",
    "duplicate_conflict",
    "bad_signature",
]


@pytest.mark.parametrize(
    ("outcome", "codes"),
    [
        ("refused", REFUSED),
        ("failed", FAILED),
        ("dead_letter", DEAD_LETTER),
        ("expired", ["expired"]),
        ("cancelled", ["cancelled"]),
    ],
)
def test_each_outcome_has_the_codes_of_the_contract(outcome: str, codes: list[str]) -> None:
    assert [row.code.value for row in FAILURES.values() if row.outcome == outcome] == codes


def test_every_code_has_a_row() -> None:
    assert set(FAILURES) == set(Code)


@pytest.mark.parametrize("code", Code)
def test_a_sentence_says_what_happened_and_what_to_do(code: Code) -> None:
    what_happened, colon, what_to_do = failure(code).sentence.partition(": ")

    assert colon
    assert what_happened[0].isupper()
    assert what_to_do.endswith(".")


def test_wrong_partition_names_the_clients_setting() -> None:
    assert "partitioner=murmur2_random" in failure(Code.WRONG_PARTITION).sentence


def test_nothing_that_might_be_paid_twice_is_retriable() -> None:
    assert not failure(Code.UNKNOWN_CALL).retriable


def test_run_failure_falls_back_to_the_sentence_of_its_row() -> None:
    cause = TimeoutError("read")

    error = RunFailure(Code.MODEL_TIMEOUT, retry_after_ms=250, cause=cause)

    assert error.message == failure(Code.MODEL_TIMEOUT).sentence
    assert (error.code, error.retry_after_ms, error.cause) == (Code.MODEL_TIMEOUT, 250, cause)
    assert error.__cause__ is cause
    assert error.failure.retriable
    assert str(error).startswith("model_timeout: ")


def test_markdown_table_has_a_row_for_each_code() -> None:
    lines = markdown_table().splitlines()

    assert len(lines) == 2 + len(Code)
    assert all(line.count("|") == 8 for line in lines)
    assert lines[2].startswith("| `limit_requests` | refused | admission | yes | info | tenant | ")
