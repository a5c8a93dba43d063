"""Runs the embedded node: Kafka's protocol from our own code, in a process of its own, all in memory."""

import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from app.brokers import children, ports, readiness
from app.brokers.broker import BrokerHandle
from app.brokers.children import Child

READY_S = 30.0


@dataclass(frozen=True, slots=True)
class EmbeddedOptions:
    """Where the node writes its log; records stay in memory."""

    data_dir: Path
    port: int | None = None
    """None: any free one."""


class EmbeddedBroker:
    """One embedded node; what it holds ends with it."""

    def __init__(self, options: EmbeddedOptions) -> None:
        self._options = options
        self._child: Child | None = None
        self._port: int | None = None

    def start(self, *, detach: bool = False) -> BrokerHandle:
        """Start it; return once it serves."""
        self._port = ports.chosen_port(self._port or self._options.port, "--port")
        log = self._options.data_dir.resolve() / "embedded.log"
        command = [sys.executable, "-m", "app.brokers.node", "--port", str(self._port)]
        self._child = children.spawn("the embedded broker", command, log=log, detach=detach)
        bootstrap = f"{ports.LOOPBACK}:{self._port}"
        try:
            readiness.wait_until_serving(bootstrap, READY_S, self._child.require_running)
        except BaseException:
            self._child.stop()
            raise
        return BrokerHandle(
            kind="embedded",
            bootstrap=bootstrap,
            version=version("penstock"),
            pids=(self._child.pid,),
            data_dir=log.parent,
            log=log,
            keeps_data=False,
        )

    def stop(self) -> None:
        """End it in order."""
        if self._child:
            self._child.stop()

    def kill(self) -> None:
        """SIGKILL it, as a crash would."""
        if self._child:
            self._child.kill()

    def restart(self) -> BrokerHandle:
        """Start it again, on the same port, empty."""
        self.stop()
        return self.start()
