"""What was found: per promise how much was judged, what breaks it, and what could not be judged and why."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Promise(StrEnum):
    """The promises of the contract, in its order; the last one is what it says of deltas."""

    ONE_OUTCOME = "one_outcome"
    NOTHING_LOST = "nothing_lost"
    SESSION_ORDER = "session_order"
    NEVER_PAY_TWICE = "never_pay_twice"
    BOOKS_BALANCE = "books_balance"
    LIMITS_HOLD = "limits_hold"
    FAIR = "fair"
    COMMITTED_IS_SAFE = "committed_is_safe"
    DELTAS = "deltas"


ABOUT_REQUESTS = (Promise.ONE_OUTCOME, Promise.NOTHING_LOST)


class Verdict(StrEnum):
    """`unjudged`: nothing was checked, which is not a pass."""

    HELD = "held"
    BREACHED = "breached"
    UNJUDGED = "unjudged"


@dataclass(frozen=True, slots=True)
class Breach:
    """One breach: what happened, to which request, and the record that shows it."""

    what: str
    where: str
    tenant_id: str | None = None
    request_id: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Without what is not known."""
        fields = {"what": self.what, "where": self.where}
        if self.tenant_id is not None:
            fields["tenant_id"] = self.tenant_id
        if self.request_id is not None:
            fields["request_id"] = self.request_id
        return fields


@dataclass(slots=True)
class Tally:
    """One promise. Only so many examples are kept, however much is broken."""

    most_examples: int
    checked: int = 0
    breached: int = 0
    examples: list[Breach] = field(default_factory=list)
    not_checkable: Counter[str] = field(default_factory=Counter)

    def check(self, count: int = 1) -> None:
        """So many more were judged."""
        self.checked += count

    def breach(self, breach: Breach) -> None:
        """What was judged breaks the promise."""
        self.breached += 1
        if len(self.examples) < self.most_examples:
            self.examples.append(breach)

    def skip(self, why: str, count: int = 1) -> None:
        """So many could not be judged."""
        if count:
            self.not_checkable[why] += count

    @property
    def verdict(self) -> Verdict:
        """A single breach breaks a promise; without any check it is not kept either."""
        if self.breached:
            return Verdict.BREACHED
        return Verdict.HELD if self.checked else Verdict.UNJUDGED


class Findings:
    """The tallies of all promises."""

    def __init__(self, most_examples: int = 5) -> None:
        self.tallies = {promise: Tally(most_examples) for promise in Promise}

    def __getitem__(self, promise: Promise) -> Tally:
        return self.tallies[promise]

    def verdict(self, required: Iterable[Promise] = ()) -> Verdict:
        """Of all together; those that are `required` must have been judged."""
        verdicts = {tally.verdict for tally in self.tallies.values()}
        if Verdict.BREACHED in verdicts:
            return Verdict.BREACHED
        if not any(self[promise].checked for promise in ABOUT_REQUESTS):
            return Verdict.UNJUDGED  # whatever else there is: no request was judged
        unjudged = any(self[promise].verdict is Verdict.UNJUDGED for promise in required)
        return Verdict.UNJUDGED if unjudged else Verdict.HELD
