"""The registry of a worker that does nothing: every metric there is, with a sample of each label."""

from types import SimpleNamespace
from typing import Any

from prometheus_client import CollectorRegistry

from app.adapters.health import Health
from app.adapters.prometheus import PrometheusObserver
from app.adapters.prometheus_pipeline import watch_pipeline
from app.adapters.prometheus_plans import watch_plans
from streams.observations import Observers
from streams.options import FlowOptions
from streams.ownership import Ownership
from streams.plans import Plans


def every_metric() -> CollectorRegistry:
    """What Vitals registers, on a pipeline that holds nothing."""
    registry = CollectorRegistry()
    PrometheusObserver(registry, agents=["support"], models=["gpt-5.4"])
    Health(("", 0), {}, {}, registry, "1")
    pipeline: Any = SimpleNamespace(
        held=0,
        lanes=SimpleNamespace(held=0, running=0),
        tracker=SimpleNamespace(unreleased=lambda: 0),
        oldest_received=None,
    )
    watch_pipeline(registry, pipeline, Ownership(), FlowOptions(), lambda: 0.0, lambda: {0: 1})
    watch_plans(registry, Plans(Observers()))
    return registry
