"""What the books tell Prometheus, read when it asks: nothing is counted for it. Tenants are never a label."""

import platform
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from streams.book_keepers import Keepers
from streams.bookkeeper import Bookkeeper


@dataclass(frozen=True, slots=True, eq=False)
class BooksGauges(Collector):
    """What is kept at this moment, and what was done since the start."""

    bookkeeper: Bookkeeper
    keepers: Keepers
    now_ms: Callable[[], float]

    def collect(self) -> Iterable[Metric]:
        """All of it."""
        yield from self._kept()
        yield from self._done()
        yield from self._told()

    def _kept(self) -> Iterable[Metric]:
        bookkeeper = self.bookkeeper
        yield _gauge("books_partitions", "Partitions whose books are kept here.", len(bookkeeper.partitions))
        yield _gauge(
            "books_tenants", "Tenants with open windows, a month, or use of a limit.", bookkeeper.tenants
        )
        yield _gauge("books_months", "Tenants with a quota whose month is counted.", bookkeeper.months)
        until = bookkeeper.counted_until_ms
        behind = GaugeMetricFamily(
            "penstock_books_behind_seconds",
            "Everything that was written so long ago is counted; absent while that is not known.",
        )
        if until is not None:
            behind.add_metric((), max(0.0, (self.now_ms() - until) / 1000))
        yield behind

    def _done(self) -> Iterable[Metric]:
        figures = self.bookkeeper.figures
        entries = CounterMetricFamily(
            "penstock_books_entries", "Responses and paid calls that were read.", labels=("outcome",)
        )
        entries.add_metric(("counted",), figures.counted)
        entries.add_metric(("late",), figures.late)
        entries.add_metric(("repeated",), figures.repeated)
        entries.add_metric(("unreadable",), figures.unreadable)
        yield entries
        yield CounterMetricFamily(
            "penstock_books_windows_published", "Windows that were published.", figures.published
        )

    def _told(self) -> Iterable[Metric]:
        quotas, windows, drift = self.keepers.quotas, self.keepers.windows, self.keepers.drift
        if quotas is not None:
            alerts = CounterMetricFamily(
                "penstock_quota_alerts",
                "Times that somebody was told how much of a quota is used.",
                labels=("measure", "percent"),
            )
            for (measure, percent), number in quotas.alerts.items():
                alerts.add_metric((measure.value, str(percent)), number)
            yield alerts
        if windows is not None:
            yield _gauge("window_gaps", "Partitions whose windows were lost and not told yet.", windows.gaps)
            yield CounterMetricFamily(
                "penstock_window_gaps_filled", "Partitions whose windows were told again.", windows.filled
            )
        if drift is not None:
            yield _gauge("drift_tenants", "Tenants of whom workers count more or less.", drift.tenants)
            yield _gauge("drift_tokens", "The most tokens by which a tenant differs.", drift.tokens)
            yield CounterMetricFamily(
                "penstock_drift_compared", "Times that a tenant was compared.", drift.compared
            )


@dataclass(frozen=True, slots=True, eq=False)
class BuildInfo(Collector):
    """Which version this is."""

    version: str

    def collect(self) -> Iterable[Metric]:
        """Always 1."""
        info = GaugeMetricFamily("penstock_build_info", "Always 1.", labels=("version", "python"))
        info.add_metric((self.version, platform.python_version()), 1)
        yield info


def watch_books(
    registry: CollectorRegistry, bookkeeper: Bookkeeper, keepers: Keepers, now_ms: Callable[[], float]
) -> None:
    """Have them on /metrics."""
    registry.register(BooksGauges(bookkeeper, keepers, now_ms))


def watch_process(registry: CollectorRegistry, version: str) -> None:
    """What every process tells of itself."""
    registry.register(BuildInfo(version))
    ProcessCollector(registry=registry)


def _gauge(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(f"penstock_{name}", what, value)
