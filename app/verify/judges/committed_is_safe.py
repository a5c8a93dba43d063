"""Promise 8: each offset below the committed one has its outcome, its dead letter or its parked form."""

from app.verify.facts import Facts, split
from app.verify.findings import Breach, Tally
from app.verify.records import Kind
from app.verify.standing import Standing, standing

SAFE = frozenset({Standing.SETTLED, Standing.PARKED})


def judge(facts: Facts, tally: Tally) -> None:
    """All requests of one partition that are released."""
    committed = facts.committed
    if committed is None:
        tally.skip(Standing.UNCOMMITTED.value, len(facts.asked))
        return
    for asked in facts.asked.values():
        if asked.offset >= committed:
            continue
        state = standing(facts, asked)
        if state not in SAFE and state is not Standing.LOST:
            tally.skip(state.value)
            continue
        tally.check()
        if state is Standing.LOST:
            what = f"is released (committed: {committed}), but nothing of it is durable"
            who = split(asked.name) if asked.name is not None else (None, None)
            tally.breach(Breach(what, facts.where(Kind.REQUESTS, asked.offset), *who))
