"""How a dead letter is replayed: a worker runs the request again, or its bytes are sent again. No I/O."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from app.operators.letters import Letter
from schemas.failures import FAILURES, Code

MOST_TOLD = 5


class Way(StrEnum):
    """What a replay of a letter is."""

    RUN_AGAIN = "run again"
    """The request failed: a worker opens its next generation."""
    SEND_AGAIN = "send again"
    """The record could not be taken: its bytes are produced again, as a new record."""
    CANNOT = "cannot"


@dataclass(frozen=True, slots=True)
class Step:
    """One letter and its way; `why` where there is none."""

    letter: Letter
    way: Way
    why: str = ""


# What becomes of the same bytes where nothing was mended since.
UNMENDED = {
    Code.UNDECODABLE: "the same bytes are dead-lettered again, unless the workers read them by now",
    Code.UNSUPPORTED_VERSION: "they are dead-lettered again, unless the workers were upgraded",
    Code.KEY_MISMATCH: "the key still differs from the tenant_id: they are dead-lettered again",
    Code.WRONG_PARTITION: "this time they go to the partition of their key, so they will be accepted",
    Code.OVERSIZE: "they are dead-lettered again, unless PENSTOCK_MAX_REQUEST_BYTES was raised",
    Code.DUPLICATE_CONFLICT: "the request_id is still taken by another body: they are dead-lettered again",
    Code.BAD_SIGNATURE: "the signature is no better now: they are dead-lettered again, unless keys changed",
}
VOUCHED = "nobody who may has signed them, and now your key vouches for them: look at each of them first"


def plan(letters: Iterable[Letter], requests_topic: str) -> Sequence[Step]:
    """Each letter once, the oldest first: so they failed, and so they come again."""
    unique = {letter.id: letter for letter in letters}
    return [
        _step(letter, requests_topic) for letter in sorted(unique.values(), key=lambda one: one.age_order)
    ]


def _step(found: Letter, requests_topic: str) -> Step:
    letter = found.letter
    try:
        outcome = FAILURES[Code(letter.code)].outcome
    except ValueError:
        return Step(found, Way.CANNOT, f"this build does not know the code {letter.code}: upgrade it first")
    if letter.source.topic != requests_topic:
        return Step(found, Way.CANNOT, f"it comes from {letter.source.topic}, not from {requests_topic}")
    if outcome == "dead_letter":
        return Step(found, Way.SEND_AGAIN)
    if outcome == "failed" and letter.tenant_id is not None:
        return Step(found, Way.RUN_AGAIN)
    return Step(found, Way.CANNOT, f"a letter with the code {letter.code} cannot be replayed")


@dataclass(slots=True)
class Outlook:
    """What is going to be done with any number of letters: counted, not held."""

    ways: Counter[Way] = field(default_factory=Counter)
    left_alone: list[Step] = field(default_factory=list)  # the first few
    _sent_again: Counter[str] = field(default_factory=Counter)  # by code

    @classmethod
    def of(cls, steps: Iterable[Step]) -> Self:
        """Of all of them."""
        outlook = cls()
        for step in steps:
            outlook.add(step)
        return outlook

    def add(self, step: Step) -> None:
        """One more."""
        self.ways[step.way] += 1
        if step.way is Way.SEND_AGAIN:
            self._sent_again[step.letter.letter.code] += 1
        elif step.way is Way.CANNOT and len(self.left_alone) < MOST_TOLD:
            self.left_alone.append(step)

    @property
    def possible(self) -> int:
        """How many can be replayed."""
        return self.ways.total() - self.ways[Way.CANNOT]

    def warnings(self, *, signed: bool = False) -> Sequence[str]:
        """One line for each code of records that are sent again: what will happen to them."""
        told = UNMENDED | {Code.BAD_SIGNATURE: VOUCHED} if signed else UNMENDED
        return [
            f"{count} {'letter' if count == 1 else 'letters'} {code}: {told[Code(code)]}"
            for code, count in self._sent_again.most_common()
        ]

    def summary(self) -> str:
        """How many go which way."""
        said = {
            Way.RUN_AGAIN: "run again as the next generation",
            Way.SEND_AGAIN: "sent again as a new record",
            Way.CANNOT: "left alone",
        }
        return ", ".join(f"{self.ways[way]} {text}" for way, text in said.items() if self.ways[way])
