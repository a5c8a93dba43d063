"""The generated dashboard: complete, in step with the metrics, and as it stands in the repository."""

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from app.dashboards import overview
from app.dashboards.panels import Panel
from tests.doubles.worker_metrics import every_metric

ROOT = Path(__file__).parents[3]
PANELS = [(row.title, panel) for row in overview.ROWS for panel in row.panels]


def exposed() -> set[str]:
    """Every series name that a worker serves."""
    return {sample.name for metric in every_metric().collect() for sample in metric.samples}


def used(expr: str) -> set[str]:
    """The metrics of an expression: each stands before its matchers."""
    return set(re.findall(r"([a-z_]+)\{", expr))


@pytest.fixture(scope="module")
def board() -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(overview.build())
    return parsed


def test_the_dashboard_in_the_repository_is_up_to_date() -> None:
    assert overview.PATH.read_text() == overview.build(), "run `python -m app.dashboards.overview --write`"


def test_it_is_written_and_a_stale_one_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(overview, "PATH", tmp_path / "new" / "overview.json")

    assert overview.main([]) == 1
    assert "stale" in capsys.readouterr().err
    assert overview.main(["--write"]) == 0
    assert overview.main([]) == 0
    overview.PATH.write_text("{}")
    assert overview.main([]) == 1


@pytest.mark.parametrize(("row", "panel"), PANELS, ids=[panel.title for _, panel in PANELS])
def test_each_panel_says_what_it_means_and_what_to_do(row: str, panel: Panel) -> None:
    sentences = re.findall(r"[^.:;]{8,}[.:;]", panel.description)

    assert len(sentences) >= 2, f"{row}: {panel.title}"
    assert panel.unit
    assert panel.queries


def test_no_two_panels_have_the_same_title() -> None:
    titles = [panel.title for _, panel in PANELS]

    assert len(titles) == len(set(titles))


def test_every_metric_that_is_drawn_exists() -> None:
    drawn = {name for _, panel in PANELS for query in panel.queries for name in used(query.expr)}

    ours = {name for name in drawn if not name.startswith("process_")}
    assert ours - exposed() == set()


def test_every_metric_that_exists_is_drawn() -> None:
    drawn = {name for _, panel in PANELS for query in panel.queries for name in used(query.expr)}
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in drawn}

    ours = {
        re.sub(r"_(bucket|sum|count)$", "", name) for name in exposed() if not name.startswith("process_")
    }
    assert ours - families == set()


def test_every_expression_looks_only_at_the_chosen_workers() -> None:
    for _, panel in PANELS:
        for query in panel.queries:
            selectors = re.findall(r"\{([^}]*)\}", query.expr)
            assert selectors
            assert all('job=~"$job",instance=~"$instance"' in selector for selector in selectors), query.expr


def test_panels_do_not_overlap_and_fit_the_width(board: dict[str, Any]) -> None:
    places = [panel["gridPos"] for panel in board["panels"]]

    for one, other in combinations(places, 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, (one, other)
    assert all(place["x"] + place["w"] <= 24 for place in places)


def test_panels_have_ids_of_their_own_and_the_chosen_source(board: dict[str, Any]) -> None:
    panels = board["panels"]

    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        for part in (panel, *panel.get("targets", [])):
            if part["type" if "type" in part else "refId"] != "row":
                assert part["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_workers_run_without_the_dashboard_library() -> None:
    importers = {
        path.relative_to(ROOT).parts[:2]
        for package in ("app", "streams", "agents_defs", "schemas")
        for path in (ROOT / package).rglob("*.py")
        if "grafana_foundation_sdk" in path.read_text() or "app.dashboards" in path.read_text()
    }

    assert importers == {("app", "dashboards")}
