"""What a panel is, before any dashboard software knows of it, and how its expressions are written."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["stat", "lines", "stacked"]
Steps = tuple[tuple[float, str], ...]  # from this value on, this colour; below the first, `below`

# Which workers: the two variables of the dashboard. The range: what Grafana finds right for its resolution.
WORKERS = 'job=~"$job",instance=~"$instance"'
RANGE = "$__rate_interval"


@dataclass(frozen=True, slots=True)
class Query:
    """One expression and how its series are called."""

    expr: str
    legend: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. `description` says what it means, then what to do."""

    title: str
    description: str
    unit: str
    queries: tuple[Query, ...]
    kind: Kind = "lines"
    steps: Steps = ()
    below: str = "green"
    texts: tuple[tuple[str, str, str], ...] = ()  # value, text, colour
    most: float | None = None
    decimals: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """Panels that belong together."""

    title: str
    panels: tuple[Panel, ...]


def of(metric: str, *matchers: str) -> str:
    """The series of a metric, of the workers that are looked at."""
    return f"{metric}{{{','.join((WORKERS, *matchers))}}}"


def per_second(metric: str, *matchers: str, by: str = "") -> str:
    """How fast a counter grows, over all workers."""
    return f"sum{_by(by)}(rate({of(metric, *matchers)}[{RANGE}]))"


def quantile(share: float, histogram: str, by: str = "") -> str:
    """A quantile of a histogram over all workers."""
    labels = "le" if not by else f"le, {by}"
    return f"histogram_quantile({share:g}, sum by ({labels}) (rate({of(f'{histogram}_bucket')}[{RANGE}])))"


def quantiles(histogram: str) -> tuple[Query, ...]:
    """The three that are looked at."""
    return tuple(Query(quantile(share, histogram), f"p{share * 100:g}") for share in (0.5, 0.95, 0.99))


def share(part: str, whole: str) -> str:
    """A share of what happened; 0 where nothing did."""
    return f"{part} / clamp_min({whole}, 1e-9)"


def occurring(expr: str) -> str:
    """Without the series at zero: known codes have a series from the start."""
    return f"{expr} > 0"


def _by(labels: str) -> str:
    return f" by ({labels}) " if labels else ""
