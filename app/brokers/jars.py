"""Fetches Apache Kafka's jars from Maven Central once, and finds a Java that runs them."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from app.brokers.broker import BrokerError

DEPLOYED = Path(__file__).parents[2] / "deploy" / "kafka"
OLDEST_JAVA = 17
DOWNLOAD_S = 600


def pinned_version() -> str:
    """The Kafka version that deploy/kafka/pom.xml names."""
    pom = DEPLOYED / "pom.xml"
    if not pom.exists():
        raise BrokerError("kind kafka needs deploy/kafka from Penstock's source tree: run it from a checkout")
    found = re.search(r"<kafka\.version>(.+?)</kafka\.version>", pom.read_text())
    if not found:
        raise BrokerError(f"{pom} names no <kafka.version>")
    return found[1]


def java() -> str:
    """A Java that is new enough."""
    path = shutil.which("java")
    if not path:
        raise BrokerError(f"Java is missing: install a JRE {OLDEST_JAVA} or newer, or use --kind embedded")
    said = subprocess.run([path, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    if not found or int(found[1]) < OLDEST_JAVA:
        version = found[1] if found else "unknown"
        raise BrokerError(
            f"{path} is Java {version}, Kafka needs {OLDEST_JAVA} or newer: upgrade, or use --kind embedded"
        )
    return path


def fetched(cache: Path) -> Path:
    """The folder with the jars, downloading them if this cache has none.

    The download goes to a folder of its own and is renamed into place, so `libs` is whole whenever it exists,
    also when two processes fetch at once: the later one throws its copy away.
    """
    libs = _libs(cache)
    if libs.exists():
        return libs
    libs.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=libs.parent, prefix="fetching-") as scratch:
        download = Path(scratch) / "libs"
        _download(download)
        try:
            download.rename(libs)
        except OSError:
            if not libs.exists():
                raise
    return libs


def cached(cache: Path) -> bool:
    """Whether the jars are here already."""
    return _libs(cache).exists()


def _libs(cache: Path) -> Path:
    return cache / f"kafka-{pinned_version()}" / "libs"


def _download(target: Path) -> None:
    maven = shutil.which("mvn")
    if not maven:
        raise BrokerError(
            "Maven (mvn) is missing, needed once to fetch Kafka (44 MB): install it, or use --kind embedded"
        )
    command = [maven, "-q", "-B", "-f", str(DEPLOYED / "pom.xml"), "dependency:copy-dependencies"]
    try:
        done = subprocess.run(
            [*command, "-DincludeScope=runtime", f"-DoutputDirectory={target.resolve()}"],
            capture_output=True,
            text=True,
            timeout=DOWNLOAD_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BrokerError(f"fetching Kafka's jars took over {DOWNLOAD_S} s: is the network up?") from None
    if done.returncode or not any(target.glob("kafka_*.jar")):
        errors = [line for line in done.stdout.splitlines() if "ERROR" in line]
        reason = errors[0].strip() if errors else f"mvn exited {done.returncode}"
        raise BrokerError(f"fetching Kafka's jars failed, can Maven reach its repository? {reason[:300]}")
