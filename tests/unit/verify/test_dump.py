"""Dumps hold what was read, and what was said of it can be said again."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app import cli
from app.terminal.exits import Exit
from app.verify.dump import BadDump, Dump, Recorder, topic_file
from app.verify.inspection import Inspection
from app.verify.records import Kind
from tests.unit.verify.world import World, clean


def verify(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, ["verify", *arguments])


async def test_what_is_recorded_is_read_again(tmp_path: Path) -> None:
    world = clean()
    world.records[Kind.REQUESTS].reverse()
    for record in world.records[Kind.REQUESTS]:
        world.committed.setdefault(record.partition, 0)

    with Recorder(world, tmp_path / "new") as recorder:
        first = await Inspection(recorder).run()
    dump = Dump(tmp_path / "new")
    second = await Inspection(dump).run()

    assert dump.snapshot == world.snapshot
    assert second.tallies == first.tallies


async def test_partitions_may_stand_mixed_in_a_file(tmp_path: Path) -> None:
    world = clean()
    world.save(tmp_path)
    dump = Dump(tmp_path)

    extent = dump.snapshot.extent(Kind.REQUESTS, 0)
    read = [record async for records in dump.read(Kind.REQUESTS, 0, extent) for record in records]

    assert read == [record for record in world.records[Kind.REQUESTS] if record.partition == 0]


def test_a_directory_that_is_no_dump_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadDump, match="--record"):
        Dump(tmp_path)


def test_a_broken_line_is_quoted(tmp_path: Path) -> None:
    clean().save(tmp_path)
    topic_file(tmp_path, Kind.USAGE).write_bytes(b"{}\n")

    ended = verify("--dump", str(tmp_path))

    assert ended.exit_code == Exit.CANNOT
    assert "usage.jsonl has a line that is no record" in ended.stderr


def test_a_clean_dump_exits_with_0(tmp_path: Path) -> None:
    clean().save(tmp_path)

    ended = verify("--dump", str(tmp_path), "--ledger", str(tmp_path / "ledger.jsonl"))

    assert ended.exit_code == Exit.OK, ended.stdout
    assert "8 promises held; not judged: fair" in ended.stdout


def test_an_empty_dump_is_no_pass(tmp_path: Path) -> None:
    World().save(tmp_path)

    ended = verify("--dump", str(tmp_path))

    assert ended.exit_code == Exit.CANNOT
    assert "no request was judged, which is no pass" in ended.stdout


def test_a_promise_that_is_required_must_be_judged(tmp_path: Path) -> None:
    clean().save(tmp_path)

    ended = verify("--dump", str(tmp_path), "--require", "never_pay_twice")

    assert ended.exit_code == Exit.CANNOT
    assert "required, but not judged: never_pay_twice" in ended.stdout


def test_what_was_recorded_has_its_time_already(tmp_path: Path) -> None:
    clean().save(tmp_path)

    ended = verify("--dump", str(tmp_path), "--since", "1h")

    assert ended.exit_code == Exit.CANNOT
    assert "--since" in ended.stderr
