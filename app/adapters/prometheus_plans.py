"""Gauges of the tenants' plans, read when Prometheus asks. Tenants are never a label."""

from collections.abc import Iterable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from streams.plans import Plans


@dataclass(frozen=True, slots=True, eq=False)
class PlanGauges(Collector):
    """What is in force at this moment."""

    plans: Plans

    def collect(self) -> Iterable[Metric]:
        """One sample each."""
        yield GaugeMetricFamily(
            "penstock_plans", "Tenants' plans that this worker has in force.", len(self.plans)
        )
        yield GaugeMetricFamily(
            "penstock_plans_paused", "Tenants that are paused.", len(self.plans.paused_tenants)
        )


def watch_plans(registry: CollectorRegistry, plans: Plans) -> None:
    """Have them on /metrics."""
    registry.register(PlanGauges(plans))
