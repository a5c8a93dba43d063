"""Passing several gates at once or none, and what a request holds of each until what it used is known."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from streams.policy import windows
from streams.policy.gaps import UNKNOWN, Gap
from streams.policy.gates import Gate, Spending, What
from streams.policy.windows import AnyWindow, Counted, Full, Window

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Held:
    """What one request counts for in one window, by bucket."""

    window: AnyWindow
    what: What
    parts: tuple[tuple[int, int], ...]  # bucket and amount, oldest first

    @property
    def total(self) -> int:
        """All of it."""
        return sum(amount for _, amount in self.parts)

    def good_for(self, window: AnyWindow, spent: Spending, now_ms: int) -> int:
        """How much of it is in the window still, or was used."""
        inside = sum(amount for bucket, amount in self.parts if window.holds(bucket, now_ms))
        return inside + min(self.total - inside, spent.of(self.what))


@dataclass(frozen=True, slots=True)
class Closed:
    """The gate that opens last of those that are closed."""

    gate: Gate
    used: int
    retry_after_ms: int


@dataclass(frozen=True, slots=True)
class Before(Generic[K]):
    """What was before a gap, and of windows of single users whose all of it may have been."""

    gap: Gap
    everybody: Mapping[K, Counted]  # by the key of a user's gate

    def known(self, key: K, gate: Gate, now_ms: int) -> Counted:
        """What counts at this gate beside what its own window says."""
        if gate.user is None or not isinstance(gate.window, Window):
            return Counted()
        if not self.gap.told or not self.gap.lasts_ms(gate.window, now_ms):
            return Counted()
        return self.gap.shared(self.everybody.get(key, Counted()), gate.window)


def enter(
    states: Mapping[K, Counted], gates: Mapping[K, Gate], now_ms: int, before: Before[K] | None = None
) -> tuple[Mapping[K, Counted], Closed | None]:
    """Count the request at all gates, or at none."""
    passed: dict[K, Counted] = {}
    closed: Closed | None = None
    for key, gate in gates.items():
        state = windows.recent(states.get(key, Counted()), gate.window, now_ms)
        passed[key] = windows.put(state, gate.window, now_ms, gate.amount)
        found = _closed(
            gate, windows.both(state, before.known(key, gate, now_ms)) if before else state, now_ms
        )
        if before is not None and (wait_ms := before.gap.closes_ms(gate, now_ms)):
            found = Closed(gate, UNKNOWN, wait_ms)
        if found is not None and (closed is None or found.retry_after_ms > closed.retry_after_ms):
            closed = found
    return ({**states} if closed else {**states, **passed}), closed


def _closed(gate: Gate, state: Counted, now_ms: int) -> Closed | None:
    _, decision = windows.count(state, gate.window, now_ms, gate.amount)
    return Closed(gate, decision.used, decision.retry_after_ms) if isinstance(decision, Full) else None


def held_by(gates: Mapping[K, Gate], now_ms: int) -> Mapping[K, Held]:
    """What is to be settled of gates that were passed now: requests are counted for good."""
    return {
        key: Held(gate.window, gate.what, ((gate.window.bucket(now_ms), gate.amount),))
        for key, gate in gates.items()
        if gate.what != "requests"
    }


def missing(
    gates: Mapping[K, Gate], held: Mapping[K, Held], spent: Spending, now_ms: int
) -> Mapping[K, Gate]:
    """The gates that still have to be passed, with what is not held yet.

    What has left its window and was not used is of no use any more.
    """
    found = {}
    for key, gate in gates.items():
        lacks = gate.amount - (held[key].good_for(gate.window, spent, now_ms) if key in held else 0)
        if lacks > 0:
            found[key] = Gate(gate.window, lacks, gate.what, gate.agent, gate.user)
    return found


def together(held: Mapping[K, Held], more: Mapping[K, Held]) -> Mapping[K, Held]:
    """Both."""
    found = dict(held)
    for key, one in more.items():
        before = found[key].parts if key in found else ()
        found[key] = Held(one.window, one.what, (*before, *one.parts))
    return found


def settle(state: Counted, held: Held, spent: Spending, now_ms: int) -> tuple[Counted, Held]:
    """What was used in place of what was reserved: the latest is given back first, what lacks counts now."""
    state = windows.recent(state, held.window, now_ms)
    excess = held.total - spent.of(held.what)
    kept = _given_back(held.parts, excess)
    for (bucket, before), (_, after) in zip(held.parts, kept, strict=True):
        state = windows.take_back(state, bucket, before - after)
    if excess < 0:
        state = windows.put(state, held.window, now_ms, -excess)
        kept = (*kept, (held.window.bucket(now_ms), -excess))
    return state, Held(held.window, held.what, tuple(part for part in kept if part[1]))


def _given_back(parts: Sequence[tuple[int, int]], excess: int) -> tuple[tuple[int, int], ...]:
    kept: list[tuple[int, int]] = []
    for bucket, amount in reversed(parts):
        back = max(0, min(amount, excess))
        excess -= back
        kept.append((bucket, amount - back))
    return tuple(reversed(kept))
