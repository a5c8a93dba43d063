"""What is told of a worker's MCP servers: on /readyz, in its metrics, and of agents that are not there."""

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from agents_defs.mcp.connections import McpServers
from agents_defs.mcp.declared import McpServer
from agents_defs.registry import Registry
from app.adapters.health import Check
from app.mcp_file import McpFile
from app.mcp_servers import WorkerServers
from app.startup import CannotStart
from tests.doubles.mcp_servers import until
from tests.doubles.recorded_runs import plain_agent, spec_of

AWAY = McpServer(name="wiki", command="/nonexistent/program", agents=("tested",))


async def test_a_worker_is_ready_without_them_and_says_so() -> None:
    servers, metrics = McpServers(), CollectorRegistry()
    agents = Registry([spec_of(plain_agent)])
    worker = WorkerServers(servers, McpFile((AWAY,), Path()), agents)
    ask = worker.watched(metrics)["mcp servers"]

    worker.start()
    await until(lambda: servers.troubles["wiki"] == "there is no program /nonexistent/program")

    assert ask() == Check(True, "0 of 1 connected; away: wiki")
    assert metrics.get_sample_value("penstock_mcp_server_up", {"server": "wiki"}) == 0
    await worker.close()


def test_who_has_none_says_so() -> None:
    metrics = CollectorRegistry()

    checks = WorkerServers(McpServers(), McpFile(), Registry()).watched(metrics)

    assert checks["mcp servers"]() == Check(True, "none")


def test_a_server_for_an_agent_that_nobody_registered_is_told_at_the_start() -> None:
    with pytest.raises(CannotStart, match="no agent is called tested"):
        WorkerServers(McpServers(), McpFile((AWAY,)), Registry())
