"""Workers start anew when files of agents change, and only with agents that can be loaded."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app.authoring import watching
from app.authoring.reloading import Reloading
from app.authoring.watching import Snapshot, changed, look, places

A, B, C = ({Path("a.py"): (number, 1)} for number in (1, 2, 3))


class Enough(Exception):
    """The script of a test is played."""


async def played(snapshots: Sequence[Snapshot], problem: str | None = None) -> tuple[int, list[str]]:
    """How often workers were started anew, and what was said, where files look like this in turn."""
    left, restarts = list(snapshots), 0

    def next_look() -> Snapshot:
        if not left:
            raise Enough
        return left.pop(0)

    async def restart() -> None:
        nonlocal restarts
        restarts += 1

    async def judged() -> str | None:
        return problem

    async def no_time(_seconds: float) -> None:
        await asyncio.sleep(0)

    with capture_logs() as logs, pytest.raises(Enough):
        await Reloading(next_look, judged, restart, no_time).run()
    return restarts, [f"{line['event']} {line.get('problem', '')}" for line in logs]


async def test_nothing_happens_while_nothing_changes() -> None:
    assert await played([A, A, A, A]) == (0, [])


async def test_a_change_starts_the_workers_anew_once() -> None:
    restarts, said = await played([A, B, B, B, B])

    assert restarts == 1
    assert "agents changed" in said[0]


async def test_it_waits_until_the_files_have_come_to_rest() -> None:
    assert (await played([A, B, C, C, C]))[0] == 1


async def test_what_cannot_be_loaded_leaves_the_old_in_force_and_is_said() -> None:
    restarts, said = await played([A, B, B, B], problem="gauge.py cannot be imported")

    assert restarts == 0
    assert said == ["changed agents cannot be loaded; the old ones stay in force gauge.py cannot be imported"]


async def test_a_file_that_is_mended_starts_them_anew() -> None:
    assert (await played([A, B, B, C, C, C]))[0] == 2


def test_files_that_come_go_or_are_written_have_changed(tmp_path: Path) -> None:
    kept, written, gone = (tmp_path / name for name in ("kept.py", "written.md", "gone.py"))
    for path in (kept, written, gone):
        path.write_text("x")
    (tmp_path / "__pycache__").mkdir()
    before = look([tmp_path])

    gone.unlink()
    written.write_text("xy")
    (tmp_path / "new.py").write_text("x")
    (tmp_path / "__pycache__" / "kept.pyc").write_text("x")
    (tmp_path / ".kept.py.swp").write_text("x")

    assert [path.name for path in changed(before, look([tmp_path]))] == ["gone.py", "new.py", "written.md"]


def test_a_file_of_the_same_size_has_changed_too(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x")
    before = look([tmp_path])

    os.utime(tmp_path / "a.py", ns=(1, 1))

    assert changed(before, look([tmp_path])) == [tmp_path / "a.py"]


def test_folders_packages_and_single_modules_are_watched(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "my_gauges").mkdir()
    (tmp_path / "my_gauges" / "__init__.py").touch()
    (tmp_path / "my_tides.py").touch()
    (tmp_path / "my_tides.md").touch()
    monkeypatch.syspath_prepend(tmp_path)
    offered = [EntryPoint(name, f"{name}:SPEC", "") for name in ("my_gauges.river", "my_tides", "not_there")]
    monkeypatch.setattr(watching, "entry_points", lambda group: offered)

    watched = places(tmp_path / "mine")

    root = Path(watching.__file__).parents[2]
    assert watched == [
        root / "agents_defs",
        tmp_path / "my_gauges",
        tmp_path / "my_tides.py",
        tmp_path / "my_tides.md",
        tmp_path / "mine",
    ]
