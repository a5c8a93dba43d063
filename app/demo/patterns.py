"""What the demo asks each pattern, and what that shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Example:
    """One request to a pattern."""

    asks: str
    shows: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    follow_up: str | None = None
    """A second request of the same user, in a conversation of its own."""


EXAMPLES: Mapping[str, Example] = {
    "single-agent": Example("Where is my order 7?", "a tool, and an answer by a type"),
    "handoffs": Example(
        "I was charged twice for order 12 and want my money back",
        "triage hands off to billing, with a ticket",
        {"plan": "business"},
    ),
    "hierarchy": Example(
        "Where is order 7? Why is a gateway offline after an update? "
        "How do event streams deal with backpressure?",
        "a manager divides, workers work at once",
    ),
    "agents-as-tools": Example(
        "When does the delivery of order 9 arrive?", "one agent asks others as it asks tools"
    ),
    "pipeline": Example(
        "How do stream processors reach exactly-once delivery, and what does backpressure do?",
        "plan, search at once, analyse, write, review",
    ),
    "round-robin": Example(
        "Should we replace all gateways before winter?", "three voices in turns, and a sum"
    ),
    "debate": Example(
        "Should an agent be allowed to pay refunds below 100 EUR without asking anybody?",
        "two sides and a judge",
    ),
    "voting": Example(
        "A customer wants a new probe: it broke after 14 months, they say it never was under water.",
        "three jurors at once, the majority decides",
    ),
    "critic-loop": Example(
        "Write to a customer that order 7 will come a week late.", "written anew until a critic is content"
    ),
    "language-router": Example(
        "Wo ist meine Bestellung 7? Ich warte seit einer Woche auf die Lieferung.", "who speaks it answers"
    ),
    "planner-executor": Example(
        "Look up order 7. Look up the refund of order 999999. Tell me which of them needs attention.",
        "a typed plan, and a second one where a step fails",
    ),
    "ask-agent": Example(
        "How do stream processors reach exactly-once delivery?",
        "a front desk sends requests to other agents and waits for their responses",
    ),
    "approval": Example(
        "Please pay back 4500 cents of order 7, it arrived broken.",
        "a person decides before the money leaves",
    ),
    "memory": Example(
        "Please remember: I prefer answers in short sentences. category: preference",
        "what is remembered is there in the next conversation",
        follow_up="What do I prefer for answers? Please recall it.",
    ),
}
