"""Promise 4: a recorded model call is billed once, whatever crashed; only the provider's ledger can tell."""

from collections.abc import Sequence

from app.verify.call_ids import call_key, request_of
from app.verify.facts import split
from app.verify.findings import Breach, Tally
from app.verify.ledger import SETTLED, UNKNOWN, Ledger, Repeated

NO_LEDGER = "what the provider billed: give its ledger (--ledger)"
NOT_RECORDED = "billed more than once, but nothing of it is in the books (yet)"


LOST_SECOND = "paid again, for the journal's store had lost its last second (--store-lost-at)"


def judge(ledger: Ledger | None, calls: int, tally: Tally, lost_ms: Sequence[int] = ()) -> None:
    """After all usage. `calls`: how many the books hold; `lost_ms`: when the journal lost its last second."""
    if ledger is None:
        tally.skip(NO_LEDGER, calls)
        return
    repeated = 0
    for call in ledger.repeated():
        repeated += 1
        if any(ledger.lost(line, lost_ms) for line in call.lines):
            tally.skip(LOST_SECOND)
        else:
            _judge_repeated(ledger, call, tally)
    tally.check(ledger.keys - repeated)


def _judge_repeated(ledger: Ledger, call: Repeated, tally: Tally) -> None:
    states = [ledger.state(line) for line in call.lines]
    if SETTLED not in states:
        tally.skip(NOT_RECORDED)
        return
    tally.check()
    declared = states.count(UNKNOWN)
    if len(states) - declared > 1:
        billed = ", ".join(call.call_ids[:4])
        what = (
            f"paid {len(states)} times for one recorded call ({billed}); "
            f"{declared} of them are declared as unknown"
        )
        name = request_of(call.call_ids[0])
        who = split(name) if name is not None else (None, None)
        tally.breach(Breach(what, f"ledger:{call_key(call.call_ids[0])}", *who))
