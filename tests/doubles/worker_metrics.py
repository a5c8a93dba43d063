"""The registry of a worker and books that do nothing: every metric there is, with a sample of each label."""

from types import SimpleNamespace
from typing import Any

from prometheus_client import CollectorRegistry

from agents_defs.call_places import places_of
from agents_defs.mcp.connections import McpServers
from agents_defs.mcp.declared import McpServer
from app.adapters.health import Health
from app.adapters.prometheus import PrometheusObserver
from app.adapters.prometheus_books import watch_books
from app.adapters.prometheus_mcp import watch_mcp
from app.adapters.prometheus_pipeline import watch_pipeline
from app.adapters.prometheus_places import watch_places
from app.adapters.prometheus_plans import watch_plans
from streams.book_keepers import Keepers
from streams.book_ports import Figures
from streams.drift_watch import Bounds, DriftWatch
from streams.observations import Observers
from streams.options import FlowOptions
from streams.ownership import Ownership
from streams.plans import Plans
from streams.quota_keeper import QuotaKeeper
from streams.window_keeper import WindowKeeper
from tests.doubles.hand_clock import HandClock


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
    watch_places(registry, places_of({"gpt-5.4": 50}))
    servers = McpServers()
    servers.add([McpServer(name="wiki", command="wiki")])
    watch_mcp(registry, servers)
    _books(registry)
    return registry


def _books(registry: CollectorRegistry) -> None:
    """Of a process of their own, and with no name that a worker has but those of any process."""
    anything: Any = SimpleNamespace(
        counted_until_ms=1.0, partitions=(), tenants=0, months=0, figures=Figures()
    )
    nothing: Any = None
    clock = HandClock()
    quotas = QuotaKeeper(lambda _: None, nothing, clock, "")
    windows = WindowKeeper(lambda _: (), nothing, clock)
    drift = DriftWatch(Bounds(lambda _: None, lambda _: ()), nothing, clock, Observers())
    watch_books(registry, anything, Keepers(quotas, windows, drift), lambda: 0.0)
