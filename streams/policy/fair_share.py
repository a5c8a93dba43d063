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
their standing changes. What those have missed meanwhile is not made up for: the others asked for little.

Each step is O(log n) in the tenants that have anything waiting.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Generic, TypeVar

from schemas.requests import Priority
from streams.policy.precedence import CLASSES, Precedence

T = TypeVar("T")

QUANTUM = 2000
LEAST = 100
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
            if not account.waiting:  # what it owed is paid off: the others have come as far
                del self._accounts[tenant_id]
            elif int(account.spent) > turn:  # a run of it has cost more than was thought
                self._stand(tenant_id, account)
            elif may is None or may(tenant_id):
                return self._taken(tenant_id, account)
            else:
                account.aside = True
                heappush(self._aside, stand)
        return None

    def _first_line(self, *, all_may: bool) -> "list[Stand[T]]":
        """In which the next one stands."""
        line, aside = self._line, self._aside
        return aside if all_may and aside and (not line or aside[0] < line[0]) else line

    def _taken(self, tenant_id: str, account: Account[T]) -> T:
        self._forgo(account)
        self._round = max(self._round, account.turn)
        demand, item = account.waiting.pop()
        self._waiting -= 1
        account.spent += rounds(demand, demand.tokens)
        self._stand(tenant_id, account)
        return item

    def _forgo(self, account: Account[T]) -> None:
        """What it missed while it stood aside."""
        if account.aside:
            account.spent = max(account.spent, self._round - 1.0)
            account.aside = False

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
        self._forgo(account)
        account.place = self._number
        account.turn = int(account.spent)
        # With nothing waiting it is kept until the round is over: going away must not begin the round anew.
        account.rank = account.waiting.rank if account.waiting else len(CLASSES)
        heappush(self._line, (account.turn, account.rank, self._number, account, tenant_id))


def rounds(demand: Demand, tokens: int) -> float:
    """For how many rounds so many tokens are a tenant's share."""
    return tokens / (QUANTUM * max(LEAST_WEIGHT, demand.weight))
