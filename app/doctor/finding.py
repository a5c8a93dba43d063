"""What one check of `penstock doctor` found."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`advice` says what to do; it is empty where all is well."""

    check: str
    verdict: Verdict
    found: str
    advice: str = ""


def ok(check: str, found: str) -> Finding:
    """All is well."""
    return Finding(check, "ok", found)


def warn(check: str, found: str, advice: str) -> Finding:
    """It works, with less than promised: a choice that may be right here."""
    return Finding(check, "warn", found, advice)


def fail(check: str, found: str, advice: str) -> Finding:
    """It will not work, or a promise does not hold."""
    return Finding(check, "fail", found, advice)


def any_failed(findings: Iterable[Finding]) -> bool:
    """Whether a worker should not run."""
    return any(finding.verdict == "fail" for finding in findings)
