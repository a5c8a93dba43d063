"""Kafka's jars are whole whenever they are there, whoever fetches at the same time or dies while fetching."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.brokers import jars
from app.brokers.broker import BrokerError

MAVEN = """#!{python}
import pathlib, sys, time
target = next(one.partition("=")[2] for one in sys.argv if one.startswith("-DoutputDirectory="))
folder = pathlib.Path(target)
folder.mkdir(parents=True)
(folder / "kafka-clients.jar").write_text("half")
time.sleep({seconds})
(folder / "kafka_2.13.jar").write_text("whole")
sys.exit({code})
"""


def maven(folder: Path, monkeypatch: pytest.MonkeyPatch, *, seconds: float = 0.3, code: int = 0) -> None:
    """A Maven that takes its time, first on PATH."""
    program = folder / "bin" / "mvn"
    program.parent.mkdir()
    program.write_text(MAVEN.format(python=sys.executable, seconds=seconds, code=code))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")


def test_two_that_fetch_at_once_end_up_with_the_same_jars(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maven(tmp_path, monkeypatch)
    cache = tmp_path / "cache"

    with ThreadPoolExecutor() as pool:
        one, other = pool.map(jars.fetched, [cache, cache])

    assert one == other
    assert sorted(jar.name for jar in one.iterdir()) == ["kafka-clients.jar", "kafka_2.13.jar"]
    assert [entry.name for entry in one.parent.iterdir()] == ["libs"]


def test_what_is_there_is_not_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    maven(tmp_path, monkeypatch)
    first = jars.fetched(tmp_path / "cache")
    monkeypatch.setenv("PATH", "")

    assert jars.fetched(tmp_path / "cache") == first


def test_a_download_that_fails_half_way_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maven(tmp_path, monkeypatch, seconds=0, code=1)

    with pytest.raises(BrokerError, match="fetching Kafka's jars failed"):
        jars.fetched(tmp_path / "cache")

    assert not jars.cached(tmp_path / "cache")
    assert list((tmp_path / "cache").rglob("*.jar")) == []
