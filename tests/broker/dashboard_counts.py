"""What the load did, counted: from the topics and the simulator's ledger, never from the worker's metrics."""

import json
from collections import Counter
from collections.abc import Callable

from schemas.failures import FAILURES, Code, Stage
from tests.broker.dashboard_load import Document, Load


def plans_read_s(load: Load) -> float:
    """How long the worker says that it read plans at its start."""
    events = (json.loads(line) for line in load.log.splitlines() if line.startswith("{"))
    (told,) = (event for event in events if event["event"] == "the tenants' plans are in force")
    return float(told["seconds"])


def by_status(load: Load) -> Counter[str]:
    return Counter(response["status"] for response in load.responses)


def agent_of(response: Document) -> str:
    early = response.get("error", {}).get("code") in ("unknown_agent", "invalid_field")
    return "unknown" if early else response["agent"]


def failed_share_by_agent(load: Load) -> dict[str, float]:
    outcomes = Counter(map(agent_of, load.responses))
    failed = Counter(agent_of(one) for one in load.responses if one["status"] == "failed")
    return {agent: failed[agent] / count for agent, count in outcomes.items()}


def by_code(load: Load, chosen: Callable[[Document, Stage], bool]) -> Counter[str]:
    found: Counter[str] = Counter()
    for response in load.responses:
        if response.get("error"):
            code = response["error"]["code"]
            if chosen(response, FAILURES[Code(code)].stage):
                found[code] += 1
    return found


def errors_by_type(load: Load) -> Counter[str]:
    return by_code(load, lambda _, stage: stage not in (Stage.INTAKE, Stage.ADMISSION))


def limits_by_code(load: Load) -> Counter[str]:
    return by_code(load, lambda one, stage: one["status"] == "refused" and stage is Stage.ADMISSION)


def refused_by_code(load: Load) -> Counter[str]:
    return by_code(load, lambda one, _: one["status"] == "refused")


def tokens(load: Load) -> Counter[str]:
    found: Counter[str] = Counter()
    for call in load.calls:
        for kind in ("input", "output"):
            found[f"{call['model']} {kind}"] += call[f"{kind}_tokens"]
    return found


def token_share(load: Load, part: str, whole: str) -> float:
    parts: int = sum(call[f"{part}_tokens"] for call in load.calls)
    wholes: int = sum(call[f"{whole}_tokens"] for call in load.calls)
    return parts / wholes


def calls_by_model(load: Load) -> Counter[str]:
    return Counter(call["model"] for call in load.calls if call["billed"])


def records(load: Load) -> int:
    """Of outcomes and audits; what is parked is written there, and again when it has its outcome."""
    outcomes = len(load.responses) + len(load.usage) + len(load.dead_letters) + load.streams
    return outcomes + len(load.audits) + 2 * load.parked.total()


def parcels(load: Load) -> int:
    """Outcomes, what is parked, audits, and what could not be decoded or came again with another body."""
    alone = [
        letter for letter in load.dead_letters if FAILURES[Code(letter["code"])].outcome == "dead_letter"
    ]
    return len(load.responses) + load.parked.total() + len(load.audits) + len(alone)
