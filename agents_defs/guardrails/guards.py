"""The guardrails to choose from: `AgentSpec(..., guardrails=(injection(), length(8000), secrets_out()))`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agents_defs.guardrails.control_characters import control_characters as find_control_characters
from agents_defs.guardrails.finding import Finding
from agents_defs.guardrails.grounding import ungrounded_numbers as find_ungrounded_numbers
from agents_defs.guardrails.guard import Guard, Passage
from agents_defs.guardrails.injection import injection as score_injection
from agents_defs.guardrails.json_format import json_format as find_format
from agents_defs.guardrails.language import language as find_language
from agents_defs.guardrails.length import length as find_length
from agents_defs.guardrails.path import path as find_path
from agents_defs.guardrails.pii import CREDIT_CARD, EMAIL, IBAN, KINDS, PHONE, SSN
from agents_defs.guardrails.pii import pii as find_pii
from agents_defs.guardrails.secrets import secrets as find_secrets
from agents_defs.guardrails.shell import shell as find_shell
from agents_defs.guardrails.sql import sql as find_sql
from agents_defs.guardrails.topic import topic as find_topic
from agents_defs.guardrails.unsafe_content import unsafe as find_unsafe


def injection(threshold: float = 0.5) -> Guard:
    """Orders that are not the user's to give: drop your instructions, show them, be somebody else."""
    return Guard("injection", lambda text, _: [score_injection(text)], threshold=threshold)


def length(most: int, least: int = 0) -> Guard:
    """Inputs of a size that the agent is made for, in characters."""
    return Guard("length", lambda text, _: find_length(text, most, least))


def length_out(most: int, least: int = 0) -> Guard:
    """The same for answers."""
    return Guard("length", lambda text, _: find_length(text, most, least), "output")


def language(*allowed: str) -> Guard:
    """Inputs in one of these languages: `language("en", "de")`."""
    return Guard("language", lambda text, _: find_language(text, allowed))


def language_out(*allowed: str) -> Guard:
    """Answers in one of these languages."""
    return Guard("language", lambda text, _: find_language(text, allowed), "output")


def topic(*allowed: str) -> Guard:
    """Inputs about these: `topic("orders: order, parcel, invoice", "sensors: probe, battery")`."""
    return Guard("topic", lambda text, _: find_topic(text, allowed))


def control_characters() -> Guard:
    """Inputs without characters that nobody sees or that turn texts around."""
    return Guard("control_characters", lambda text, _: find_control_characters(text))


def control_characters_out() -> Guard:
    """The same for answers."""
    return Guard("control_characters", lambda text, _: find_control_characters(text), "output")


def secrets() -> Guard:
    """Inputs without credentials."""
    return Guard("secrets", lambda text, _: find_secrets(text))


def secrets_out() -> Guard:
    """Answers without credentials."""
    return Guard("secrets", lambda text, _: find_secrets(text), "output")


def pii(*kinds: str) -> Guard:
    """Inputs without personal data: `pii("IBAN", "CREDIT_CARD")`; without any kind named, of all kinds."""
    return Guard("pii", _personal_data(kinds))


def pii_out(*kinds: str) -> Guard:
    """The same for answers."""
    return Guard("pii", _personal_data(kinds), "output")


def unsafe_out(threshold: float = 0.5) -> Guard:
    """Answers that nobody is hurt by."""
    return Guard("unsafe", lambda text, _: find_unsafe(text), "output", threshold)


def json_out(schema: Mapping[str, Any]) -> Guard:
    """Answers that are one JSON document, which fits the schema."""
    return Guard("format", lambda text, _: find_format(text, schema), "output")


def grounded_out() -> Guard:
    """Answers whose numbers were asked, said before or returned by tools, or follow from such."""
    return Guard("ungrounded_numbers", _grounded, "output", reads_sources=True)


def usual() -> tuple[Guard, ...]:
    """For agents that talk to strangers. Answers are told while they are written, so theirs stands beside the run."""
    return (injection(), secrets_out().beside())


def sql() -> Guard:
    """Values without SQL, for `on_arguments()`."""
    return Guard("sql", lambda text, _: find_sql(text))


def shell() -> Guard:
    """Values without shell syntax, for `on_arguments()`."""
    return Guard("shell", lambda text, _: find_shell(text))


def path() -> Guard:
    """Names of files below a folder, for `on_arguments()`."""
    return Guard("path", lambda text, _: find_path(text))


def _grounded(text: str, passage: Passage) -> Sequence[Finding]:
    return find_ungrounded_numbers(text, passage.sources)


def _personal_data(kinds: Sequence[str]) -> Callable[[str, Passage], Sequence[Finding]]:
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown:
        raise ValueError(
            f"pii: {', '.join(unknown)} is no kind of personal data; there are {', '.join(KINDS)}"
        )
    wanted = frozenset(kinds or KINDS)
    return lambda text, _: find_pii(text, wanted)


PII_KINDS = (EMAIL, PHONE, IBAN, CREDIT_CARD, SSN)
DETECTORS: Mapping[str, Any] = {
    "injection": lambda text, _: [score_injection(text)],
    "secrets": lambda text, _: find_secrets(text),
    "sql": lambda text, _: find_sql(text),
    "shell": lambda text, _: find_shell(text),
    "path": lambda text, _: find_path(text),
    "pii": lambda text, _: find_pii(text, PII_KINDS),
    "unsafe": lambda text, _: find_unsafe(text),
    "control_characters": lambda text, _: find_control_characters(text),
    "ungrounded_numbers": lambda text, context: find_ungrounded_numbers(text, context["sources"]),
    "language": lambda text, context: find_language(text, _listed(context)),
    "topic": lambda text, context: find_topic(text, _listed(context)),
    "format": lambda text, context: find_format(text, context["schema"]),
}
"""What `penstock guardrails eval` judges: a text and the context of a case in, findings out."""


def _listed(context: Mapping[str, Any]) -> Sequence[str]:
    return tuple(context["allowed"])
