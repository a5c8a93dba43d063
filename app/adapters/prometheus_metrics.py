"""Every metric of a worker, and the children that are bound to bounded label values.

Tenants are never a label: there may be a million of them. Names, labels and buckets stand here and nowhere
else; docs/observability.md describes them and a test compares.
"""

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from schemas.failures import FAILURES, Code, Stage

T = TypeVar("T")
Add = Callable[..., None]

UNKNOWN = "unknown"  # an agent that is not registered
OTHER = "other"  # any further value of a label whose values come from outside
MOST_MODELS = 50  # a request may name any model that its plan allows
STATUSES = ("completed", "refused", "failed", "cancelled", "expired")
PURPOSES = ("agent", "guardrail", "compaction", "judge", "shadow")
STORES = ("admission", "answers", "runs")
WAITS = ("not_before", "window", "paused", "retry", "approval", "session", "running")

_DECIDED_EARLY = (Stage.INTAKE, Stage.ADMISSION)
AGENT_ERRORS: Final = frozenset(code for code, row in FAILURES.items() if row.stage not in _DECIDED_EARLY)
DEAD_LETTERS: Final = frozenset(
    code for code, row in FAILURES.items() if row.outcome in ("failed", "dead_letter")
)
REFUSALS: Final = frozenset(code for code, row in FAILURES.items() if row.outcome == "refused")
PASSED_OVER: Final = (
    Code.INVALID_FIELD,
    Code.KEY_MISMATCH,
    Code.UNDECODABLE,
    Code.UNSUPPORTED_VERSION,
    Code.WRONG_PARTITION,
)
LIMITS: Final = frozenset(code for code in REFUSALS if FAILURES[code].stage is Stage.ADMISSION)

RUN_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300)
QUEUE_S = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
CALL_S = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120)
PUBLISH_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
BATCH_PARCELS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
LEDGER_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Children(dict[str, T]):
    """What is bound to each value of a label; past `most` values, all others share one child."""

    def __init__(self, make: Callable[[str], T], known: Iterable[str], most: int, rest: str) -> None:
        super().__init__({value: make(value) for value in known})
        self._make: Final = make
        self._most: Final = max(most, len(self))
        self._rest: Final = rest

    def __missing__(self, value: str) -> T:
        if len(self) >= self._most:
            value = self._rest
        made = self.get(value)
        if made is None:
            made = self[value] = self._make(value)
        return made


def bound(counter: Counter, known: Iterable[str], *labels: str) -> Children[Add]:
    """The `inc` of a counter's children by their last label, whose known values exist from the start."""
    values = tuple(known)
    return Children(lambda value: counter.labels(*labels, value).inc, values, len(values), OTHER)


class AgentChildren:
    """What is counted per agent."""

    __slots__ = ("duration", "ended", "errors", "queued", "requests", "slow", "trips")

    def __init__(self, name: str, metrics: "RunMetrics") -> None:
        self.duration: Add = metrics.duration.labels(name).observe
        self.queued: Add = metrics.queued.labels(name).observe
        self.ended = bound(metrics.runs, STATUSES, name)
        self.requests = bound(metrics.requests, STATUSES, name)
        self.errors = bound(metrics.errors, sorted(AGENT_ERRORS), name)
        self.slow = bound(metrics.slow, ("model_call", "run"), name)
        self.trips = bound(metrics.trips, ("input", "output", "tool_arguments", "tool_result"), name)


class ModelChildren:
    """What is counted per model."""

    __slots__ = ("cached", "calls", "cost", "input", "output", "reasoning", "seconds", "unpriced")

    def __init__(self, model: str, metrics: "ModelMetrics") -> None:
        self.input: Add = metrics.tokens.labels(model, "input").inc
        self.cached: Add = metrics.tokens.labels(model, "cached").inc
        self.output: Add = metrics.tokens.labels(model, "output").inc
        self.reasoning: Add = metrics.tokens.labels(model, "reasoning").inc
        self.cost: Add = metrics.cost.labels(model).inc
        self.unpriced: Add = metrics.unpriced.labels(model).inc
        self.seconds: Add = metrics.seconds.labels(model).observe
        self.calls = bound(metrics.calls, PURPOSES, model)


class RunMetrics:
    """Metrics of runs and requests."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.runs = Counter(
            "agent_runs", "Runs of an agent that ended.", ("agent_name", "status"), registry=registry
        )
        self.duration = Histogram(
            "agent_run_duration_seconds",
            "How long a run took, without its time in the queue.",
            ("agent_name",),
            buckets=RUN_S,
            registry=registry,
        )
        self.errors = Counter(
            "agent_errors",
            "Requests that were admitted and did not complete, by the code of their outcome.",
            ("agent_name", "error_type"),
            registry=registry,
        )
        self.active = Gauge("agent_active_runs", "Runs under way in this worker.", registry=registry)
        self.queued = Histogram(
            "penstock_queue_seconds",
            "From a request's arrival in the worker until its run was started.",
            ("agent_name",),
            buckets=QUEUE_S,
            registry=registry,
        )
        self.requests = Counter(
            "penstock_requests",
            "Requests whose outcome is durable.",
            ("agent_name", "status"),
            registry=registry,
        )
        self.slow = Counter(
            "penstock_slow",
            "Model calls and runs that took longer than their agent's warning threshold.",
            ("agent_name", "what"),
            registry=registry,
        )
        self.trips = Counter(
            "penstock_guardrail_trips",
            "Inputs, answers, arguments of tools and their results that a guardrail stopped.",
            ("agent_name", "side"),
            registry=registry,
        )


class ModelMetrics:
    """Metrics of model calls."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.tokens = Counter(
            "openai_tokens_used",
            "Tokens of paid model calls. `cached` are part of `input`, `reasoning` are part of `output`.",
            ("model", "token_type"),
            registry=registry,
        )
        self.calls = Counter(
            "penstock_model_calls", "Paid model calls.", ("model", "purpose"), registry=registry
        )
        self.cost = Counter(
            "penstock_model_cost_usd", "Cost of paid model calls in USD.", ("model",), registry=registry
        )
        self.unpriced = Counter(
            "penstock_model_calls_unpriced",
            "Paid model calls whose price nobody knows: the cost lacks them.",
            ("model",),
            registry=registry,
        )
        self.seconds = Histogram(
            "penstock_model_call_seconds",
            "How long a model call took.",
            ("model",),
            buckets=CALL_S,
            registry=registry,
        )


class StreamMetrics:
    """Metrics of intake, admission and ownership."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, what: str, label: str, known: Iterable[str]) -> Children[Add]:
            return bound(Counter(name, what, (label,), registry=registry), known)

        self.dead_letters = counter(
            "penstock_dead_letters", "Dead letters, by code.", "code", sorted(DEAD_LETTERS)
        )
        self.refused = counter(
            "penstock_refused", "Requests that were refused, by code.", "code", sorted(REFUSALS)
        )
        self.limits = counter(
            "penstock_limits_refused",
            "Requests that a limit or a quota refused, by code.",
            "code",
            sorted(LIMITS),
        )
        self.duplicates = counter(
            "penstock_duplicates",
            "Request ids that came again: with the same body, or with another (`conflict`).",
            "kind",
            ("same", "conflict"),
        )
        self.parked = counter(
            "penstock_requests_parked",
            "Requests that left their partition's offsets to wait, by what they wait for.",
            "reason",
            WAITS,
        )
        self.unreadable: Add = Counter(
            "penstock_parked_unreadable",
            "Parked requests that could not be read when their partition was taken over: they wait on.",
            registry=registry,
        ).inc
        self.sealed: Add = Counter(
            "penstock_outcomes_sealed",
            "Times that a decided outcome had to wait to be published for want of a key or a database.",
            registry=registry,
        ).inc
        self.skipped: Add = Counter(
            "penstock_deliveries_repaired",
            "Times that fetched records were not delivered and were read again.",
            registry=registry,
        ).inc
        self.faults = counter("penstock_faults", "Errors of Penstock's own.", "stage", list(Stage))
        self.store_failures = counter(
            "penstock_store_failures", "Times that a store did not answer.", "store", STORES
        )
        away = Gauge("penstock_store_away", "1 while a store does not answer.", ("store",), registry=registry)
        self.away: Children[Add] = Children(lambda store: away.labels(store).set, STORES, len(STORES), OTHER)
        self.rebalances: Add = Counter(
            "penstock_rebalances", "Assignments of partitions that this worker was given.", registry=registry
        ).inc


class PlanMetrics:
    """Metrics of reading the tenants' plans."""

    def __init__(self, registry: CollectorRegistry) -> None:
        passed_over = Counter(
            "penstock_plans_passed_over",
            "Records of the tenants topic that are no plan: the tenant's former one holds.",
            ("code",),
            registry=registry,
        )
        self.passed_over = bound(passed_over, PASSED_OVER)
        self.read_s: Add = Gauge(
            "penstock_plans_read_seconds", "How long reading them at the start took.", registry=registry
        ).set
        self.unread: Add = Counter(
            "penstock_plans_read_failures",
            "Times that the tenants topic could not be read.",
            registry=registry,
        ).inc


class SigningMetrics:
    """Metrics of signatures; what requests are refused for them stands with the dead letters."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.keys: Add = Gauge(
            "penstock_signing_keys", "Keys whose signatures count in this worker.", registry=registry
        ).set
        self.unread: Add = Counter(
            "penstock_signing_keys_read_failures",
            "Times that a changed file of keys could not be used.",
            registry=registry,
        ).inc
        self.distrusted: Add = Counter(
            "penstock_commands_distrusted",
            "Commands that were refused for their signature.",
            registry=registry,
        ).inc


class PublishMetrics:
    """Metrics of the outbox and of the ledger of answered ids."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.parcels: Add = Histogram(
            "penstock_publish_batch_parcels",
            "Outcomes that were published together.",
            buckets=BATCH_PARCELS,
            registry=registry,
        ).observe
        self.seconds: Add = Histogram(
            "penstock_publish_seconds",
            "How long publishing them took.",
            buckets=PUBLISH_S,
            registry=registry,
        ).observe
        self.records: Add = Counter(
            "penstock_published_records", "Records of outcomes that were published.", registry=registry
        ).inc
        self.retries: Add = Counter(
            "penstock_publish_retries",
            "Times that publishing failed and was tried again.",
            registry=registry,
        ).inc
        self.ledger_records: Add = Counter(
            "penstock_ledger_records", "Answered ids that were read to open partitions.", registry=registry
        ).inc
        self.ledger_s: Add = Histogram(
            "penstock_ledger_seconds",
            "How long opening a partition took.",
            buckets=LEDGER_S,
            registry=registry,
        ).observe
