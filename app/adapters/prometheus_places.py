"""Gauges of calls to models that have only so many at a time, read when Prometheus asks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from agents_defs.call_places import CallPlaces


@dataclass(frozen=True, slots=True, eq=False)
class PlaceGauges(Collector):
    """Only of models that have a cap: of the others nobody counts."""

    places: Mapping[str, CallPlaces]

    def collect(self) -> Iterable[Metric]:
        """One sample each, by model."""
        yield _by_model(
            "in_flight",
            "Calls in flight to a model that has a cap.",
            {model: one.taken for model, one in self.places.items()},
        )
        yield _by_model(
            "waiting",
            "Calls that wait until fewer to their model are in flight.",
            {model: one.waiting for model, one in self.places.items()},
        )
        yield _by_model(
            "limit",
            "How many calls to a model this worker makes at a time.",
            {model: one.most for model, one in self.places.items()},
        )


def _by_model(name: str, what: str, values: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily(f"penstock_model_calls_{name}", what, labels=("model",))
    for model, value in values.items():
        family.add_metric((model,), value)
    return family


def watch_places(registry: CollectorRegistry, places: Mapping[str, CallPlaces]) -> None:
    """Have them on /metrics."""
    registry.register(PlaceGauges(places))
