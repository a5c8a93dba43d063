"""What requests and model calls are thought to need of windows of tokens and cost, and what they used."""

from collections.abc import Iterable

import orjson

from agents_defs.run_order import Foreseen, ModelCall
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
        request = accepted.request
        asked = request.input if isinstance(request.input, str) else orjson.dumps(request.input)
        most = terms.plan.max_output_tokens
        return foreseen(self._runs.foresee(accepted.spec, request.model, len(asked), most))


def foreseen(told: Foreseen) -> Spending:
    """A model without a price costs nothing that could be counted."""
    return Spending(told.tokens, nano_usd(told.cost_usd) if told.cost_usd is not None else 0)


def used(calls: Iterable[ModelCall]) -> Spending:
    """By all these calls."""
    total = Spending()
    for call in calls:
        cost = nano_usd(call.cost_usd) if call.cost_usd is not None else 0
        total += Spending(call.input_tokens + call.output_tokens, cost)
    return total
