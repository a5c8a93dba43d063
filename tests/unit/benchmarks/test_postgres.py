"""Where PostgreSQL's server is looked for."""

from pathlib import Path

import pytest

from benchmarks.postgres import find_binaries
from benchmarks.worker_process import BenchFailed

NEEDED = ("postgres", "initdb", "pg_isready")


def folder(path: Path, *names: str) -> Path:
    path.mkdir()
    for name in names:
        (path / name).touch(mode=0o755)
    return path


def test_the_first_folder_with_all_that_is_needed_is_taken(tmp_path: Path) -> None:
    clients = folder(tmp_path / "clients", "pg_isready")
    server, other = folder(tmp_path / "15", *NEEDED), folder(tmp_path / "14", *NEEDED)

    assert find_binaries([clients, server, other]) == server


def test_what_is_missing_is_named_with_its_package(tmp_path: Path) -> None:
    with pytest.raises(BenchFailed, match="Debian's package: postgresql") as failed:
        find_binaries([tmp_path])

    assert "\n" not in str(failed.value)
