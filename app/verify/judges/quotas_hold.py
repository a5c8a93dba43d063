"""Promise 6, by the month: no tenant runs more in a calendar month than its quota and overdraft allow.

Runs are counted by `admitted_at`, those since the plan was hot. Around a month's midnight clocks may disagree
about which month it is: what was admitted within a minute of it is in neither.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from app.verify.facts import Answer, Facts, split
from app.verify.findings import Breach, Tally
from app.verify.plans import PlansInForce, most_runs
from app.verify.records import Kind

CLOCKS_DIFFER = timedelta(minutes=1)
AGAIN = "runs that were admitted again after a crash: in which month they were counted is not told"
AT_MIDNIGHT = "runs that were admitted within a minute of a month's midnight"
NOT_COUNTED_HERE = "quotas of tokens and costs: what is reserved when is not on any topic"


def judge(facts: Facts, plans: PlansInForce, tally: Tally) -> None:
    """The tenants of one partition that have a quota."""
    for tenant, answers in facts.by_tenant().items():
        plan = plans.of(tenant)
        if plan.quota is None:
            continue
        tally.skip(NOT_COUNTED_HERE, (plan.quota.tokens is not None) + (plan.quota.cost_usd is not None))
        most = most_runs(plan.quota)
        if most is not None:
            zone = ZoneInfo(plan.quota.time_zone)
            for month, runs in _by_month(answers, plan.hot_ms, zone, tally).items():
                _judge(facts, runs, month, most, tally)


def _by_month(
    answers: Sequence[Answer], since_ms: int, zone: ZoneInfo, tally: Tally
) -> Mapping[str, list[tuple[int, Answer]]]:
    found: dict[str, list[tuple[int, Answer]]] = defaultdict(list)
    for answer in answers:
        if answer.admitted_ms is None or answer.admitted_ms < since_ms:
            continue
        if answer.attempts > 1:
            tally.skip(AGAIN)
            continue
        at = datetime.fromtimestamp(answer.admitted_ms / 1000, UTC)
        months = {_month(at + shift, zone) for shift in (-CLOCKS_DIFFER, CLOCKS_DIFFER)}
        if len(months) > 1:
            tally.skip(AT_MIDNIGHT)
            continue
        found[months.pop()].append((answer.admitted_ms, answer))
    return found


def _month(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m")


def _judge(facts: Facts, runs: list[tuple[int, Answer]], month: str, most: int, tally: Tally) -> None:
    runs.sort(key=lambda run: (run[0], run[1].offset))
    for number, (_, answer) in enumerate(runs, start=1):
        tally.check()
        if number > most:
            what = f"is run number {number} of {month}; the quota allows {most}"
            tally.breach(Breach(what, facts.where(Kind.RESPONSES, answer.offset), *split(answer.name)))
