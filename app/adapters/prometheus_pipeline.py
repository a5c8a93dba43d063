"""Gauges of the pipeline, read when Prometheus asks: they cost nothing per record."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from streams.options import FlowOptions
from streams.ownership import Ownership
from streams.pipeline import Pipeline

Lags = Callable[[], Mapping[int, int]]


@dataclass(frozen=True, slots=True, eq=False)
class PipelineGauges(Collector):
    """What the pipeline holds and owns at this moment."""

    pipeline: Pipeline
    ownership: Ownership
    flow: FlowOptions
    now: Callable[[], float]
    lags: Lags

    def collect(self) -> Iterable[Metric]:
        """One sample each."""
        pipeline, ownership, lanes = self.pipeline, self.ownership, self.pipeline.lanes
        partitions = ownership.partitions
        received = pipeline.oldest_received
        yield from (
            _gauge("runs_limit", "Runs at once that this worker may have.", self.flow.max_in_flight),
            _gauge("records_held", "Records in the pipeline, running or waiting.", pipeline.held),
            _gauge("records_held_limit", "Beyond this the worker stops reading.", self.flow.max_held),
            _gauge(
                "lanes_waiting",
                "Admitted requests that wait for a slot, or for an earlier one of their session.",
                lanes.held - lanes.running,
            ),
            _gauge(
                "offsets_unreleased",
                "Records that were read and whose offset is not released: held, or done behind one that is.",
                pipeline.tracker.unreleased(),
            ),
            _gauge(
                "oldest_unreleased_seconds",
                "Age of the oldest record that is not released; 0 when there is none.",
                0.0 if received is None else max(0.0, self.now() - received),
            ),
            _gauge("partitions_owned", "Partitions assigned to this worker.", len(partitions)),
            _gauge(
                "partitions_open",
                "Partitions whose answered ids are known, so that requests are admitted.",
                sum(map(ownership.is_open, partitions)),
            ),
            self._lag(),
        )

    def _lag(self) -> Metric:
        family = GaugeMetricFamily(
            "penstock_consumer_lag",
            "Records on a partition that this worker owns whose offset is not released; absent when unknown.",
            labels=("partition",),
        )
        for partition, lag in sorted(self.lags().items()):
            family.add_metric((str(partition),), lag)
        return family


def watch_pipeline(
    registry: CollectorRegistry,
    pipeline: Pipeline,
    ownership: Ownership,
    flow: FlowOptions,
    now: Callable[[], float],
    lags: Lags = dict,
) -> None:
    """Have the pipeline's gauges on /metrics. `lags`: what is known of the lag per partition."""
    registry.register(PipelineGauges(pipeline, ownership, flow, now, lags))


def _gauge(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(f"penstock_{name}", what, value)
