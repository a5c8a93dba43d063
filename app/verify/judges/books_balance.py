"""Promise 5: the books hold each paid call once, and agree with the responses and the provider's ledger."""

from collections.abc import Sequence

from app.verify.call_ids import request_of
from app.verify.decoding import Paid
from app.verify.facts import Case, Facts, Sums, split
from app.verify.findings import Breach, Tally
from app.verify.ledger import NO_PARTITION, Ledger
from app.verify.records import Kind
from app.verify.standing import Standing, was_deleted

EARLIER = "about requests from before what was read"
OFFLINE = "answered by the offline model: no provider has it in a ledger"
NO_NAME = "billed calls whose id names no request (too long, or of another client)"
NO_ID = "billed calls without a call id"
LOST_SECOND = "billed calls of the second that the journal's store had lost (--store-lost-at)"
NO_LINE = "lines of the ledger that are no entries"
OPEN = "billed calls of requests that are not answered yet"


class BooksJudge:
    """Streams usage records; sums are kept for all partitions."""

    def __init__(self, tally: Tally, ledger: Ledger | None, lost_ms: Sequence[int] = ()) -> None:
        self._tally = tally
        self._lost_ms = lost_ms
        self._ledger = ledger
        self._seen: set[int] = set()  # of the present partition
        self.settled = Sums()
        self.unknown = Sums()
        self.billed = Sums()
        """What the ledger says of the settled calls."""

    def take(self, facts: Facts, paid: Paid) -> bool:
        """One usage record; returns whether it is the first of its call."""
        if paid.name in facts.cases or not facts.requests.cut:
            self._tally.check()
        mark = hash(paid.call_id)
        if mark in self._seen:
            what = f"books the call {paid.call_id} a second time"
            self._tally.breach(self._breach(facts, paid, what))
            return False
        self._seen.add(mark)
        if paid.unknown:
            self.unknown = self.unknown.plus(paid.sums)
        else:
            self.settled = self.settled.plus(paid.sums)
        if self._ledger is not None:
            self._compare(facts, paid, self._ledger)
        return True

    def _compare(self, facts: Facts, paid: Paid, ledger: Ledger) -> None:
        number = ledger.find(paid.call_id)
        if number is not None:
            ledger.mark(number, paid.unknown)
        if paid.unknown:
            return
        if paid.offline:
            self._tally.skip(OFFLINE)
            return
        if number is None:
            what = f"books the call {paid.call_id}, which the provider did not bill"
            self._tally.breach(self._breach(facts, paid, what))
            return
        billed = ledger.sums(number)
        self.billed = self.billed.plus(billed)
        if billed[1:5] != paid.sums[1:5]:
            what = (
                f"books the call {paid.call_id} with {_tokens(paid.sums)} tokens; "
                f"the provider billed {_tokens(billed)}"
            )
            self._tally.breach(self._breach(facts, paid, what))

    def close(self, facts: Facts) -> None:
        """All usage of the partition was taken: compare it with the responses and with the ledger."""
        self._seen = set()
        for wrong in facts.unreadable:
            if wrong.kind is Kind.USAGE:
                self._tally.check()
                place = facts.where(wrong.kind, wrong.offset)
                self._tally.breach(Breach(f"is no usage record: {wrong.why}", place))
        for name, case in facts.cases.items():
            if case.answers:
                self._judge_sum(facts, name, case)
        self._judge_strangers(facts)
        if self._ledger is not None:
            self._judge_unbooked(facts, self._ledger)

    def _judge_sum(self, facts: Facts, name: str, case: Case) -> None:
        booked, told = case.paid or Sums(), Sums()
        for answer in case.answers:
            told = told.plus(answer.totals)
        first, last = case.answers[0], case.answers[-1]
        if len({answer.generation for answer in case.answers}) < len(case.answers):
            return  # promise 1 is broken, and which of its responses the books are to agree with is unclear
        if facts.is_outside(first):
            self._tally.skip(EARLIER)
        elif booked == told:
            self._tally.check()
        elif facts.partition in facts.snapshot.undecided:
            self._tally.skip(Standing.UNDECIDED.value)
        elif was_deleted(facts, Kind.USAGE, first.timestamp_ms):
            self._tally.skip(Standing.EXPIRED.value)
        else:
            self._tally.check()
            what = f"says usage of {told}; the books hold {booked}"
            place = facts.where(Kind.RESPONSES, last.offset)
            self._tally.breach(Breach(what, place, *split(name)))

    def _judge_strangers(self, facts: Facts) -> None:
        for name, offset in facts.paid_strangers.items():
            if facts.requests.cut:
                self._tally.skip(EARLIER)
            else:
                what = "books a call for a request id that nobody sent"
                self._tally.breach(Breach(what, facts.where(Kind.USAGE, offset), *split(name)))

    def _judge_unbooked(self, facts: Facts, ledger: Ledger) -> None:
        for number in ledger.unseen(facts.partition):
            call_id = ledger.call_id(number)
            name = request_of(call_id) or ""
            case = facts.cases.get(name)
            if ledger.lost(number, self._lost_ms):
                self._tally.skip(LOST_SECOND)
            elif case is not None and not case.answers:
                self._tally.skip(OPEN)
            elif case is None and facts.requests.cut:
                self._tally.skip(EARLIER)
            else:
                self._tally.check()
                asked = "" if case is not None else ", for a request id that nobody sent"
                what = f"billed the call {call_id}{asked}, which is not in the books"
                self._tally.breach(Breach(what, f"ledger:{call_id}", *split(name)))

    def finish(self) -> None:
        """All partitions were read."""
        if self._ledger is None:
            return
        self._tally.skip(NO_NAME, sum(1 for _ in self._ledger.unseen(NO_PARTITION)))
        self._tally.skip(NO_ID, self._ledger.unidentified)
        self._tally.skip(NO_LINE, self._ledger.unreadable)

    def _breach(self, facts: Facts, paid: Paid, what: str) -> Breach:
        return Breach(what, facts.where(Kind.USAGE, paid.offset), *split(paid.name))


def _tokens(sums: Sums) -> str:
    return "/".join(str(figure) for figure in sums[1:5])
