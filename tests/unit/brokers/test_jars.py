"""What Kafka needs is asked for in one line that says what to do."""

import shutil
import subprocess
from pathlib import Path

import pytest

from app.brokers import jars
from app.brokers.broker import BrokerError

JAVA_17 = 'openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment\n'
JAVA_8 = 'java version "1.8.0_401"\n'
JAVA_EARLY = 'openjdk version "26-ea" 2026-03-17\n'


def found(monkeypatch: pytest.MonkeyPatch, name: str | None, said: str = "") -> None:
    """Only the program of that name is on PATH; asked for its version, it says this."""
    monkeypatch.setattr(shutil, "which", lambda asked: f"/bin/{asked}" if asked == name else None)
    done = subprocess.CompletedProcess([], 0, "", said)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)


@pytest.mark.parametrize("said", [JAVA_17, JAVA_EARLY])
def test_a_java_that_is_new_enough_is_taken(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    found(monkeypatch, "java", said)

    assert jars.java() == "/bin/java"


def test_a_missing_java_is_named_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch, None)

    with pytest.raises(
        BrokerError, match=r"^Java is missing: install a JRE 17 or newer, or use --kind embedded$"
    ):
        jars.java()


@pytest.mark.parametrize(("said", "version"), [(JAVA_8, "8"), ("nonsense", "unknown")])
def test_a_java_that_is_too_old_is_named(monkeypatch: pytest.MonkeyPatch, said: str, version: str) -> None:
    found(monkeypatch, "java", said)

    with pytest.raises(BrokerError, match=rf"/bin/java is Java {version}, Kafka needs 17 or newer"):
        jars.java()


def test_a_missing_maven_is_named_with_the_way_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found(monkeypatch, None)

    with pytest.raises(BrokerError, match=r"^Maven \(mvn\) is missing, .* or use --kind embedded$"):
        jars.fetched(tmp_path)


def test_a_failed_download_says_what_maven_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found(monkeypatch, "mvn")
    failed = subprocess.CompletedProcess(
        [], 1, "[INFO] x\n[ERROR] Could not transfer artifact a:b\n[ERROR] y", ""
    )
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)

    with pytest.raises(
        BrokerError, match=r"can Maven reach its repository\? \[ERROR\] Could not transfer"
    ) as error:
        jars.fetched(tmp_path)

    assert "\n" not in str(error.value)
    assert not jars.cached(tmp_path)


def test_the_version_is_the_one_in_the_pom() -> None:
    assert (
        f"<kafka.version>{jars.pinned_version()}</kafka.version>" in (jars.DEPLOYED / "pom.xml").read_text()
    )
