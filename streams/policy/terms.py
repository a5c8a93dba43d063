"""What a tenant's plan lets a request do: it is denied, or has gates to pass."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from schemas.failures import Code
from schemas.requests import OverLimit, Priority
from schemas.tenants import Limit, Measure, TenantPlan
from streams.policy.gates import MOST, Gate, Rule, Spending, nano_usd
from streams.policy.precedence import CLASSES
from streams.policy.quota_gates import QuotaGates
from streams.policy.windows import Window


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, as far as a plan says anything about it."""

    agent: str
    model: str | None = None
    user_id: str | None = None
    input_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Denial:
    """The plan does not allow it, whenever it is asked."""

    code: Code
    message: str


@dataclass(frozen=True, slots=True)
class Terms:
    """A tenant's plan with its tier's default behind it, made ready to be asked at each request."""

    plan: TenantPlan
    rules: tuple[Rule, ...]
    known: bool = True  # False: it has no plan, and tenants without one are refused
    spends: bool = field(init=False)  # whether anything is limited that is known only when it has run
    _plain: tuple[Gate, ...] | None = field(init=False)  # the gates, where they are the same for all
    _quota: QuotaGates | None = field(init=False)

    def __post_init__(self) -> None:
        quota = QuotaGates(self.plan.quota) if self.plan.quota is not None else None
        same = all(one.what == "requests" and not one.agent and not one.each_user for one in self.rules)
        plain = tuple(Gate(one.window) for one in self.rules) if same and quota is None else None
        spends = quota is not None or any(one.what != "requests" for one in self.rules)
        object.__setattr__(self, "spends", spends)
        object.__setattr__(self, "_plain", plain)
        object.__setattr__(self, "_quota", quota)

    def denial(self, asked: Asked) -> Denial | None:
        """Why the plan does not allow it, if so."""
        plan = self.plan
        if not self.known:
            return Denial(
                Code.AGENT_NOT_ALLOWED, "this tenant has no plan, and tenants without are not served"
            )
        if plan.agents is not None and asked.agent not in plan.agents:
            return Denial(Code.AGENT_NOT_ALLOWED, f"the plan does not allow the agent {asked.agent!r}")
        if plan.models is not None and asked.model is not None and asked.model not in plan.models:
            return Denial(Code.MODEL_NOT_ALLOWED, f"the plan does not allow the model {asked.model!r}")
        most = plan.max_input_bytes
        if most is not None and asked.input_bytes > most:
            told = f"input: has {asked.input_bytes} bytes, the plan allows at most {most} (max_input_bytes)"
            return Denial(Code.INVALID_FIELD, told)
        return None

    def gates(self, asked: Asked, estimate: Spending, now: datetime) -> tuple[Gate, ...]:
        """What the request has to pass, with what it asks of each."""
        if self._plain is not None:
            return self._plain
        windows = tuple(
            Gate(rule.window, estimate.of(rule.what), rule.what, rule.agent, _user(rule, asked))
            for rule in self.rules
            if not rule.agent or rule.agent == asked.agent
        )
        return windows if self._quota is None else (*windows, *self._quota.at(now, estimate))

    def waits(self, asked: OverLimit | None) -> bool:
        """Whether who finds a window full waits for it."""
        return (asked or self.plan.over_limit) is OverLimit.WAIT

    def waits_for_seat(self, asked: OverLimit | None) -> bool:
        """Whether it waits until a run of its tenant ends; it does unless somebody says that it shall not."""
        said = asked or ("over_limit" in self.plan.model_fields_set and self.plan.over_limit)
        return said is not OverLimit.REFUSE

    def priority(self, asked: Priority) -> Priority:
        """At most what the plan allows."""
        return max(asked, self.plan.max_priority, key=CLASSES.__getitem__)


def _user(rule: Rule, asked: Asked) -> str | None:
    return (asked.user_id or "") if rule.each_user else None


def never_fits(gates: Iterable[Gate]) -> Denial | None:
    """Why it can never be admitted: it asks for more than there is when nobody else asks for anything."""
    for gate in gates:
        if gate.amount > min(gate.window.limit, MOST):
            most = "the quota" if gate.window.per == "month" else "the limit"
            whole = f"{gate.shown(gate.window.limit)} per {gate.window.per}"
            return Denial(gate.code, f"it is thought to need {gate.shown(gate.amount)}, {most} is {whole}")
    return None


def rules_of(limits: Iterable[Limit]) -> tuple[Rule, ...]:
    """Of two limits on the same thing the lower one holds: they share a window, which counts once."""
    found: dict[tuple[str, str, str, bool], Rule] = {}
    for limit in limits:
        rule = _rule(limit)
        key = (rule.what, rule.window.per, rule.agent, rule.each_user)
        known = found.get(key)
        if known is None or rule.window.limit < known.window.limit:
            found[key] = rule
    return tuple(found.values())


def _rule(limit: Limit) -> Rule:
    figure = limit.limit
    if limit.what is Measure.COST_USD:
        figure = nano_usd(Decimal(figure))
    return Rule(limit.what.value, Window(int(figure), limit.per.value), limit.agent or "", limit.each_user)
