"""An agent from `penstock new agent` to its answer through Kafka, and its changes while the worker runs."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from app.brokers.broker import BrokerHandle
from app.brokers.ports import free_port
from streams.options import KafkaOptions
from tests.broker.deployment import Deployment

COMMAND_S = 60
PATIENCE_S = 60.0
TENANT = ("--tenant", "acme")


def until(holds: Callable[[], bool], what: str) -> None:
    """Waits, and not for ever."""
    ends = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < ends, what
        time.sleep(0.2)


@pytest.mark.timeout(300)
def test_a_new_agent_is_probed_and_its_changes_are_loaded(
    kafka: BrokerHandle, redis_url: str, topic_prefix: str, tmp_path: Path
) -> None:
    options = KafkaOptions(kafka.bootstrap, topic_prefix, 2, app_id=topic_prefix.strip("."))
    agents = tmp_path / "mine"
    environment = {
        "PENSTOCK_KAFKA_BOOTSTRAP": kafka.bootstrap,
        "PENSTOCK_TOPIC_PREFIX": topic_prefix,
        "PENSTOCK_APP_ID": options.app_id,
        "PENSTOCK_PARTITIONS": "2",
        "PENSTOCK_MODEL_PROVIDER": "offline",
        "PENSTOCK_AGENTS_DIR": str(agents),
    }

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "app", *words],
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )

    def version_of_answer() -> int | None:
        probed = run("agents", "probe", "weather", *TENANT, "--json", "--timeout", "30s")
        version: int | None = orjson.loads(probed.stdout)["agent_version"] if probed.stdout else None
        return version

    agents.mkdir()
    made = run("new", "agent", "weather", "--dir", str(agents))
    settings = {
        "PENSTOCK_MODEL_PROVIDER": "offline",
        "PENSTOCK_AGENTS_DIR": str(agents),
        "PENSTOCK_SESSION_TIMEOUT_S": "6",
        "PENSTOCK_HTTP_BIND": f"127.0.0.1:{free_port()}",  # the same when it starts anew
    }
    with Deployment(options, redis_url, tmp_path, settings, ("--reload",)) as deployment:
        probed = run("agents", "probe", "weather", *TENANT)
        unknown = run("agents", "probe", "nobody", *TENANT, "--json")
        file = agents / "weather.py"
        good = file.read_text()
        file.write_text(good.replace("version=1", "version=2"))
        until(lambda: version_of_answer() == 2, "the new version does not answer")
        file.write_text("SPEC = (\n")
        until(lambda: "the old ones stay in force" in deployment.log, "nobody says that it cannot be loaded")
        after_a_broken_file = version_of_answer()
        log = deployment.log
    silent = run("agents", "probe", "weather", *TENANT, "--timeout", "2s")

    assert made.returncode == 0, made.stderr
    assert probed.returncode == 0, probed.stderr
    assert [line.split()[0] for line in probed.stdout.splitlines()] == ["queued", "run", "total"]
    assert "weather@1" in probed.stderr
    assert unknown.returncode == 1
    assert orjson.loads(unknown.stdout)["error"].startswith("unknown_agent: ")
    assert after_a_broken_file == 2
    assert "weather.py cannot be imported: SyntaxError" in log
    assert silent.returncode == 1
    assert "weather did not answer within 2.0 s" in silent.stderr
