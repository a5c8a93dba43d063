"""A real Prometheus that scrapes what a test names, once a second."""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

from tests.broker import servers

START_S = 20.0
CONFIG = """\
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
"""
JOB = """\
  - job_name: {job}
    static_configs: [{{targets: ["{target}"]}}]
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """One series of a result."""

    labels: Mapping[str, str]
    at: float
    value: float


class PrometheusServer:
    """Prometheus in a process of its own."""

    def __init__(self, folder: Path, **targets: str) -> None:
        binary = shutil.which("prometheus")
        if binary is None:
            servers.unavailable("there is no `prometheus` on the path (Debian: apt-get install prometheus)")
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "prometheus.yml"
        config.write_text(
            CONFIG + "".join(JOB.format(job=job, target=target) for job, target in targets.items())
        )
        address = f"127.0.0.1:{_free_port()}"
        self._url = f"http://{address}"
        self._process = subprocess.Popen(
            [
                str(binary),
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={address}",
                "--log.level=error",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._wait()

    def _wait(self) -> None:
        until = time.monotonic() + START_S
        while time.monotonic() < until and self._process.poll() is None:
            try:
                with urlopen(f"{self._url}/-/ready"):
                    return
            except (URLError, ConnectionError):
                time.sleep(0.1)
        self.stop()
        raise RuntimeError(f"prometheus did not become ready, exit code {self._process.returncode}")

    def query(self, expr: str, at: float | None = None) -> list[Sample]:
        """The value of an expression at one moment; raises with Prometheus' own words where it is wrong."""
        asked = {"query": expr} | ({"time": f"{at:.3f}"} if at is not None else {})
        try:
            with urlopen(f"{self._url}/api/v1/query?{urlencode(asked)}") as answer:
                result = json.load(answer)["data"]["result"]
        except URLError as error:
            words = error.read().decode() if hasattr(error, "read") else str(error)
            raise AssertionError(f"{expr}: {words}") from None
        return [_sample(one) for one in result]

    def next_scrape(self, after: float, patience_s: float = 10.0, job: str = "penstock") -> float:
        """The time of the first scrape that was seen to follow `after`."""
        until = time.monotonic() + patience_s
        while time.monotonic() < until:
            scraped = self.query(f'timestamp(penstock_build_info{{job="{job}"}})')
            if scraped and scraped[0].value > after:
                return scraped[0].value
            time.sleep(0.1)
        raise AssertionError("Prometheus does not scrape")

    def stop(self) -> None:
        """End the process."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _sample(one: dict[str, Any]) -> Sample:
    at, value = one["value"]
    return Sample(one["metric"], float(at), float(value))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
