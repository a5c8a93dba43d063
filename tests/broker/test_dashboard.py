"""Every panel of the dashboard shows what a known load did: asked of a real Prometheus that scraped a worker.

Counters are shown as rates, which Prometheus extrapolates to the edges of its range. The range here begins at
a scrape before the load and ends at one after it, with nothing left to extrapolate: a rate times the range is
the count, to the unit. What happened before the first scrape (the start of the worker) is compared in the raw
counters instead: `rate(x[...])` is replaced by `x` in those expressions, which are named in AT_START.
"""

import json
import math
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.request import urlopen

import pytest

from app.brokers.broker import BrokerHandle
from app.dashboards.books_rows import BOOKS
from streams.options import KafkaOptions
from tests.broker import servers
from tests.broker.dashboard_counts import (
    agent_of,
    by_status,
    calls_by_model,
    errors_by_type,
    failed_share_by_agent,
    limits_by_code,
    parcels,
    plans_read_s,
    records,
    refused_by_code,
    token_share,
    tokens,
)
from tests.broker.dashboard_load import (
    CANARY,
    CAP,
    CAPPED,
    MAX_IN_FLIGHT,
    PARTITIONS,
    UNPRICED,
    Document,
    Load,
    run_load,
)
from tests.broker.dashboard_values import HAIR, Between, Exactly, Near, at_rank, interpolated, near, within

pytestmark = pytest.mark.timeout(300)

BOARD = json.loads((Path(__file__).parents[2] / "deploy/grafana/dashboards/overview.json").read_text())
PANELS: dict[str, Document] = {panel["title"]: panel for panel in BOARD["panels"] if panel["type"] != "row"}
AT_START = (
    "Rebalances",
    "Opening partitions",
    "Answered ids read per second",
    "Books: entries per second",
    "Windows published per second",
    "Tenants compared per second",
)
OF_THE_BOOKS = {panel.title for panel in BOOKS.panels}

Moment = Literal["paused", "away", "busy", "end"]
Shown = Mapping[str, float]  # value by legend
Expected = Mapping[str, float | Near]


@pytest.fixture(scope="module")
def load(
    kafka: BrokerHandle, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Load]:
    """The load, done once for all panels."""
    if shutil.which("prometheus") is None:
        servers.unavailable("there is no `prometheus` on the path (Debian: apt-get install prometheus)")
    folder = tmp_path_factory.mktemp("dashboard")
    options = KafkaOptions(
        kafka.bootstrap, f"dash{folder.stat().st_ino}.", PARTITIONS, f"dash{folder.stat().st_ino}"
    )
    done, stop = run_load(options, folder)
    yield done
    stop()


def shown(load: Load, title: str, moment: Moment) -> dict[str, float]:
    """What the panel shows, by legend, at that moment."""
    series: dict[str, float] = {}
    for target in PANELS[title]["targets"]:
        job = "books" if title in OF_THE_BOOKS else "penstock"
        expr = target["expr"].replace("$job", job).replace("$instance", ".*")
        if title in AT_START:
            expr = re.sub(r"rate\((.*?)\[\$__rate_interval\]\)", r"\1", expr)
        expr = expr.replace("$__rate_interval", f"{load.range_ms}ms")
        for sample in load.prometheus.query(expr, getattr(load, moment)):
            labels = sample.labels
            legend = target["legendFormat"]
            for name in re.findall(r"\{\{(\w+)\}\}", legend):
                legend = legend.replace(f"{{{{{name}}}}}", labels[name])
            series[re.sub(r"127\.0\.0\.1:\d+", "worker", legend)] = sample.value
    return series


# -- counts


def counts(of: Callable[[Load], Mapping[str, float]]) -> Callable[[Load], Expected]:
    """Counts, as the panel shows them: per second."""
    return lambda load: {legend: Exactly(count, load.range_ms / 1000) for legend, count in of(load).items()}


# -- quantiles


def in_the_bucket_of(histogram: str, of: Callable[[Document], bool], field: str, share: float) -> Any:
    """A quantile of what the responses tell: Prometheus must find it in the same bucket."""

    def expected(load: Load) -> Near:
        values_s = sorted(run[field] / 1000 for run in load.runs if of(run))
        first, last = (at_rank(values_s, share * len(values_s) * by) for by in (1 - HAIR, 1 + HAIR))
        bounds = [0.0, *bucket_bounds(load, histogram)]
        low = max(bound for bound in bounds if bound <= max(0.0, first - 0.002))
        high = min(bound for bound in bounds if bound >= last + 0.002)
        return Between(low * (1 - HAIR), high * (1 + HAIR))

    return expected


def quantiles_of(histogram: str, field: str) -> Callable[[Load], Expected]:
    return lambda load: {
        f"p{share * 100:g}": in_the_bucket_of(histogram, lambda _: True, field, share)(load)
        for share in (0.5, 0.95, 0.99)
    }


def bucket_bounds(load: Load, histogram: str) -> list[float]:
    found = load.prometheus.query(f"max by (le) ({histogram}_bucket)", load.end)
    return sorted(float(sample.labels["le"]) for sample in found)


def computed(load: Load, histogram: str, share: float, matchers: str = "", from_zero: bool = False) -> Near:
    """The quantile of the raw buckets, computed here: for what only the worker itself can measure."""
    expr = f"sum by (le) ({histogram}_bucket{{{matchers}}})"
    after = {float(one.labels["le"]): one.value for one in load.prometheus.query(expr, load.end)}
    before = {float(one.labels["le"]): one.value for one in load.prometheus.query(expr, load.begin)}
    grown = sorted((le, count - (0 if from_zero else before.get(le, 0))) for le, count in after.items())
    assert grown[-1][1] > 0, "nothing was measured"
    first, last = (interpolated(grown, share * grown[-1][1] * by) for by in (1 - HAIR, 1 + HAIR))
    return Between(first * 0.999, last * 1.001)


def transactions(load: Load) -> float:
    grown = [
        load.prometheus.query("penstock_publish_batch_parcels_count", at)[0].value
        for at in (load.end, load.begin)
    ]
    return grown[0] - grown[1]


def store_failures(load: Load) -> dict[str, float]:
    return {"admission": load.prometheus.query("sum(penstock_store_failures_total)", load.end)[0].value}


EXPECTATIONS: dict[str, list[tuple[Moment, Callable[[Load], Expected]]]] = {
    "Workers": [("end", lambda _: {"workers": 1})],
    "Answered per second": [("end", counts(lambda load: {"answered": len(load.responses)}))],
    "Failed": [("end", lambda load: {"failed": by_status(load)["failed"] / len(load.responses)})],
    "Lag": [
        ("busy", lambda load: {"records": load.running + load.waiting}),
        ("end", lambda _: {"records": 0}),
    ],
    "Oldest unreleased": [
        ("busy", lambda load: {"age": within(load.busy - load.busy_sent, 1.5)}),
        ("end", lambda _: {"age": 0}),
    ],
    "Runs of cap": [
        ("busy", lambda load: {"of cap": load.running / MAX_IN_FLIGHT}),
        ("end", lambda _: {"of cap": 0}),
    ],
    "Redis": [("away", lambda _: {"away": 1}), ("end", lambda _: {"away": 0})],
    "Partitions not open": [("end", lambda _: {"not open": 0})],
    "Throughput by status": [("end", counts(by_status))],
    "Throughput by agent": [("end", counts(lambda load: Counter(map(agent_of, load.responses))))],
    "Failed share by agent": [("end", failed_share_by_agent)],
    "Errors by type": [("end", counts(errors_by_type))],
    "Dead letters by code": [
        ("end", counts(lambda load: Counter(letter["code"] for letter in load.dead_letters)))
    ],
    "Limits refused by code": [("end", counts(limits_by_code))],
    "Refused by code": [("end", counts(refused_by_code))],
    "Guardrail trips by side": [("end", lambda _: {})],
    "MCP servers reached": [("end", lambda _: {})],
    "Duplicates and conflicts": [
        ("end", counts(lambda load: {"same": load.duplicates, "conflict": load.conflicts}))
    ],
    "Parked and not readable": [("end", lambda _: {"not readable": 0})],
    "Parked by reason": [("end", counts(lambda load: load.parked))],
    "Tenants paused": [("paused", lambda _: {"paused": 1}), ("end", lambda _: {"paused": 0})],
    "Run duration": [("end", quantiles_of("agent_run_duration_seconds", "run_ms"))],
    "Run duration p95 by agent": [
        (
            "end",
            lambda load: {
                agent: in_the_bucket_of(
                    "agent_run_duration_seconds",
                    lambda run, agent=agent: run["agent"] == agent,  # type: ignore[misc]  # bound now
                    "run_ms",
                    0.95,
                )(load)
                for agent in ("support", "research")
            },
        )
    ],
    "Queue time": [("end", quantiles_of("penstock_queue_seconds", "queued_ms"))],
    "Active runs and cap": [
        ("busy", lambda load: {"active": load.running, "cap": MAX_IN_FLIGHT}),
        ("end", lambda _: {"active": 0, "cap": MAX_IN_FLIGHT}),
    ],
    "Runs ended by status": [("end", counts(lambda load: Counter(run["status"] for run in load.runs)))],
    "Slow calls and runs": [("end", counts(lambda load: {"model_call": load.running, "run": load.running}))],
    "Tokens per second by model": [("end", counts(tokens))],
    "Cached and reasoning share": [
        (
            "end",
            lambda load: {
                "cached of input": token_share(load, "cached", "input"),
                "reasoning of output": token_share(load, "reasoning", "output"),
            },
        )
    ],
    "Cost per hour by model": [
        (
            "end",
            lambda load: {
                model: near(load.cost(model) / load.range_ms * 3_600_000, 1e-4)
                for model in calls_by_model(load)
            },
        )
    ],
    "Model calls per second": [("end", counts(calls_by_model))],
    "Model call duration p95": [
        (
            "end",
            lambda load: {
                model: computed(load, "penstock_model_call_seconds", 0.95, f'model="{model}"')
                for model in calls_by_model(load)
            },
        )
    ],
    "Model calls of their cap": [
        (
            "busy",
            lambda load: {f"{CAPPED} in flight": load.running, f"{CAPPED} waiting": 0, f"{CAPPED} cap": CAP},
        ),
        ("end", lambda _: {f"{CAPPED} in flight": 0, f"{CAPPED} waiting": 0, f"{CAPPED} cap": CAP}),
    ],
    "Calls without a known price": [("end", counts(lambda load: {UNPRICED: calls_by_model(load)[UNPRICED]}))],
    "Lag by partition": [("busy", lambda load: load.busy_by_partition), ("end", lambda _: {})],
    "Held and waiting": [
        (
            "busy",
            lambda load: {
                "held": load.running + load.waiting,
                "waiting": load.waiting,
                "limit": 2 * MAX_IN_FLIGHT,
            },
        ),
        ("end", lambda _: {"held": 0, "waiting": 0, "limit": 2 * MAX_IN_FLIGHT}),
    ],
    "Unreleased offsets": [
        ("busy", lambda load: {"worker": load.running + load.waiting}),
        ("end", lambda _: {"worker": 0}),
    ],
    "Oldest unreleased by worker": [
        ("busy", lambda load: {"worker": within(load.busy - load.busy_sent, 1.5)})
    ],
    "Partitions by worker": [("end", lambda _: {"worker owned": PARTITIONS, "worker open": PARTITIONS})],
    "Rebalances": [("end", lambda _: {"per minute": 60})],  # one, of which the panel makes 60 a minute
    "Deliveries repaired": [("end", counts(lambda _: {"repaired": 0}))],
    "Plans in force": [("away", lambda _: {"worker": 2}), ("end", lambda _: {"worker": 2})],
    "Plans passed over by code": [("end", counts(lambda load: load.plans_passed_over))],
    "Plans not readable": [("end", counts(lambda _: {"failures": 0}))],
    "Books behind": [("end", lambda _: {"behind": Between(0, 30)})],
    "Books: entries per second": [("end", lambda load: {"counted": load.booked})],
    "Windows published per second": [("end", lambda load: {"windows": Between(1, 100 * load.booked)})],
    "Books kept": [
        (
            "end",
            lambda load: {
                "partitions": PARTITIONS,
                "tenants": Between(1, len({one["tenant_id"] for one in load.responses})),
                "months": 1,
            },
        )
    ],
    "Quota alerts in the last hour": [("end", lambda _: {"runs 50 %": near(1, 0.2)})],
    "Windows lost with Redis": [("end", lambda _: {"not told": 0, "told": 0})],
    "Tenants that drift": [("end", lambda _: {"tenants": 0})],
    "Largest drift in tokens": [("end", lambda _: {"tokens": 0})],
    "Tenants compared per second": [("end", lambda _: {"tenants": 1})],
    "Signing keys active": [("end", lambda _: {"worker": 0})],
    "Keys not readable": [("end", counts(lambda _: {"failures": 0}))],
    "Commands refused for their signature": [("end", counts(lambda _: {"refused": 0}))],
    "Reading the plans at the start": [("end", lambda load: {"worker": within(plans_read_s(load), 0.0006)})],
    "Publish latency": [
        (
            "end",
            lambda load: {
                f"p{share * 100:g}": computed(load, "penstock_publish_seconds", share)
                for share in (0.5, 0.95, 0.99)
            },
        )
    ],
    "Outcomes per transaction": [
        ("end", lambda load: {"outcomes": near(parcels(load) / transactions(load), 1e-3)})
    ],
    "Records published per second": [("end", counts(lambda load: {"records": records(load)}))],
    "Publish retries": [("end", counts(lambda _: {"retries": 0}))],
    "Redis failures": [("end", counts(store_failures))],
    "Opening partitions": [
        ("end", lambda load: {"p95": computed(load, "penstock_ledger_seconds", 0.95, from_zero=True)})
    ],
    "Answered ids read per second": [("end", lambda _: {"records": 0})],  # a new deployment has none
    "Faults": [("end", lambda _: {})],
    "CPU": [("end", lambda load: {"worker": near(load.cpu_s / load.range_ms * 1000, 0.2)})],
    "Memory": [("end", lambda load: {"worker": near(load.rss, 0.1)})],
    "Open files": [("end", lambda load: {"worker": near(load.files, 0.2)})],
    "Event loop delay p99": [
        (
            "end",
            lambda load: {
                "worker": computed(load, "penstock_loop_delay_seconds", 0.99, 'job="penstock"'),
            },
        )
    ],
}
CASES = [
    pytest.param(title, moment, expected, id=f"{title}, {moment}")
    for title, cases in EXPECTATIONS.items()
    for moment, expected in cases
]


def test_every_panel_has_an_expectation() -> None:
    assert set(EXPECTATIONS) == set(PANELS)


@pytest.mark.parametrize(("title", "moment", "expected"), CASES)
def test_a_panel_shows_what_the_load_did(
    load: Load, title: str, moment: Moment, expected: Callable[[Load], Expected]
) -> None:
    actual = shown(load, title, moment)

    for legend, value in expected(load).items():
        assert legend in actual, f"{title} does not show {legend}: {actual}"
        if callable(value):
            assert value(actual[legend]), f"{title}, {legend}: {actual[legend]} is not {value}"
        else:
            assert actual[legend] == pytest.approx(value, rel=1e-4), f"{title}, {legend}"
    further = {name: value for name, value in actual.items() if name not in expected(load)}
    assert all(value == 0 or math.isnan(value) for value in further.values()), further


def test_the_load_has_something_of_everything(load: Load) -> None:
    """A panel that shows nothing is right about a load that did nothing."""
    assert set(by_status(load)) == {"completed", "refused", "failed", "expired"}
    assert set(errors_by_type(load)) == {"model_rejected", "expired"}
    assert set(refused_by_code(load)) == {"limit_requests", "unknown_agent", "invalid_field"}
    assert set(map(agent_of, load.responses)) == {"support", "research", "unknown"}
    assert calls_by_model(load)[UNPRICED] == 1
    assert set(load.parked) == {"not_before", "window", "paused"}
    assert len(load.runs) > 50
    assert store_failures(load)["admission"] > 0


def test_the_books_are_ready_and_alive(load: Load) -> None:
    pages = {path: urlopen(f"{load.books}{path}") for path in ("/readyz", "/healthz", "/version")}

    assert {path: answer.status for path, answer in pages.items()} == dict.fromkeys(pages, 200)
    checks = json.load(pages["/readyz"])["checks"]
    assert checks["partitions"] == {"ok": True, "detail": f"{PARTITIONS} open"}
    assert set(checks) == {"partitions", "kafka", "redis", "plans"}
    assert json.load(pages["/version"])["name"] == "penstock"


def test_a_worker_without_redis_is_not_ready_but_alive(load: Load) -> None:
    assert load.health_while_away == (503, 200)


def test_no_prompt_and_no_key_is_in_the_log(load: Load) -> None:
    assert "a run ended" in load.log, "the log must be a debug log for this test to mean anything"
    assert CANARY not in load.log
    assert "sk-any-key" not in load.log
