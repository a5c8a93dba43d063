"""The operators' dashboard: `python -m app.dashboards.overview --write` puts it where Grafana reads it."""

import argparse
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    GraphTresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DataSourceRef,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from app.dashboards.books_rows import BOOKS
from app.dashboards.panels import Panel, Query, Row
from app.dashboards.request_rows import AT_A_GLANCE, MODELS, REQUESTS, RUNS
from app.dashboards.signing_rows import SIGNING
from app.dashboards.waiting_rows import PLANS, WAITING
from app.dashboards.worker_rows import PROCESSES, PUBLISHING, STREAM

PATH = Path(__file__).parents[2] / "deploy" / "grafana" / "dashboards" / "overview.json"
ROWS: tuple[Row, ...] = (
    AT_A_GLANCE,
    REQUESTS,
    WAITING,
    RUNS,
    MODELS,
    STREAM,
    PLANS,
    BOOKS,
    SIGNING,
    PUBLISHING,
    PROCESSES,
)
SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
WIDTH = {"stat": 3, "lines": 8, "stacked": 8}
HEIGHT = {"stat": 4, "lines": 8, "stacked": 8}

Drawn = stat.Panel | timeseries.Panel


def build(rows: tuple[Row, ...] = ROWS) -> str:
    """The dashboard as the JSON that Grafana imports."""
    board = (
        dashboard.Dashboard("Penstock overview")
        .uid("penstock-overview")
        .description("Requests, runs, models, the stream and the workers of a Penstock deployment.")
        .tags(["penstock"])
        .time("now-1h", "now")
        .refresh("30s")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .readonly()
        .with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
        .with_variable(_variable("job", "Job", "label_values(penstock_build_info, job)"))
        .with_variable(
            _variable("instance", "Worker", 'label_values(penstock_build_info{job=~"$job"}, instance)')
        )
    )
    numbers = count(1)
    for row in rows:
        board = board.with_row(dashboard.Row(row.title).id(next(numbers)))
        for panel, drawn in zip(row.panels, _draw(row, numbers), strict=True):
            board = board.with_panel(drawn.height(HEIGHT[panel.kind]).span(WIDTH[panel.kind]))
    return JSONEncoder(sort_keys=True, indent=2).encode(board.build()) + "\n"


def _variable(name: str, label: str, query: str) -> dashboard.QueryVariable:
    every = VariableOption(selected=True, text="All", value="$__all")
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .query(query)
        .datasource(SOURCE)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(every)
    )


def _draw(row: Row, numbers: Iterator[int]) -> Iterator[Drawn]:
    for panel in row.panels:
        drawn = _stat(panel) if panel.kind == "stat" else _timeseries(panel)
        drawn = (
            drawn.id(next(numbers))
            .title(panel.title)
            .description(panel.description)
            .unit(panel.unit)
            .datasource(SOURCE)
            .min(0)
            .thresholds(_thresholds(panel))
            .targets([_target(query, name) for query, name in zip(panel.queries, "ABCDE", strict=False)])
        )
        if panel.most is not None:
            drawn = drawn.max(panel.most)
        if panel.decimals is not None:
            drawn = drawn.decimals(panel.decimals)
        yield drawn


def _target(query: Query, name: str) -> prometheus.Dataquery:
    return (
        prometheus.Dataquery()
        .expr(query.expr)
        .legend_format(query.legend)
        .ref_id(name)
        .range()
        .datasource(SOURCE)
    )


def _thresholds(panel: Panel) -> dashboard.ThresholdsConfig:
    steps = [Threshold(value=None, color=panel.below)]
    steps += [Threshold(value=value, color=color) for value, color in panel.steps]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


def _stat(panel: Panel) -> stat.Panel:
    texts = {value: ValueMappingResult(text=text, color=color) for value, text, color in panel.texts}
    drawn = (
        stat.Panel()
        .graph_mode(BigValueGraphMode.AREA)
        .color_mode(BigValueColorMode.VALUE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )
    return drawn.mappings([ValueMap(options=texts)]) if texts else drawn


def _timeseries(panel: Panel) -> timeseries.Panel:
    stacked = panel.kind == "stacked"
    drawn = (
        timeseries.Panel()
        .legend(
            common.VizLegendOptions()
            .show_legend(True)
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
        )
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
        .fill_opacity(25 if stacked else 5)
        .line_width(1)
    )
    if stacked:
        drawn = drawn.stacking(common.StackingConfig().mode(StackingMode.NORMAL))
    if panel.steps:
        drawn = drawn.thresholds_style(
            common.GraphThresholdsStyleConfig().mode(GraphTresholdsStyleMode.DASHED)
        )
    return drawn


def main(arguments: list[str] | None = None) -> int:
    """Write the dashboard, or say whether the one that is there is stale."""
    parser = argparse.ArgumentParser(prog="python -m app.dashboards.overview", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write it; otherwise only compare")
    if parser.parse_args(arguments).write:
        PATH.parent.mkdir(parents=True, exist_ok=True)
        PATH.write_text(build(), encoding="utf-8")
        return 0
    if PATH.is_file() and PATH.read_text(encoding="utf-8") == build():
        return 0
    sys.stderr.write(f"{PATH.name} is stale: run `python -m app.dashboards.overview --write`\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
