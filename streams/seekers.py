"""Who is parked until a seat is free, by the bench on which it found none."""

from typing import Final

from streams.caps import Capped
from streams.flow import SEAT_AFTER_MS, Accepted, Candidate
from streams.parking import Parking
from streams.policy.caps import Bench
from streams.seat_line import SeatLine
from streams.waiting import Identity, Waiting

WAIT_OF_EACH_S = 0.02  # longer for each that stands before it
LONGEST_WAIT_S = 30.0
SHARED_AFTER_S = 0.25  # of seats that other workers have, too, nobody says when one is free


class Seekers:
    """Wakes one for each seat that is free again; whoever is forgotten here has a time of its own."""

    def __init__(self, parking: Parking, caps: Capped) -> None:
        self._parking: Final = parking
        self._caps: Final = caps
        self._lines: dict[Bench, SeatLine] = {}
        self._at: dict[Identity, Bench] = {}  # in whose line it stands
        self._woken: dict[Identity, Bench] = {}  # from whose line, until it waits again or is over
        self._coming: dict[Bench, set[Identity]] = {}  # of those the ones that have not asked yet
        self._early: set[Identity] = set()  # woken while their records were on their way

    # -- who waits

    def add(self, waiting: Waiting | None, bench: Bench) -> None:
        """It waits for a seat there. If another bench had one for it, that is the next one's."""
        if waiting is None:
            return
        woken = self._asked(waiting)
        self._forget(waiting)
        line = self._lines.get(bench)
        if line is None:
            line = self._lines[bench] = SeatLine()
        self._at[waiting.identity] = bench
        line.put(waiting, again=woken == bench)
        if woken is not None and woken != bench:
            self.wake(woken)

    def behind(self, accepted: Accepted) -> Bench | None:
        """Where it has to wait behind others that wait, or were woken and are on their way to their seats."""
        if not self._lines and not self._coming:
            return None
        return next((cap.bench for cap in self._caps(accepted) if self.any(cap.bench)), None)

    def any(self, bench: Bench) -> bool:
        """Whether anybody waits for a seat there, or is on its way to it."""
        return bench in self._lines or self._is_coming(bench)

    def wait_s(self, bench: Bench) -> float:
        """How long who comes now waits, unless it is woken."""
        at_least = SHARED_AFTER_S if bench.shared else SEAT_AFTER_MS / 1000
        return min(LONGEST_WAIT_S, at_least + WAIT_OF_EACH_S * len(self._lines.get(bench, ())))

    def out_of_turn(self, waiting: Waiting | None) -> Bench | None:
        """Where it stands in line without being the first, though its time has come: that one goes on."""
        bench = None if waiting is None else self._at.get(waiting.identity)
        line = None if bench is None else self._lines.get(bench)
        if waiting is None or bench is None or line is None:
            return None
        first = line.first()
        if first is waiting:
            line.pop()
            self._is_woken(waiting, bench)
            self._tidy(bench)
            return None
        if first is not None and not first.live and not self._is_coming(bench):
            self.wake(bench)
        return bench

    # -- who goes on

    def begins(self, waiting: Waiting | None) -> None:
        """It asks for its seat: it is not on its way any more."""
        if waiting is not None and (bench := self._woken.get(waiting.identity)) is not None:
            self._arrives(waiting, bench)

    def pass_on(self, waiting: Waiting) -> None:
        """It waits for something else; if it was woken, the seat is the next one's."""
        bench = self._asked(waiting)
        if bench is not None:
            self.wake(bench)

    def freed(self, candidate: Candidate) -> None:
        """Its run is over, or waits for something else: its seats are others'."""
        if self._lines and isinstance(candidate, Accepted):
            for cap in self._caps(candidate):
                self.wake(cap.bench)

    def wake_all(self, tenant_id: str) -> None:
        """There may be more seats of this tenant now."""
        for bench in [one for one in self._lines if one.tenant_id == tenant_id]:
            while self.wake(bench):
                pass

    def wake(self, bench: Bench) -> bool:
        """The first goes on, if anybody waits: it does not wait here any more."""
        while (line := self._lines.get(bench)) is not None:
            first = line.pop()
            self._tidy(bench)
            if first is None:
                return False
            self._at.pop(first.identity, None)
            early = first.place.offset < 0
            if not early and not self._parking.waits(first):
                continue
            self._is_woken(first, bench)
            if early:
                self._early.add(first.identity)
            else:
                self._parking.release(first)
            return True
        return False

    def woken(self, waiting: Waiting) -> bool:
        """Whether it was, before its record stood."""
        if waiting.identity not in self._early:
            return False
        self._early.discard(waiting.identity)
        return True

    def remove(self, waiting: Waiting | None) -> None:
        """It is over."""
        if waiting is not None:
            self._asked(waiting)
            self._forget(waiting)

    def let_go(self) -> None:
        """Forget those that are parked here no more."""
        lot = self._parking.lot
        for bench, line in list(self._lines.items()):
            line.keep(lambda one: lot.find(one.identity) is one)
            self._tidy(bench)
        for known in (self._at, self._woken):
            for identity in [one for one in known if lot.find(one) is None]:
                del known[identity]
        for bench, coming in list(self._coming.items()):
            coming.intersection_update(self._woken)
            if not coming:
                del self._coming[bench]
        self._early.intersection_update(self._woken)

    # -- the books that are kept of it

    def _is_woken(self, waiting: Waiting, bench: Bench) -> None:
        self._at.pop(waiting.identity, None)
        self._woken[waiting.identity] = bench
        self._coming.setdefault(bench, set()).add(waiting.identity)

    def _is_coming(self, bench: Bench) -> bool:
        return any(self._parking.lot.find(one) is not None for one in self._coming.get(bench, ()))

    def _arrives(self, waiting: Waiting, bench: Bench) -> None:
        coming = self._coming.get(bench)
        if coming is not None:
            coming.discard(waiting.identity)
            if not coming:
                del self._coming[bench]

    def _asked(self, waiting: Waiting) -> Bench | None:
        bench = self._woken.pop(waiting.identity, None)
        if bench is not None:
            self._arrives(waiting, bench)
        return bench

    def _forget(self, waiting: Waiting) -> None:
        bench = self._at.pop(waiting.identity, None)
        if bench is not None and bench in self._lines:
            self._lines[bench].remove(waiting)
            self._tidy(bench)

    def _tidy(self, bench: Bench) -> None:
        if not self._lines[bench]:
            del self._lines[bench]
