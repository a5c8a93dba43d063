"""Gauge of the MCP servers of this worker, read when Prometheus asks."""

from collections.abc import Iterable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from agents_defs.mcp.connections import McpServers


@dataclass(frozen=True, slots=True, eq=False)
class McpGauge(Collector):
    """Those that are declared, by name: nobody else can add one."""

    servers: McpServers

    def collect(self) -> Iterable[Metric]:
        """One sample each."""
        family = GaugeMetricFamily(
            "penstock_mcp_server_up", "Whether this worker is connected to an MCP server.", labels=("server",)
        )
        for server, trouble in self.servers.troubles.items():
            family.add_metric((server,), float(trouble is None))
        yield family


def watch_mcp(registry: CollectorRegistry, servers: McpServers) -> None:
    """Have it on /metrics."""
    registry.register(McpGauge(servers))
