"""A worker of the crash matrix: the product's own, with traps at its points and perhaps a guard missing."""

from collections.abc import Sequence
from pathlib import Path

from app import lifetime
from app.adapters import logs
from app.settings import load
from tests.broker.worker_process import work
from tests.chaos.agents import REGISTRY
from tests.chaos.mutants import MUTANTS
from tests.chaos.points import Trap, lay


def run(orders: Sequence[str]) -> int:
    """Run until SIGTERM. `orders`: where orders for its points are left, and mutants."""
    path, *mutants = orders
    for name in mutants:
        MUTANTS[name].patch()
    lay(Trap(Path(path)))
    settings = load()
    logs.configure(settings.log_level, settings.log_format)
    return lifetime.run(lambda: work(settings, REGISTRY))
