"""How much memory a worker has with so many runs at the model at once."""

from benchmarks import worker_process
from benchmarks.lineup import Contestant
from benchmarks.terms import Terms

GATHER_S = 240.0
TENANTS = 1000


async def measure(contestant: Contestant, terms: Terms) -> float:
    """Resident MiB once `terms.gather` runs wait for the model."""
    await contestant.produce(terms, terms.gather, TENANTS)
    async with worker_process.running(contestant.module, terms, await contestant.python()) as worker:
        await worker.told("gathered", GATHER_S)
        return worker.rss_mib()
