"""What is as it should be is judged so."""

from app.verify.findings import Promise, Verdict
from app.verify.inspection import Inspection
from tests.unit.verify.world import World, clean


async def test_a_clean_deployment_keeps_every_promise() -> None:
    findings = await Inspection(clean()).run()

    assert findings.verdict() is Verdict.HELD
    assert {promise: tally.examples for promise, tally in findings.tallies.items() if tally.examples} == {}
    judged = {promise for promise, tally in findings.tallies.items() if tally.verdict is Verdict.HELD}
    assert judged == set(Promise) - {Promise.FAIR, Promise.NEVER_PAY_TWICE}
    unsure = {promise for promise, tally in findings.tallies.items() if tally.not_checkable}
    assert unsure == {Promise.FAIR, Promise.NEVER_PAY_TWICE}


async def test_nothing_checked_is_no_pass() -> None:
    findings = await Inspection(World()).run()

    assert findings.verdict() is Verdict.UNJUDGED
    assert all(tally.verdict is Verdict.UNJUDGED for tally in findings.tallies.values())
