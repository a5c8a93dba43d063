"""Contestant: Penstock's own worker with everything on; only the books, another process, are left out."""

from agents_defs.model_access import FixedAccess
from agents_defs.registry import AgentSpec, Registry
from app import lifetime, settings
from app.adapters import logs
from app.worker import Worker
from benchmarks import sampling
from benchmarks.bench_agent import make_agent, make_model
from benchmarks.conversation import AGENT
from benchmarks.instant_model import GatheringModel, InstantModel
from benchmarks.terms import Terms, tell_parent, terms_of_this_process

MODEL = "bench-model"
NO_LIMIT = 1_000_000_000  # checked and counted like any other; only nobody reaches it


def worker_settings(terms: Terms) -> settings.Settings:
    """The defaults, but for where things are and how much may be in flight."""
    return settings.load(
        kafka_bootstrap=terms.bootstrap,
        redis_url=terms.redis_url,
        topic_prefix=f"{terms.name}.",
        app_id=terms.name,
        partitions=terms.partitions,
        delivery=terms.delivery,
        max_in_flight=terms.in_flight,
        requests_per_minute=NO_LIMIT,
        http_bind="127.0.0.1:0",
        books=False,
    )


def model(terms: Terms) -> InstantModel:
    """The shared model."""
    if terms.gather:
        return GatheringModel(terms.gather, lambda: tell_parent("gathered"))
    return make_model(terms)


def make_worker(terms: Terms) -> Worker:
    """A worker with one agent and the shared model."""
    registry = Registry([AgentSpec(AGENT, 1, lambda: make_agent(terms))])
    return Worker(worker_settings(terms), registry, FixedAccess(model(terms), MODEL))


async def _main(terms: Terms) -> int:
    stop = await lifetime.stop_event()
    if terms.sampled:
        sampling.offer()
    worker = make_worker(terms)
    try:
        await worker.start()
        await worker.serve(stop)
        if not terms.gather:
            await worker.drain()
    finally:
        await worker.stop()
    return 0


if __name__ == "__main__":
    logs.configure("info", "json")
    lifetime.run(lambda: _main(terms_of_this_process()))
