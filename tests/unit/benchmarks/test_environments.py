"""Environments of contestants."""

import shutil
from pathlib import Path

import pytest

from benchmarks.environments import Environment
from benchmarks.worker_process import BenchFailed


def built(environment: Environment) -> Environment:
    environment.python.parent.mkdir(parents=True)
    environment.python.touch()
    (environment.python.parents[1] / ".ready").write_text("\n".join(environment.pinned))
    return environment


async def test_an_environment_that_is_there_is_not_built_again(tmp_path: Path) -> None:
    environment = built(Environment("x", ("a==1", "b==2"), tmp_path))

    assert await environment.build() == str(environment.python)


def test_other_versions_and_half_a_build_are_built_again(tmp_path: Path) -> None:
    built(Environment("x", ("a==1",), tmp_path))
    half = Environment("y", ("a==1",), tmp_path)
    half.python.parent.mkdir(parents=True)
    half.python.touch()

    assert not Environment("x", ("a==2",), tmp_path).ready()
    assert not half.ready()


async def test_without_uv_the_reason_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)

    with pytest.raises(BenchFailed, match="uv is missing: x's environment"):
        await Environment("x", ("a==1",), tmp_path).build()
