"""What a simulator is started with: where it listens, where its ledger goes, and its default pace."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SimulatorOptions:
    port: int = 0
    """0 takes any free port."""
    host: str = "127.0.0.1"
    ledger: Path | None = None
    latency_ms: float = 0.0
    chunk_ms: float = 0.0
    deltas: int = 10
