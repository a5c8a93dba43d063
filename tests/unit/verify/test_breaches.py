"""Every planted breach is found, under the promises that it breaks and no others, and named."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from app import cli
from app.terminal.exits import Exit
from app.verify.findings import Findings, Promise, Verdict
from app.verify.inspection import Inspection
from app.verify.ledger import Ledger
from tests.unit.verify.plants import PLANTS, Plant, planted
from tests.unit.verify.world import NAMES, World

every_plant = pytest.mark.parametrize("plant", PLANTS, ids=[plant.name for plant in PLANTS])


async def judged(world: World, folder: Path) -> Findings:
    path = folder / "ledger.jsonl"
    world.save_ledger(path)
    ledger = Ledger()
    ledger.load(path, path.stat().st_size, world.snapshot.partitions)
    return await Inspection(world, ledger).run()


@every_plant
async def test_a_breach_is_found_and_named(plant: Plant, tmp_path: Path) -> None:
    world, record = planted(plant)

    findings = await judged(world, tmp_path)

    assert findings.verdict() is Verdict.BREACHED
    found = {promise: tally.examples for promise, tally in findings.tallies.items() if tally.breached}
    assert set(found) == set(plant.promises), found
    named = [
        breach
        for breach in found[plant.promises[0]]
        if plant.request_id in {None, breach.request_id} and plant.says in breach.what
    ]
    assert named, found
    if plant.topic is not None and record is not None:
        assert f"{NAMES[plant.topic]}[" in named[0].where
    if plant.topic is not None and record in world.records[plant.topic]:
        assert f"{NAMES[plant.topic]}[{record.partition}]@{record.offset}" in {one.where for one in named}


@every_plant
def test_the_command_exits_with_1(plant: Plant, tmp_path: Path) -> None:
    world, _ = planted(plant)
    world.save(tmp_path)

    ended = CliRunner().invoke(
        cli.app, ["verify", "--dump", str(tmp_path), "--ledger", str(tmp_path / "ledger.jsonl")]
    )

    assert ended.exit_code == Exit.NOT_ALL
    for promise in plant.promises:
        assert f"BREACH {promise}: " in ended.stdout


def test_each_promise_has_at_least_two_plants() -> None:
    judgeable = set(Promise) - {Promise.FAIR}

    scarce = [promise for promise in judgeable if sum(promise in plant.promises for plant in PLANTS) < 2]

    assert scarce == []
