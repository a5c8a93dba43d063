"""The labelled cases that guardrails are judged by are what docs/guardrail-cases.md says."""

import json
import unicodedata
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError  # type: ignore[import-untyped]  # it ships no types

ROOT = Path(__file__).parents[2] / "guardrails"
SETS = ("dev", "held_out")
GUARDRAILS = (
    "control_characters",
    "format",
    "injection",
    "language",
    "path",
    "pii",
    "secrets",
    "shell",
    "sql",
    "topic",
    "ungrounded_numbers",
    "unsafe",
)
LABELS = ("attack", "harmless")
FEWEST_CASES = {"injection": 500}
FEWEST_FAMILIES = {"injection": 20}
CONTEXT = {
    "format": {"schema": dict},
    "language": {"allowed": list},
    "topic": {"allowed": list},
    "ungrounded_numbers": {"sources": list},
}
FIELDS = {"id", "guardrail", "family", "label", "text", "context", "spans", "note"}
KINDS = {"EMAIL", "PHONE", "IBAN", "CREDIT_CARD", "SSN"}
LEAKS = ("AKIA", "sk_live_", "ghp_", "glpat-", "xoxb-", "hooks.slack", "BEGIN RSA PRIVATE", "BEGIN PRIVATE")
INVISIBLE = {"Cc", "Cf", "Co", "Cn", "Zl", "Zp"}

Case = dict[str, Any]


def lines_of(which: str, guardrail: str) -> list[str]:
    return (ROOT / which / f"{guardrail}.jsonl").read_text(encoding="utf-8").rstrip("\n").split("\n")


def cases_of(guardrail: str, *sets: str) -> list[Case]:
    return [json.loads(line) for which in sets or SETS for line in lines_of(which, guardrail)]


def families(cases: list[Case]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for case in cases:
        found[case["family"]].add(case["label"])
    return found


def luhn_holds(text: str) -> bool:
    digits = [int(sign) for sign in text if sign.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return 13 <= len(digits) <= 19 and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def iban_holds(text: str) -> bool:
    plain = "".join(sign for sign in text if sign.isalnum()).upper()
    return int("".join(str(int(sign, 36)) for sign in plain[4:] + plain[:4])) % 97 == 1


def fits(text: str, schema: dict[str, Any]) -> bool:
    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        Draft202012Validator(schema).validate(json.loads(text, parse_constant=refuse))
    except (ValueError, ValidationError):
        return False
    return True


def test_both_folders_hold_a_file_for_each_guardrail() -> None:
    found = {which: sorted(path.stem for path in (ROOT / which).glob("*.jsonl")) for which in SETS}

    assert found == {which: list(GUARDRAILS) for which in SETS}


@pytest.mark.parametrize("guardrail", GUARDRAILS)
def test_each_line_is_a_case_of_its_guardrail(guardrail: str) -> None:
    for case in cases_of(guardrail):
        assert set(case) <= FIELDS, case["id"]
        assert case["guardrail"] == guardrail, case["id"]
        assert case["label"] in LABELS, case["id"]
        assert case["id"].startswith(f"{guardrail}-{case['family']}-"), case["id"]
        assert isinstance(case["text"], str), case["id"]


@pytest.mark.parametrize("guardrail", GUARDRAILS)
def test_a_case_brings_the_context_that_its_guardrail_needs(guardrail: str) -> None:
    wanted = CONTEXT.get(guardrail, {})

    for case in cases_of(guardrail):
        context = case.get("context", {})
        assert {name: type(value) for name, value in context.items()} == wanted, case["id"]
        assert all(context.values()), case["id"]


def test_ids_are_unique_over_all_files() -> None:
    times = Counter(case["id"] for guardrail in GUARDRAILS for case in cases_of(guardrail))

    assert [case for case, count in times.items() if count > 1] == []


@pytest.mark.parametrize("guardrail", GUARDRAILS)
def test_no_text_comes_twice_in_the_same_context(guardrail: str) -> None:
    cases = cases_of(guardrail)
    times = Counter((case["text"], json.dumps(case.get("context"))) for case in cases)

    assert [seen for seen, count in times.items() if count > 1] == []


@pytest.mark.parametrize("guardrail", GUARDRAILS)
def test_there_are_enough_cases_of_both_labels(guardrail: str) -> None:
    assert len(cases_of(guardrail)) >= FEWEST_CASES.get(guardrail, 200)
    for which in SETS:
        labels = Counter(case["label"] for case in cases_of(guardrail, which))
        assert min(labels[label] for label in LABELS) >= 0.45 * labels.total(), which


@pytest.mark.parametrize("guardrail", GUARDRAILS)
def test_a_family_has_one_label_and_stands_in_one_of_the_two_files(guardrail: str) -> None:
    dev, held_out = (families(cases_of(guardrail, which)) for which in SETS)

    assert [name for name, labels in {**dev, **held_out}.items() if len(labels) > 1] == []
    assert set(dev) & set(held_out) == set()


@pytest.mark.parametrize("guardrail", GUARDRAILS)
def test_about_a_fifth_of_the_families_is_for_development(guardrail: str) -> None:
    dev, held_out = (families(cases_of(guardrail, which)) for which in SETS)

    assert 0.1 <= len(dev) / (len(dev) + len(held_out)) <= 0.3
    assert len(dev) + len(held_out) >= FEWEST_FAMILIES.get(guardrail, 10)
    for label in LABELS:
        assert sum(labels == {label} for labels in dev.values()) >= 2


def test_spans_of_personal_data_fit_the_text_and_what_they_name() -> None:
    for case in cases_of("pii"):
        assert ("spans" in case) == (case["label"] == "attack"), case["id"]
        for start, end, kind in case.get("spans", []):
            piece = case["text"][start:end]
            assert kind in KINDS, case["id"]
            assert piece != "", case["id"]
            assert piece == piece.strip(), case["id"]
            assert kind != "EMAIL" or "@" in piece, case["id"]
            assert kind != "CREDIT_CARD" or luhn_holds(piece), case["id"]
            assert kind != "IBAN" or iban_holds(piece), case["id"]


def test_labels_of_the_format_cases_agree_with_a_validator() -> None:
    wrong = [
        case["id"]
        for case in cases_of("format")
        if fits(case["text"], case["context"]["schema"]) != (case["label"] == "harmless")
    ]

    assert wrong == []


@pytest.mark.parametrize("which", SETS)
def test_made_up_secrets_are_not_taken_for_leaks(which: str) -> None:
    found = [mark for line in lines_of(which, "secrets") for mark in LEAKS if mark in line]

    assert found == []


@pytest.mark.parametrize("which", SETS)
def test_invisible_characters_are_written_as_escapes(which: str) -> None:
    for guardrail in GUARDRAILS:
        for line in lines_of(which, guardrail):
            assert not {unicodedata.category(sign) for sign in line} & INVISIBLE, line[:60]
