"""What a plan says of redaction."""

from typing import Any

import pytest
from pydantic import ValidationError

from agents_defs.guardrails.pii import KINDS
from schemas.tenants import PersonalData, TenantPlan


def plan(redaction: Any) -> TenantPlan:
    return TenantPlan.model_validate({"tenant_id": "acme", "privacy": {"redaction": redaction}})


@pytest.mark.parametrize(
    ("said", "kinds"),
    [
        (False, None),
        (True, tuple(PersonalData)),
        ({}, tuple(PersonalData)),
        ({"kinds": ["EMAIL", "IBAN"]}, ("EMAIL", "IBAN")),
    ],
)
def test_a_plan_says_which_kinds_no_model_is_told(said: Any, kinds: Any) -> None:
    assert plan(said).privacy.redacted == kinds


def test_a_plan_without_a_word_of_it_redacts_nothing() -> None:
    assert TenantPlan(tenant_id="acme").privacy.redacted is None


@pytest.mark.parametrize("said", ["yes", 1, {"kinds": []}, {"kinds": ["NAME"]}])
def test_what_cannot_be_meant_is_refused(said: Any) -> None:
    with pytest.raises(ValidationError):
        plan(said)


@pytest.mark.parametrize("said", [True, {"kinds": ["EMAIL"]}])
def test_it_is_written_as_it_was_read(said: Any) -> None:
    written = plan(said).model_dump(mode="json")

    assert plan(written["privacy"]["redaction"]) == plan(said)


def test_what_can_be_named_in_a_plan_can_be_found() -> None:
    assert set(PersonalData) == set(KINDS)
