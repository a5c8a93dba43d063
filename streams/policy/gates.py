"""Gate: one window that a request has to pass, and how much of it the request asks for, in whole numbers."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Literal

from schemas.failures import Code
from schemas.money import format_usd
from streams.policy.windows import AnyWindow, Span, Window

What = Literal["requests", "tokens", "cost_usd", "runs"]

MOST = 2**53 - 1  # what every part counts exactly: nine million USD, in nano-USD
NANOS = 9  # decimal places of USD: a token of the cheapest models costs tens of nano-USD

CODES = {"requests": Code.LIMIT_REQUESTS, "tokens": Code.LIMIT_TOKENS, "cost_usd": Code.LIMIT_COST}
QUOTA_CODES = {"runs": Code.QUOTA_RUNS, "tokens": Code.QUOTA_TOKENS, "cost_usd": Code.QUOTA_COST}


@dataclass(frozen=True, slots=True)
class Rule:
    """A limit of a plan. Its figure is in requests, tokens or nano-USD."""

    what: What
    window: Window
    agent: str = ""  # only requests to this agent count; "": all do
    each_user: bool = False


@dataclass(frozen=True, slots=True)
class Gate:
    """What one request asks of one window."""

    window: AnyWindow
    amount: int = 1
    what: What = "requests"
    agent: str = ""
    user: str | None = None  # whose window it is; "": of all who name none, None: the tenant's
    returned: bool = False  # a request is noted here, to be given back should it find no seat

    @property
    def code(self) -> Code:
        """With which it refuses."""
        return (QUOTA_CODES if self.window.per == "month" else CODES)[self.what]

    @property
    def of(self) -> tuple[What, Span, str, str | None]:
        """Which of its tenant's windows it is."""
        return self.what, self.window.per, self.agent, self.user

    def shown(self, amount: int) -> str:
        """So much of it, for people."""
        if self.what == "cost_usd":
            return f"{format_usd(Decimal(amount).scaleb(-NANOS))} USD"
        return f"{amount} {self.what}"


@dataclass(frozen=True, slots=True)
class Spending:
    """Tokens and money: what a request is thought to need, or has used; and whether it ran for that."""

    tokens: int = 0
    nano_usd: int = 0
    runs: int = 0
    requests: int = 1  # 0: it was refused after all, for want of a seat

    def of(self, what: What) -> int:
        """How much of this; a request is one request."""
        if what == "requests":
            return 1
        if what == "runs":
            return self.runs
        return self.tokens if what == "tokens" else self.nano_usd

    def __add__(self, other: "Spending") -> "Spending":
        return Spending(
            self.tokens + other.tokens, self.nano_usd + other.nano_usd, max(self.runs, other.runs)
        )

    def covers(self, other: "Spending") -> bool:
        """Whether the other is within this."""
        return other.tokens <= self.tokens and other.nano_usd <= self.nano_usd


NOTHING_SPENT = Spending()


def nano_usd(amount: Decimal) -> int:
    """In whole nano-USD, rounded up: what is counted is never less than what is paid."""
    return int(amount.scaleb(NANOS).to_integral_value(ROUND_CEILING))
