"""docs/observability.md lists every metric with its labels, and no other."""

import re
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric

from tests.doubles.worker_metrics import every_metric

PAGE = Path(__file__).parents[3] / "docs" / "observability.md"


def written(metrics: Iterable[Metric]) -> set[str]:
    """As the page writes them: name{labels}, without what belongs to the type."""
    found = set()
    for metric in metrics:
        name = f"{metric.name}_total" if metric.type == "counter" else metric.name
        labels = sorted({label for sample in metric.samples for label in sample.labels} - {"le"})
        found.add(f"{name}{{{','.join(labels)}}}" if labels else name)
    return found


def in_order(name: str) -> str:
    name, brace, labels = name.rstrip("}").partition("{")
    return f"{name}{{{','.join(sorted(labels.split(',')))}}}" if brace else name


def test_the_page_lists_every_metric_with_its_labels() -> None:
    registry: CollectorRegistry = every_metric()
    rows = re.findall(r"^\| `([a-z_]+(?:\{[a-z_,]+\})?)` \| (\w+) \|", PAGE.read_text(), re.MULTILINE)
    ours = [metric for metric in registry.collect() if not metric.name.startswith("process_")]

    assert {in_order(name) for name, _ in rows} == written(ours)
    types = {name.partition("{")[0].removesuffix("_total"): kind for name, kind in rows}
    assert types == {metric.name: metric.type for metric in ours}
