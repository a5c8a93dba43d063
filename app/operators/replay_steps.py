"""How a dead letter is replayed: a worker runs the request again, or its bytes are sent again. No I/O."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.operators.letters import Letter
from schemas.failures import FAILURES, Code


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


def warnings(steps: Iterable[Step], *, signed: bool = False) -> Sequence[str]:
    """One line for each code of records that are sent again: what will happen to them."""
    told = UNMENDED | {Code.BAD_SIGNATURE: VOUCHED} if signed else UNMENDED
    counts = Counter(step.letter.letter.code for step in steps if step.way is Way.SEND_AGAIN)
    return [
        f"{count} {'letter' if count == 1 else 'letters'} {code}: {told[Code(code)]}"
        for code, count in counts.most_common()
    ]


def summary(steps: Sequence[Step]) -> str:
    """How many go which way."""
    counts = Counter(step.way for step in steps)
    said = {
        Way.RUN_AGAIN: "run again as the next generation",
        Way.SEND_AGAIN: "sent again as a new record",
        Way.CANNOT: "left alone",
    }
    return ", ".join(f"{counts[way]} {text}" for way, text in said.items() if counts[way])
