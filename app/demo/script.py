"""What the demo sends: requests of three tenants, one of them over its limit, and a record that is none."""

from dataclasses import dataclass, field
from typing import Any

REQUESTS_PER_MINUTE = 5  # low, so that one tenant runs into it


@dataclass(frozen=True, slots=True)
class Line:
    """One request of the script, and what it shows."""

    name: str
    tenant: str
    agent: str
    text: str
    shows: str
    stream: bool = False
    session: str | None = None
    fields: dict[str, Any] = field(default_factory=dict)

    def document(self, run: str) -> dict[str, Any]:
        """The record's value."""
        document: dict[str, Any] = {
            "request_id": f"{run}-{self.name}",
            "tenant_id": self.tenant,
            "agent": self.agent,
            "input": self.text,
            "stream": self.stream,
            "metadata": {"demo": self.shows},
            **self.fields,
        }
        if self.session is not None:
            document["session_id"] = f"{run}-{self.session}"
        return document


SCRIPT: tuple[Line, ...] = (
    Line("order", "acme", "support", "Where is my order 7?", "a tool on real data", stream=True),
    Line(
        "refund",
        "acme",
        "support",
        "I was charged twice for order 12 and want my money back",
        "a hand-off to billing",
        stream=True,
    ),
    Line("login", "acme", "support", "I cannot log in to my account", "a session", session="login"),
    Line("again", "acme", "support", "And how do I switch on 2FA?", "the session goes on", session="login"),
    Line(
        "research",
        "globex",
        "research",
        "How do stream processors reach exactly-once delivery?",
        "plan, search, write",
        stream=True,
    ),
    Line("invoice", "globex", "support", "Where do I find my invoices?", "the knowledge base"),
    Line("sensor", "globex", "support", "My gateway is offline after an update", "technical support"),
    Line("typo", "globex", "suport", "Hello?", "an agent that does not exist"),
    Line("first", "initech", "support", "List my orders", "a limit of 5 a minute: 1st"),
    Line("second", "initech", "support", "What is the status of order 3?", "2nd"),
    Line("third", "initech", "support", "Was order 4 refunded?", "3rd"),
    Line("fourth", "initech", "support", "Who owns our account?", "4th"),
    Line("fifth", "initech", "support", "When will order 9 arrive?", "5th"),
    Line("sixth", "initech", "support", "And order 10?", "6th: over the limit"),
)
POISON_TENANT = "acme"
POISON = b'{"request_id": "broken", "tenant_id": "acme", "input": '
