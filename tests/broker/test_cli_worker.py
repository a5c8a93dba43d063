"""The commands and a real worker with the offline model: what a first user does."""

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from app.brokers.broker import BrokerHandle
from streams.options import KafkaOptions
from tests.broker.deployment import Deployment

COMMAND_S = 60


@pytest.mark.timeout(240)
def test_a_worker_answers_and_what_it_did_is_seen(
    kafka: BrokerHandle, redis_url: str, topic_prefix: str, tmp_path: Path
) -> None:
    options = KafkaOptions(kafka.bootstrap, topic_prefix, 2, app_id=topic_prefix.strip("."))
    environment = {
        "PENSTOCK_KAFKA_BOOTSTRAP": kafka.bootstrap,
        "PENSTOCK_TOPIC_PREFIX": topic_prefix,
        "PENSTOCK_APP_ID": options.app_id,
        "PENSTOCK_PARTITIONS": "2",
        "PENSTOCK_REDIS_URL": redis_url,
        "PENSTOCK_MODEL_PROVIDER": "offline",
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

    with Deployment(options, redis_url, tmp_path, {"PENSTOCK_MODEL_PROVIDER": "offline"}):
        answered = run("send", "-t", "acme", "--stream", "--request-id", "r-1", "Where is order 7?")
        refused = run("send", "-t", "acme", "--json", "--agent", "nobody", "Hello?")
        reused = run("send", "-t", "acme", "--request-id", "r-1", "Something else")
        doctor = run("doctor", "--json")

    assert answered.returncode == 0, answered.stderr
    assert "rder 7" in answered.stdout
    assert "[tool lookup_order(" in answered.stderr
    assert (refused.returncode, orjson.loads(refused.stdout)["error"]["code"]) == (1, "unknown_agent")
    assert reused.returncode == 1
    assert reused.stderr.startswith("duplicate_conflict: ")
    members = {found["check"]: found["found"] for found in orjson.loads(doctor.stdout)["findings"]}["workers"]
    assert members.startswith("1 member in the group")
    usage = run("tail", "usage", "--no-follow", "--tenant", "acme", "--request", "r-1").stdout.splitlines()
    letters = run("tail", "deadletter", "--no-follow", "--code", "duplicate_conflict").stdout.splitlines()
    assert (len(usage), len(letters)) == (2, 1)
