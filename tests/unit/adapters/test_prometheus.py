"""What PrometheusObserver counts, and under which names."""

import time
from typing import get_args
from uuid import uuid4

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.samples import Sample

from agents_defs.run_order import SlowNotice
from app.adapters.prometheus import PrometheusObserver
from app.adapters.prometheus_metrics import AGENT_ERRORS, DEAD_LETTERS, LIMITS, MOST_MODELS, REFUSALS
from app.adapters.prometheus_plans import watch_plans
from schemas.failures import Code
from streams import observations
from streams.observations import (
    CallPaid,
    DriftSeen,
    DuplicateSeen,
    Fault,
    LimitRefused,
    Observers,
    PlanPassedOver,
    RecordRejected,
    RequestDone,
    RunEnded,
    RunSlow,
    RunStarted,
    StoreAway,
)
from streams.plans import Plans
from tests.doubles.occurrences import EVERY_KIND, ONE_RUN, model_call

FIXED_NAMES = {
    "agent_runs_total",
    "agent_run_duration_seconds",
    "agent_errors_total",
    "agent_active_runs",
    "openai_tokens_used_total",
}


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def observer(registry: CollectorRegistry) -> PrometheusObserver:
    return PrometheusObserver(
        registry, agents=["support", "research"], models=["gpt-5.4-mini"], version="1.2"
    )


def exposed_names(registry: CollectorRegistry) -> set[str]:
    """The names as Prometheus users write them: counters end in _total."""
    return {
        f"{metric.name}_total" if metric.type == "counter" else metric.name for metric in registry.collect()
    }


def ours(registry: CollectorRegistry) -> list[Sample]:
    """All samples but the process', whose CPU time grows whatever is counted."""
    samples = [sample for metric in registry.collect() for sample in metric.samples]
    return [sample for sample in samples if not sample.name.startswith("process_")]


def series(registry: CollectorRegistry) -> int:
    return sum(len(metric.samples) for metric in registry.collect())


def test_a_completed_run_is_counted_everywhere(
    registry: CollectorRegistry, observer: PrometheusObserver
) -> None:
    for occurrence in ONE_RUN:
        observer.observe(occurrence)

    value = registry.get_sample_value
    of_agent, of_model = {"agent_name": "support"}, {"model": "gpt-5.4-mini"}
    assert value("agent_runs_total", of_agent | {"status": "completed"}) == 1
    assert value("agent_run_duration_seconds_sum", of_agent) == 0.41
    assert value("agent_run_duration_seconds_bucket", of_agent | {"le": "0.5"}) == 1
    assert value("agent_run_duration_seconds_bucket", of_agent | {"le": "0.25"}) == 0
    assert value("agent_active_runs") == 0
    assert value("penstock_queue_seconds_sum", of_agent) == 0.002
    assert value("penstock_requests_total", of_agent | {"status": "completed"}) == 1
    assert value("penstock_model_cost_usd_total", of_model) == 0.0015
    assert value("penstock_model_calls_total", of_model | {"purpose": "agent"}) == 1
    assert value("penstock_model_call_seconds_sum", of_model) == pytest.approx(0.4)
    assert value("penstock_publish_batch_parcels_sum") == 3
    assert value("penstock_published_records_total") == 7


@pytest.mark.parametrize(
    ("token_type", "count"), [("input", 120), ("cached", 20), ("output", 30), ("reasoning", 5)]
)
def test_tokens_are_counted_by_type(
    registry: CollectorRegistry, observer: PrometheusObserver, token_type: str, count: int
) -> None:
    observer.observe(CallPaid(model_call()))
    observer.observe(CallPaid(model_call()))

    labels = {"model": "gpt-5.4-mini", "token_type": token_type}
    assert registry.get_sample_value("openai_tokens_used_total", labels) == 2 * count


def test_runs_under_way_go_up_and_down(registry: CollectorRegistry, observer: PrometheusObserver) -> None:
    for _ in range(3):
        observer.observe(RunStarted("support", 0.0))
    observer.observe(RunEnded("support", "failed", 1.0))

    assert registry.get_sample_value("agent_active_runs") == 2


def test_a_failed_request_is_an_error_of_its_agent_and_a_dead_letter(
    registry: CollectorRegistry, observer: PrometheusObserver
) -> None:
    observer.observe(RequestDone("support", "failed", Code.TOOL_FAILED, dead_letter=True))

    value = registry.get_sample_value
    assert value("agent_errors_total", {"agent_name": "support", "error_type": "tool_failed"}) == 1
    assert value("penstock_dead_letters_total", {"code": "tool_failed"}) == 1
    assert value("penstock_requests_total", {"agent_name": "support", "status": "failed"}) == 1


def test_what_a_limit_refused_is_no_error_of_the_agent(
    registry: CollectorRegistry, observer: PrometheusObserver
) -> None:
    observer.observe(RequestDone("support", "refused", Code.LIMIT_REQUESTS, dead_letter=False))

    value = registry.get_sample_value
    labels = {"agent_name": "support", "error_type": "limit_requests"}
    assert value("agent_errors_total", labels) is None
    assert value("penstock_limits_refused_total", {"code": "limit_requests"}) == 1
    assert value("penstock_refused_total", {"code": "limit_requests"}) == 1
    assert value("penstock_dead_letters_total", {"code": "limit_requests"}) is None


def test_what_a_limit_turned_away_is_counted_once_it_is_refused_for_good(
    registry: CollectorRegistry, observer: PrometheusObserver
) -> None:
    # A request that waits for its window is turned away each time it asks, one that is read again is, too.
    for _ in range(3):
        observer.observe(LimitRefused("acme", Code.LIMIT_REQUESTS))
    observer.observe(RequestDone("support", "refused", Code.LIMIT_REQUESTS, dead_letter=False))
    observer.observe(RequestDone("support", "refused", Code.UNKNOWN_AGENT, dead_letter=False))

    value = registry.get_sample_value
    assert value("penstock_limits_refused_total", {"code": "limit_requests"}) == 1
    assert value("penstock_limits_refused_total", {"code": "unknown_agent"}) is None


def test_what_cannot_be_decoded_is_a_dead_letter(
    registry: CollectorRegistry, observer: PrometheusObserver
) -> None:
    observer.observe(RecordRejected(Code.WRONG_PARTITION, 1, 2))

    assert registry.get_sample_value("penstock_dead_letters_total", {"code": "wrong_partition"}) == 1


def test_duplicates_and_conflicts_are_told_apart(
    registry: CollectorRegistry, observer: PrometheusObserver
) -> None:
    observer.observe(DuplicateSeen("acme", conflict=False))
    observer.observe(DuplicateSeen("acme", conflict=False))
    observer.observe(DuplicateSeen("acme", conflict=True))

    assert registry.get_sample_value("penstock_duplicates_total", {"kind": "same"}) == 2
    assert registry.get_sample_value("penstock_duplicates_total", {"kind": "conflict"}) == 1


def test_a_store_is_away_until_it_is_back(registry: CollectorRegistry, observer: PrometheusObserver) -> None:
    labels = {"store": "admission"}

    observer.observe(StoreAway("admission", back=False, reason="refused"))
    observer.observe(StoreAway("admission", back=False, reason="refused"))
    while_away = registry.get_sample_value("penstock_store_away", labels)
    observer.observe(StoreAway("admission", back=True, reason=""))

    assert while_away == 1
    assert registry.get_sample_value("penstock_store_away", labels) == 0
    assert registry.get_sample_value("penstock_store_failures_total", labels) == 2


def test_a_call_without_a_price_is_counted_as_such(
    registry: CollectorRegistry, observer: PrometheusObserver
) -> None:
    observer.observe(CallPaid(model_call(model="local-llama", cost_usd=None)))

    assert registry.get_sample_value("penstock_model_calls_unpriced_total", {"model": "local-llama"}) == 1
    assert registry.get_sample_value("penstock_model_cost_usd_total", {"model": "local-llama"}) == 0


def test_an_agent_that_is_not_registered_is_unknown(
    registry: CollectorRegistry, observer: PrometheusObserver
) -> None:
    observer.observe(RequestDone("invented-by-a-caller", "refused", Code.UNKNOWN_AGENT, dead_letter=False))

    labels = {"agent_name": "unknown", "status": "refused"}
    assert registry.get_sample_value("penstock_requests_total", labels) == 1


def test_callers_cannot_make_the_number_of_series_grow_for_ever(
    registry: CollectorRegistry, observer: PrometheusObserver
) -> None:
    def flood() -> None:
        for _ in range(MOST_MODELS * 2):
            name = uuid4().hex
            observer.observe(RunStarted(name, 0.0))
            observer.observe(RunEnded(name, name, 1.0))
            observer.observe(RequestDone(name, name, None, dead_letter=False))
            observer.observe(CallPaid(model_call(model=name)))
            observer.observe(DuplicateSeen(name, conflict=True))
            observer.observe(StoreAway(name, back=False, reason=name))
            observer.observe(RunSlow(name, SlowNotice("model_call", name, 1.0)))
            observer.observe(Fault(name, name))

    flood()
    after_one_flood = series(registry)
    flood()

    assert series(registry) == after_one_flood
    overflow = {"model": "other", "purpose": "agent"}
    calls = registry.get_sample_value("penstock_model_calls_total", overflow)
    assert calls == 4 * MOST_MODELS - (MOST_MODELS - 1)


def test_no_metric_has_a_tenant_label(registry: CollectorRegistry, observer: PrometheusObserver) -> None:
    for occurrence in EVERY_KIND:
        observer.observe(occurrence)

    labels = {label for metric in registry.collect() for sample in metric.samples for label in sample.labels}
    assert not any("tenant" in label for label in labels)
    assert "acme" not in generate_latest(registry).decode()


def test_what_is_known_exists_from_the_start_at_zero(
    registry: CollectorRegistry, observer: PrometheusObserver
) -> None:
    value = registry.get_sample_value

    assert {value("penstock_dead_letters_total", {"code": code}) for code in DEAD_LETTERS} == {0}
    assert {value("penstock_refused_total", {"code": code}) for code in REFUSALS} == {0}
    assert {value("penstock_limits_refused_total", {"code": code}) for code in LIMITS} == {0}
    for agent in ("support", "research", "unknown"):
        errors = {
            value("agent_errors_total", {"agent_name": agent, "error_type": code}) for code in AGENT_ERRORS
        }
        assert errors == {0}
        assert value("agent_runs_total", {"agent_name": agent, "status": "failed"}) == 0


def test_observers_do_not_share_their_counts() -> None:
    first, second = CollectorRegistry(), CollectorRegistry()
    PrometheusObserver(first, agents=["support"]).observe(Fault("execution", "boom"))
    PrometheusObserver(second, agents=["support"])

    labels = {"stage": "execution"}
    assert first.get_sample_value("penstock_faults_total", labels) == 1
    assert second.get_sample_value("penstock_faults_total", labels) == 0


def test_plans_are_counted_as_they_are_at_this_moment(registry: CollectorRegistry) -> None:
    plans = Plans(Observers())
    watch_plans(registry, plans)
    plans.take(b"acme", b'{"tenant_id": "acme", "paused": true}')
    plans.take(b"globex", b'{"tenant_id": "globex"}')

    assert registry.get_sample_value("penstock_plans") == 2
    assert registry.get_sample_value("penstock_plans_paused") == 1


def test_a_plan_that_is_passed_over_is_counted_by_code(
    registry: CollectorRegistry, observer: PrometheusObserver
) -> None:
    observer.observe(PlanPassedOver("acme", Code.UNDECODABLE, "The value is empty."))

    assert registry.get_sample_value("penstock_plans_passed_over_total", {"code": "undecodable"}) == 1
    assert registry.get_sample_value("penstock_plans_passed_over_total", {"code": "key_mismatch"}) == 0


def test_every_kind_of_occurrence_is_handled(
    registry: CollectorRegistry, observer: PrometheusObserver
) -> None:
    assert {type(occurrence) for occurrence in EVERY_KIND} == set(get_args(observations.Occurrence))
    for occurrence in EVERY_KIND:
        before = ours(registry)
        observer.observe(occurrence)
        counted = ours(registry) != before
        # What a limit turned away is counted with its request's outcome; drift is a gauge of the books.
        assert counted != isinstance(occurrence, LimitRefused | DriftSeen), occurrence


def test_the_fixed_names_are_there(registry: CollectorRegistry, observer: PrometheusObserver) -> None:
    assert exposed_names(registry) >= FIXED_NAMES


def test_the_version_can_be_read(registry: CollectorRegistry, observer: PrometheusObserver) -> None:
    info = next(metric for metric in registry.collect() if metric.name == "penstock_build_info")

    assert info.samples[0].labels["version"] == "1.2"
    assert info.samples[0].value == 1


def test_one_run_costs_microseconds(observer: PrometheusObserver) -> None:
    """The budget is 12 µs; twice that here, for a slow or busy machine."""
    best_s = float("inf")
    for _ in range(30):
        began = time.thread_time()
        for _ in range(200):
            for occurrence in ONE_RUN:
                observer.observe(occurrence)
        best_s = min(best_s, (time.thread_time() - began) / 200)

    assert best_s < 24e-6
