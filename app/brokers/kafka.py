"""Runs real Apache Kafka: one KRaft node from Maven Central's jars."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from app.brokers import children, jars, ports, readiness
from app.brokers.broker import BrokerError, BrokerHandle
from app.brokers.children import Child

CLUSTER_ID = "UGVuc3RvY2stS2Fma2EtMQ"
READY_S = 60.0
FORMAT_S = 60.0


@dataclass(frozen=True, slots=True)
class KafkaOptions:
    """Where the node lives and how large it is."""

    data_dir: Path
    cache: Path = Path(".penstock")
    port: int | None = None
    """None: any free one."""
    heap_mb: int = 512
    rebalance_delay_ms: int = 0
    """How long an empty group waits for more members; 0 makes a lone worker ready at once."""
    short_lived: bool = False
    """Compile less: half the start time, lower throughput. For tests."""


class KafkaBroker:
    """One real Kafka node, which tests may also crash and bring back."""

    def __init__(self, options: KafkaOptions) -> None:
        self._options = options
        self._child: Child | None = None
        self._port: int | None = None

    def start(self, *, detach: bool = False) -> BrokerHandle:
        """Fetch, format and start it; return once it serves."""
        java = jars.java()
        self._port = ports.chosen_port(self._port or self._options.port, "--port")
        libs = jars.fetched(self._options.cache)
        properties = self._write_properties()
        java_with_classes = [java, *self._java_options(), "-cp", f"{jars.DEPLOYED}:{libs.resolve()}/*"]
        self._format(java_with_classes, properties)
        log = self._home / "kafka.log"
        command = [*java_with_classes, "kafka.Kafka", str(properties)]
        self._child = children.spawn("kafka", command, log=log, detach=detach)
        bootstrap = f"{ports.LOOPBACK}:{self._port}"
        try:
            readiness.wait_until_serving(bootstrap, READY_S, self._child.require_running)
        except BaseException:
            self._child.stop()
            raise
        return BrokerHandle(
            kind="kafka",
            bootstrap=bootstrap,
            version=jars.pinned_version(),
            pids=(self._child.pid,),
            data_dir=self._home,
            log=log,
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
        """Start it again, on the same port and data; `stop` or `kill` it first to choose how it went down."""
        self.stop()
        return self.start()

    @property
    def _home(self) -> Path:
        return self._options.data_dir.resolve()

    def _java_options(self) -> list[str]:
        quick = ["-XX:TieredStopAtLevel=1"] if self._options.short_lived else []
        return [f"-Xmx{self._options.heap_mb}m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError", *quick]

    def _write_properties(self) -> Path:
        self._home.mkdir(parents=True, exist_ok=True)
        controller = ports.free_port()
        here = {
            "controller.quorum.voters": f"1@{ports.LOOPBACK}:{controller}",
            "listeners": f"PLAINTEXT://{ports.LOOPBACK}:{self._port},CONTROLLER://{ports.LOOPBACK}:{controller}",
            "advertised.listeners": f"PLAINTEXT://{ports.LOOPBACK}:{self._port}",
            "log.dirs": str(self._home / "log"),
            "group.initial.rebalance.delay.ms": str(self._options.rebalance_delay_ms),
        }
        properties = self._home / "server.properties"
        fixed = (jars.DEPLOYED / "server.properties").read_text()
        properties.write_text(fixed + "".join(f"{name}={value}\n" for name, value in here.items()))
        return properties

    def _format(self, java_with_classes: list[str], properties: Path) -> None:
        if (self._home / "log" / "meta.properties").exists():
            return
        tool = ["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(properties)]
        try:
            done = subprocess.run(
                [*java_with_classes, *tool], capture_output=True, text=True, timeout=FORMAT_S, check=False
            )
        except subprocess.TimeoutExpired:
            raise BrokerError(f"formatting {self._home} took over {FORMAT_S:.0f} s") from None
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
            raise BrokerError(f"cannot format {self._home} for Kafka: {said[-1]}")
