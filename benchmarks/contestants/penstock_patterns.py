"""Contestant: Penstock's own worker with all patterns; the books, another process, are left out."""

from agents_defs.model_access import FixedAccess
from agents_defs.registry import default_registry
from app import lifetime
from app.adapters import logs
from app.worker import Worker
from benchmarks.contestants.penstock import MODEL, worker_settings
from benchmarks.pattern_model import PatternModel
from benchmarks.terms import Terms, terms_of_this_process


async def _main(terms: Terms) -> int:
    stop = await lifetime.stop_event()
    worker = Worker(
        worker_settings(terms), default_registry(patterns=True), FixedAccess(PatternModel(), MODEL)
    )
    try:
        await worker.start()
        await worker.serve(stop)
        await worker.drain()
    finally:
        await worker.stop()
    return 0


if __name__ == "__main__":
    logs.configure("info", "json")
    lifetime.run(lambda: _main(terms_of_this_process()))
