"""What a seed plans: rounds, and in each a number of workers and a list of faults."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, Protocol

ALWAYS: Final = 0.5  # faults of this weight or more come at least once
ROOMY: Final = 3
REQUESTS_ALONE: Final = 40
UNNAMED_EVERY: Final = 3
SELDOM_AMONG: Final = 25  # of so many faults one at most is of a kind that takes long


class Weighed(Protocol):
    """What the plan asks of a fault."""

    @property
    def name(self) -> str: ...
    @property
    def weight(self) -> float: ...
    @property
    def seldom(self) -> bool: ...
    @property
    def alone(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is to be of everything."""

    faults: int
    faults_each_round: int
    requests_each_round: int
    per_second: float
    alone: int  # times that each fault with a round of its own is injected in it
    patience_s: float  # so long the next fault waits for the recovery from the last one

    @property
    def rounds(self) -> int:
        """As many as it takes."""
        return -(-self.faults // self.faults_each_round)


@dataclass(frozen=True, slots=True)
class Round:
    """One deployment, from its topics to its verdict."""

    number: int
    workers: int
    static: bool  # whether workers have names of their own, which their successors take over
    faults: tuple[str, ...]
    requests: int  # at least


# A fault may fail to come about (nobody passes the point in time), so a few more are planned.
SHORT: Final = Size(
    faults=56, faults_each_round=19, requests_each_round=150, per_second=10.0, alone=1, patience_s=2.5
)
# In small rounds: it ends with the first that finds the mutant out.
MUTANT: Final = Size(
    32, faults_each_round=8, requests_each_round=80, per_second=10.0, alone=1, patience_s=5.0
)
LONG: Final = Size(
    faults=560, faults_each_round=14, requests_each_round=520, per_second=14.0, alone=5, patience_s=20.0
)


def plan(seed: int, size: Size, faults: Sequence[Weighed]) -> list[Round]:
    """The rounds of this seed: first those of the faults that have one of their own."""
    chance = Random(f"plan/{seed}")
    alone = [fault.name for fault in faults if fault.alone]
    rounds = [
        Round(number, 1 + number % 2, True, (name,) * size.alone, REQUESTS_ALONE)
        for number, name in enumerate(alone)
    ]
    among = [fault for fault in faults if not fault.alone]
    if not among:
        return rounds
    deck = _deck(chance, size.faults, among)
    workers = [1, 2, 3]
    for turn in range(size.rounds):
        if turn % len(workers) == 0:
            chance.shuffle(workers)
        dealt = tuple(deck[turn :: size.rounds])
        named = turn % UNNAMED_EVERY != UNNAMED_EVERY - 1
        number = workers[turn % len(workers)]
        rounds.append(Round(len(rounds), number, named, dealt, size.requests_each_round))
    return rounds


def _deck(chance: Random, number: int, faults: Sequence[Weighed]) -> list[str]:
    """So many names: each fault of some weight once (each of all, where there is room), then by weight."""
    least = 0.0 if number >= ROOMY * len(faults) else ALWAYS
    always = [fault.name for fault in faults if fault.weight >= least]
    chance.shuffle(always)
    deck = always[:number]
    weights = [fault.weight for fault in faults]
    seldom_left = number // SELDOM_AMONG - sum(fault.seldom for fault in faults)
    while len(deck) < number:
        drawn = chance.choices(faults, weights)[0]
        if drawn.seldom:
            if seldom_left <= 0:
                continue
            seldom_left -= 1
        deck.append(drawn.name)
    chance.shuffle(deck)
    return deck
