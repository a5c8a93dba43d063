"""What a reader of deltas may show: the text as it stands, after crashes and hand-overs too.

A new attempt begins with `superseded {from_turn}`: that turn and later ones of older attempts are dropped,
earlier ones stay, and lower attempts are ignored from then on. No I/O.
"""

from dataclasses import dataclass

from schemas.deltas import Delta, DeltaKind


@dataclass(frozen=True, slots=True)
class Said:
    """New text of a turn."""

    turn: int
    text: str


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Turns from this one on are said anew: a worker crashed or handed the run over."""

    from_turn: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Noted:
    """Anything but text: tool calls, hand-offs, approvals, reasoning."""

    delta: Delta


@dataclass(frozen=True, slots=True)
class Ended:
    """The run is over; the response says the rest."""

    status: str


News = Said | Withdrawn | Noted | Ended


class Transcript:
    """The text of one request, turn by turn."""

    def __init__(self) -> None:
        self.attempt = 0
        self.gaps = 0
        self._next_seq = 0
        self._turns: dict[int, str] = {}

    def add(self, delta: Delta) -> tuple[News, ...]:
        """Take in one delta; what it changes."""
        if delta.attempt < self.attempt:
            return ()
        if delta.attempt > self.attempt:
            return self._begin(delta)
        if delta.seq < self._next_seq:
            return ()  # published twice
        self.gaps += delta.seq > self._next_seq
        self._next_seq = delta.seq + 1
        return self._take(delta)

    def turn(self, number: int) -> str:
        """The text of a turn so far."""
        return self._turns.get(number, "")

    @property
    def last(self) -> str:
        """The text of the last turn; at the end it equals `output`."""
        return self._turns[max(self._turns)] if self._turns else ""

    def _begin(self, delta: Delta) -> tuple[News, ...]:
        first = not self.attempt
        self.attempt, self._next_seq = delta.attempt, delta.seq + 1
        self.gaps += delta.seq > 0
        if delta.kind is DeltaKind.SUPERSEDED:
            return self._take(delta)
        # Its first delta is missing, so from where it tells anew is not known: at the latest from here.
        news = () if first else self._withdraw(delta.turn)
        return (*news, *self._take(delta))

    def _take(self, delta: Delta) -> tuple[News, ...]:
        match delta.kind:
            case DeltaKind.TEXT:
                text = str(delta.data.get("text", ""))
                self._turns[delta.turn] = self.turn(delta.turn)[: delta.at_char] + text
                return (Said(delta.turn, text),)
            case DeltaKind.SUPERSEDED:
                return self._withdraw(int(delta.data.get("from_turn", 0)))
            case DeltaKind.END:
                return (Ended(str(delta.data.get("status", ""))),)
            case _:
                return (Noted(delta),)

    def _withdraw(self, from_turn: int) -> tuple[News, ...]:
        dropped = [number for number in self._turns if number >= from_turn]
        for number in dropped:
            del self._turns[number]
        return (Withdrawn(from_turn, self.attempt),) if dropped else ()
