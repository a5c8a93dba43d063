"""What requests and model calls are thought to need of windows of tokens and cost, and what they used."""

import json
from collections.abc import Iterable
from typing import Any

import orjson

from agents_defs.run_order import Foreseen, ModelCall, ToolLists
from streams.flow import Accepted
from streams.policy.gates import Spending, nano_usd
from streams.policy.terms import Terms
from streams.ports import Foresees


class Foresight:
    """Asks those who run agents; of a conversation so far it knows nothing yet."""

    def __init__(self, runs: Foresees) -> None:
        self._runs = runs

    def __call__(self, accepted: Accepted, terms: Terms) -> Spending:
        """At the first model call."""
        request, plan = accepted.request, terms.plan
        lists = ToolLists(plan.tools, plan.mcp_servers)
        length, most = _length(request.input), plan.max_output_tokens
        return foreseen(self._runs.foresee(accepted.spec, request.model, length, most, lists))


def _length(asked: str | list[dict[str, Any]]) -> int:
    """As JSON, in which a model is asked."""
    try:
        return len(orjson.dumps(asked))
    except TypeError:  # half a letter
        return len(json.dumps(asked))


def foreseen(told: Foreseen) -> Spending:
    """A model without a price costs nothing that could be counted."""
    return Spending(told.tokens, nano_usd(told.cost_usd) if told.cost_usd is not None else 0, runs=1)


def used(calls: Iterable[ModelCall], *, ran: bool = True) -> Spending:
    """By all these calls of a run, if it was one."""
    total = Spending(runs=int(ran))
    for call in calls:
        cost = nano_usd(call.cost_usd) if call.cost_usd is not None else 0
        total += Spending(call.input_tokens + call.output_tokens, cost)
    return total
