"""Reads what `penstock verify --json` says of a round: breaches, of whom, and those that a fault explains."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from tests.chaos.flushes import explains, taken_for_full

Column = Literal["lost", "duplicated", "paid_twice", "out_of_order", "other"]
COLUMNS: Final[Mapping[str, Column]] = {
    "one_outcome": "duplicated",
    "nothing_lost": "lost",
    "committed_is_safe": "lost",
    "session_order": "out_of_order",
    "never_pay_twice": "paid_twice",
    "books_balance": "other",
    "limits_hold": "other",
    "fair": "other",
    "deltas": "other",
    "session_memory:lost": "lost",
    "session_memory:duplicated": "duplicated",
    "session_memory:out_of_order": "out_of_order",
}
Who = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Breach:
    """One, as verify tells it."""

    promise: str
    what: str
    where: str
    who: Who | None

    @property
    def column(self) -> Column:
        """Which column of the table it counts in."""
        return COLUMNS.get(self.promise, "other")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What verify found in one round."""

    breaches: Sequence[Breach]
    excused: Sequence[Breach]  # explained by a store that was emptied
    checked: Mapping[str, int]

    def unjudged(self, required: Iterable[str]) -> list[str]:
        """Promises that nothing was checked of: no pass."""
        return [promise for promise in required if not self.checked.get(promise)]


def judge(
    report: Mapping[str, Any], begun_anew: Collection[Who], right_after: Collection[Who] = ()
) -> Judgement:
    """From its JSON, with all examples. `begun_anew`, `right_after`: the store was emptied."""
    found: list[Breach] = []
    for promise in report["promises"]:
        examples = [_breach(promise["promise"], example) for example in promise["examples"]]
        # More than verify told in full: they count all the same.
        untold = promise["breached"] - len(examples)
        found += examples + [Breach(promise["promise"], "not told", "", None)] * untold
    excused = [
        one
        for one in found
        if (one.who in begun_anew and explains(one.promise, one.what))
        or (one.who in right_after and taken_for_full(one.promise, one.what))
    ]
    return Judgement(
        [one for one in _once(found) if one not in excused],
        excused,
        {promise["promise"]: promise["checked"] for promise in report["promises"]},
    )


def _breach(promise: str, example: Mapping[str, Any]) -> Breach:
    tenant_id, request_id = example.get("tenant_id"), example.get("request_id")
    who = (tenant_id, request_id) if tenant_id is not None and request_id is not None else None
    return Breach(promise, example["what"], example["where"], who)


def _once(found: Sequence[Breach]) -> list[Breach]:
    """A lost record breaks three promises, and is lost once."""
    lost: set[str] = set()
    once: list[Breach] = []
    for breach in sorted(found, key=lambda one: one.column != "lost"):
        if breach.where and breach.where in lost:
            continue
        if breach.column == "lost":
            lost.add(breach.where)
        once.append(breach)
    return once
