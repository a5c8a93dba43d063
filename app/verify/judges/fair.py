"""Promise 7: a flood of one tenant delays the others only by what its weight allows. Not judged from here."""

from app.verify.facts import Facts
from app.verify.findings import Tally

WHY = (
    "records tell how long each request was queued, not how busy its worker was or whose turn it was: "
    "fairness is measured under a known load, not from topics"
)


def judge(facts: Facts, tally: Tally) -> None:
    """Counts what would have to be judged."""
    tally.skip(WHY, sum(not facts.is_earlier(answer.source_offset) for answer in facts.outcomes()))
