"""Whose request is next: deficit round robin over tenants, measured in tokens, with priorities that age.

**Shares.** Time goes in rounds. In each a tenant may start requests for `QUANTUM` tokens times its weight;
who has used up more than that sits out as many rounds as it takes. A request is charged its estimate when it
starts; when its run ends the rest is charged, or given back. Within a round the tenants take turns request
by request: a heavy one does not go first with all that it may. A round in which nobody may start anything is
passed over: no slot is idle as long as anything waits.

**Priorities.** Within a tenant they age: see `precedence.py`. Between tenants, the class of a tenant's first
request decides who is first within a round. That changes nobody's share; a round ends, so nobody starves.

**No credit.** A tenant with nothing waiting collects nothing. What it owes is kept until the others have
come as far. Of what is given back no more is kept than a round and the last run's: estimates that are far too
high do not add up to a head start. A run that uses no tokens still takes a slot: it costs `LEAST` tokens.

**Some only.** Where only some may go, the others' places are set aside, and stay so until all may go again or
their standing changes, or the others are more than `AHEAD` rounds beyond: then they may go, too. A round is
not over while anybody stands aside in it. So who goes first changes nobody's share.

Each step is O(log n) in the tenants that have anything waiting.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar

from schemas.requests import Priority
from streams.policy.precedence import CLASSES, Precedence

T = TypeVar("T")

QUANTUM = 2000
LEAST = 100
AHEAD = 4  # rounds: more than who asks for little needs while others are held back for a moment
FEW_VOID = 64  # places set aside that are void; with more of them they are thrown away
LEAST_WEIGHT = 0.001  # with less, rounds would be counted in numbers that a float cannot hold


@dataclass(frozen=True, slots=True)
class Demand:
    """What a request asks of the worker, and on whose account."""

    tenant_id: str
    tokens: int = LEAST  # an estimate
    order: int = 0  # its place among its tenant's
    since: float = 0.0  # when it came
    priority: Priority = Priority.STANDARD
    weight: float = 1.0


@dataclass(slots=True, eq=False)
class Account(Generic[T]):
    """One tenant. `spent` counts in rounds: what it has used, and the rounds that it was not there for."""

    spent: float
    waiting: Precedence[tuple[Demand, T]] = field(default_factory=Precedence)
    place: int = 0  # the number under which it stands in line; earlier ones are void
    turn: int = 0  # the round in which it stands there
    rank: int = 0  # the class of its first request when it took that place
    aside: bool = False  # it was passed over where it stands


Stand = tuple[int, int, int, Account[T], str]  # by round, class and order of arrival


class FairShare(Generic[T]):
    """What waits for a slot, and who may go next."""

    __slots__ = ("_accounts", "_aside", "_line", "_number", "_round", "_waiting")

    def __init__(self) -> None:
        self._accounts: dict[str, Account[T]] = {}
        self._line: list[Stand[T]] = []
        self._aside: list[Stand[T]] = []
        self._round = 0
        self._number = 0
        self._waiting = 0

    def __len__(self) -> int:
        return self._waiting

    def put(self, demand: Demand, item: T) -> None:
        """It waits for its turn."""
        account = self._accounts.get(demand.tenant_id)
        if account is None:
            account = self._accounts[demand.tenant_id] = Account(float(self._round))
        elif not account.waiting:
            account.spent = max(account.spent, float(self._round))
        stood = bool(account.waiting)
        account.waiting.put(demand.priority, demand.order, demand.since, (demand, item))
        self._waiting += 1
        if not stood or account.waiting.rank < account.rank:
            self._stand(demand.tenant_id, account)

    def take(self, may: Callable[[str], bool] | None = None) -> T | None:
        """The next one, if anything waits of a tenant that may go; it is charged its estimate."""
        while line := self._first_line(all_may=may is None):
            stand = heappop(line)
            turn, _, number, account, tenant_id = stand
            if account.place != number:
                continue
            if not account.waiting and not self._stands_aside_before(stand):
                del self._accounts[tenant_id]  # what it owed is paid off: the others have come as far
                self._round = max(self._round, turn + 1)
            elif int(account.spent) > turn:  # a run of it has cost more than was thought
                self._stand(tenant_id, account)
            elif account.waiting and (may is None or may(tenant_id)):
                return self._taken(stand if may is None else self._slowest(stand))
            else:
                self._set_aside(stand)
        return None

    def _set_aside(self, stand: "Stand[T]") -> None:
        stand[3].aside = True
        heappush(self._aside, stand)
        if len(self._aside) > 2 * len(self._accounts) + FEW_VOID:
            self._aside[:] = [one for one in self._aside if one[3].place == one[2]]
            heapify(self._aside)

    def _first_line(self, *, all_may: bool) -> "list[Stand[T]]":
        """In which the next one stands: of those set aside if all may go, or who is first has gone."""
        line, first = self._line, self._first_aside()
        if first is None or (line and line[0] < first):
            return line
        return self._aside if all_may or not first[3].waiting else line

    def _slowest(self, stand: "Stand[T]") -> "Stand[T]":
        """Who goes instead of one that may, if that one is far ahead."""
        first = self._first_aside()
        if first is None or stand[0] <= first[0] + AHEAD:
            return stand
        heappush(self._line, stand)
        return heappop(self._aside)

    def _first_aside(self) -> "Stand[T] | None":
        aside = self._aside
        while aside and aside[0][3].place != aside[0][2]:
            heappop(aside)
        return aside[0] if aside else None

    def _stands_aside_before(self, stand: "Stand[T]") -> bool:
        first = self._first_aside()
        return first is not None and first < stand

    def _taken(self, stand: "Stand[T]") -> T:
        first, (turn, _, _, account, tenant_id) = self._first_aside(), stand
        self._round = max(self._round, turn if first is None else min(turn, first[0]))
        demand, item = account.waiting.pop()
        self._waiting -= 1
        account.spent += rounds(demand, demand.tokens)
        self._stand(tenant_id, account)
        return item

    def settle(self, demand: Demand, used: int | None) -> None:
        """A started one has ended, and used so many tokens; None: it was not run at all."""
        cost = 0 if used is None else max(LEAST, used)
        difference = rounds(demand, cost) - rounds(demand, demand.tokens)
        account = self._accounts.get(demand.tenant_id)
        if account is None:
            if difference <= 0:
                return
            account = self._accounts[demand.tenant_id] = Account(float(self._round))
        kept = self._round - 1 + min(0.0, difference)
        account.spent = max(account.spent + difference, min(account.spent, kept))
        if not account.waiting or account.aside or int(account.spent) < account.turn:
            self._stand(demand.tenant_id, account)

    def _stand(self, tenant_id: str, account: Account[T]) -> None:
        """It takes its place: in the round that it may go on in, behind those of its class."""
        self._number += 1
        account.place, account.aside = self._number, False
        account.turn = int(account.spent)
        # With nothing waiting it is kept until the round is over: going away must not begin the round anew.
        account.rank = account.waiting.rank if account.waiting else len(CLASSES)
        heappush(self._line, (account.turn, account.rank, self._number, account, tenant_id))


def rounds(demand: Demand, tokens: int) -> float:
    """For how many rounds so many tokens are a tenant's share."""
    return tokens / (QUANTUM * max(LEAST_WEIGHT, demand.weight))
