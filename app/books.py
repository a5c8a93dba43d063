"""The books in a process of their own: checks, starts, keeps them until it is told to stop."""

import asyncio
import contextlib
import gc
from dataclasses import asdict
from typing import Final

import structlog

from app import startup
from app.adapters.clock import SystemClock
from app.adapters.kafka_books import KafkaBooks
from app.books_vitals import books_health
from app.quotas import Quotas
from app.settings import Settings
from app.startup import CannotStart
from streams.book_ports import Pace
from streams.book_values import UnknownValue
from streams.books_topology import Books, BooksParts, build_books
from streams.topology import check_faust

GC_THRESHOLD = 20_000
REPORT_EVERY_S = 60.0
FINISH_S = 10.0  # for what was taken in already
STOP_S = 15.0


class BooksProcess:
    """The life of the process."""

    def __init__(self, settings: Settings, pace: Pace | None = None) -> None:
        self.options: Final = settings.stream()
        self._log = structlog.get_logger("penstock.books")
        self._kafka = KafkaBooks(self.options)
        self._quotas: Final = Quotas(settings)
        parts = BooksParts(self._kafka, self._kafka.ends, SystemClock(), pace or Pace(), self._quotas.keepers)
        self.books: Final[Books] = build_books(self.options, parts)
        self._health: Final = books_health(settings, self.books.bookkeeper, self._quotas)
        self._keeping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start, or raise CannotStart."""
        check_faust()
        await self.serve_pages()
        await startup.check_kafka(self.options.kafka)
        await self._kafka.start()
        await self._quotas.start()
        gc.collect()
        gc.freeze()
        gc.set_threshold(GC_THRESHOLD, 20, 50)
        self._keeping = asyncio.create_task(self.books.bookkeeper.run())
        await self.books.app.start()
        self._log.info("the books are kept", app_id=self.books.app.conf.id)

    async def serve_pages(self) -> str | None:
        """Where they are; None where they cannot be: another worker's books may have that port."""
        try:
            host, port = await self._health.start()
        except OSError as error:
            self._log.warning("the books are kept without pages of their own", reason=str(error))
            return None
        self._log.info("books starting", http=f"{host}:{port}")
        return f"{host}:{port}"

    async def close_pages(self) -> None:
        """Serve them no more."""
        await self._health.stop()

    async def serve(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; raises when something ended by itself."""
        assert self._keeping is not None  # noqa: S101  start() came first
        ended = asyncio.ensure_future(self.books.app.wait_until_stopped())
        stopping = asyncio.ensure_future(stop.wait())
        broken = asyncio.ensure_future(self._quotas.lifeline.broken())
        reporting = asyncio.create_task(self._report())
        try:
            parts = {ended, stopping, broken, self._keeping}
            await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            if broken.done():
                raise CannotStart(f"a part of the books died: {broken.result()!r}") from broken.result()
            if self._keeping.done():
                self._judge(self._keeping.exception())
            if not stop.is_set():
                raise CannotStart(f"the consumer ended: {self.books.app.crash_reason or 'no reason given'}")
        finally:
            for task in (ended, stopping, broken, reporting):
                task.cancel()

    @staticmethod
    def _judge(error: BaseException | None) -> None:
        if isinstance(error, UnknownValue):
            raise CannotStart(str(error)) from error
        if error is not None:
            raise error

    async def stop(self) -> None:
        """Count and publish what was taken in, commit, leave the group."""
        bookkeeper = self.books.bookkeeper
        self._health.drain()
        bookkeeper.stop()
        if self._keeping is not None:
            await asyncio.wait({self._keeping}, timeout=FINISH_S)
            self._keeping.cancel()
        for close in (self.books.app.stop, self._kafka.stop, self._quotas.stop, self.close_pages):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_S):
                    await close()
        if self._keeping is not None:
            self._log.info("the books are closed", **asdict(bookkeeper.figures))

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(REPORT_EVERY_S)
            bookkeeper = self.books.bookkeeper
            self._log.info("books", tenants=bookkeeper.tenants, **asdict(bookkeeper.figures))
