"""The doctor on a deployment that is well, and on one that is not."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from app.brokers.broker import BrokerHandle
from tests.doubles import mcp_program

pytestmark = pytest.mark.broker


def run(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        env={**os.environ, "PENSTOCK_MODEL_PROVIDER": "offline", **environment},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def verdicts(printed: str) -> dict[str, Any]:
    return {found["check"]: found["verdict"] for found in orjson.loads(printed)["findings"]}


@pytest.fixture
def environment(kafka: BrokerHandle, redis_url: str, topic_prefix: str) -> dict[str, str]:
    return {
        "PENSTOCK_KAFKA_BOOTSTRAP": kafka.bootstrap,
        "PENSTOCK_REDIS_URL": redis_url,
        "PENSTOCK_TOPIC_PREFIX": topic_prefix,
        "PENSTOCK_APP_ID": topic_prefix.strip("."),
        "PENSTOCK_PARTITIONS": "2",
    }


def test_a_deployment_without_topics_is_sent_to_create_them(environment: dict[str, str]) -> None:
    before = run("doctor", "--json", environment=environment)
    created = run("topics", "create", environment=environment)
    after = run("doctor", "--json", environment=environment)

    assert (before.returncode, verdicts(before.stdout)["topics"]) == (1, "fail")
    assert created.returncode == 0, created.stderr
    assert after.returncode == 0, after.stdout
    found = verdicts(after.stdout)
    assert {"broker", "topics", "retention", "offsets retention", "redis", "model"} <= found.keys()
    assert [found[check] for check in ("transactions", "broker clock", "redis clock")] == ["ok"] * 3


def test_another_number_of_partitions_is_a_failure(environment: dict[str, str]) -> None:
    run("topics", "create", environment=environment)

    found = run("doctor", "--json", environment={**environment, "PENSTOCK_PARTITIONS": "3"})

    assert (found.returncode, verdicts(found.stdout)["topics"]) == (1, "fail")


def test_nobody_there_is_told_without_a_traceback() -> None:
    nobody = {"PENSTOCK_KAFKA_BOOTSTRAP": "127.0.0.1:9", "PENSTOCK_REDIS_URL": "redis://127.0.0.1:9/0"}

    found = run("doctor", environment=nobody)

    assert found.returncode == 1
    assert "PENSTOCK_REDIS_URL" in found.stdout
    assert "penstock broker start" in found.stdout
    assert "Traceback" not in found.stdout + found.stderr


def test_each_mcp_server_is_opened_and_told(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    program = {"command": sys.executable, "args": [str(Path(mcp_program.__file__)), str(notes)]}
    servers = [{"name": "notes", **program}, {"name": "files", "command": "/nonexistent/program"}]
    file = tmp_path / "mcp.yaml"
    file.write_text(yaml.safe_dump({"servers": servers}))
    nobody = {"PENSTOCK_KAFKA_BOOTSTRAP": "127.0.0.1:9", "PENSTOCK_REDIS_URL": "redis://127.0.0.1:9/0"}

    printed = run("doctor", "--json", environment={**nobody, "PENSTOCK_MCP_FILE": str(file)})

    found = [one for one in orjson.loads(printed.stdout)["findings"] if one["check"] == "mcp"]
    assert [one["verdict"] for one in found] == ["fail", "ok"]
    assert found[0]["found"] == "files: there is no program /nonexistent/program"
    assert found[1]["found"].startswith("notes (")
    assert notes.read_text().startswith("started")
