"""What a detector says of a text: how sure it is, of what, and where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a detector found. The text itself is not in it: findings are logged."""

    kind: str  # what it is taken for, in words of the detector: "override", "aws_key"
    score: float  # 0 to 1
    start: int = 0  # characters of the text; both 0: the text as a whole
    end: int = 0


def highest(findings: Iterable[Finding]) -> float:
    """The score of the surest of them, 0 of none."""
    return max((found.score for found in findings), default=0.0)
