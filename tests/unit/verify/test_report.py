"""The report for programs."""

import json
from pathlib import Path

from typer.testing import CliRunner

from app import cli
from app.terminal.exits import Exit
from app.verify.findings import Promise
from app.verify.records import Kind
from tests.unit.verify.world import clean


def test_the_json_report_tells_each_promise(tmp_path: Path) -> None:
    world = clean()
    for _ in range(3):
        world.copy(Kind.RESPONSES, world.find(Kind.RESPONSES, request_id="r1"))
    world.save(tmp_path)

    ended = CliRunner().invoke(cli.app, ["verify", "--dump", str(tmp_path), "--json", "--examples", "2"])
    report = json.loads(ended.stdout)

    assert ended.exit_code == Exit.NOT_ALL
    assert report["verdict"] == "breached"
    assert [entry["promise"] for entry in report["promises"]] == list(Promise)
    assert [entry["number"] for entry in report["promises"]] == [1, 2, 3, 4, 5, 6, 7, 8, None]
    first, *others = report["promises"]
    assert (first["verdict"], first["checked"], first["breached"], first["not_checkable"]) == (
        "breached",
        11,
        3,
        0,
    )
    assert len(first["examples"]) == 2
    assert first["examples"][0] == {
        "what": "is a second response of generation 0: the first stands at agent.responses[0]@0",
        "where": "agent.responses[0]@5",
        "tenant_id": "acme",
        "request_id": "r1",
    }
    assert {entry["breached"] for entry in others} == {0}
    assert report["promises"][6]["not_checkable"] == sum(report["promises"][6]["why"].values()) == 11
    assert report["read"]["responses"] == 14
    assert report["books"]["settled"]["calls"] == 9
    assert report["books"]["ledger"] is None
