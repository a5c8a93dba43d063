"""What can be seen of the books from outside: their metrics and their health, put together."""

from importlib.metadata import version
from typing import Final

from prometheus_client import CollectorRegistry

from app.adapters.checks import Progress, books_check, kafka_check, plans_check, redis_check
from app.adapters.clock import SystemClock
from app.adapters.health import Checks, Health, Whose
from app.adapters.prometheus_books import watch_books, watch_process
from app.quotas import Quotas
from app.settings import Settings
from streams.bookkeeper import Bookkeeper

STALL_S: Final = 300.0  # whoever has something to count and everything that it needs counts it within seconds
THE_BOOKS: Final = Whose(
    setting="PENSTOCK_BOOKS_HTTP_BIND",
    stopping="the books are being closed",
    held_up="the books were held up",
)


def books_health(settings: Settings, bookkeeper: Bookkeeper, quotas: Quotas) -> Health:
    """To be started; these are its parts, which need not be started yet."""
    clock, registry, ours = SystemClock(), CollectorRegistry(), version("penstock")
    watch_books(registry, bookkeeper, quotas.keepers, lambda: clock.at().timestamp() * 1000)
    watch_process(registry, ours)
    ready: Checks = {
        "partitions": books_check(bookkeeper),
        "kafka": kafka_check(lambda: bookkeeper.kafka_answers),
        "redis": redis_check(quotas.redis),
        "plans": plans_check(lambda: quotas.plans_known),
    }
    figures = bookkeeper.figures
    progress = Progress(
        clock.now,
        seen=lambda: figures.counted + figures.late + figures.repeated + figures.unreadable,
        work=lambda: bookkeeper.pending,
        needs=ready.values(),
        stall_s=STALL_S,
    )
    return Health(settings.books_http_address, ready, {"progress": progress.check}, registry, ours, THE_BOOKS)
