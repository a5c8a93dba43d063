"""The database of the example tools: SQLite or PostgreSQL, asked in threads of its own."""

from __future__ import annotations

import asyncio
import contextvars
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from sqlalchemy import create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, Table
    from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
    from sqlalchemy.dialects.sqlite import Insert as LiteInsert
    from sqlalchemy.engine import URL

P = ParamSpec("P")
T = TypeVar("T")

IN_MEMORY = "sqlite://"
CONNECTIONS = 4
WAIT_S = 5.0
"""For a connection, a lock and a statement."""
_WRITES = "penstock_writes"
_PREPARING = 7_051_926  # any number that nobody else locks in this database


class BadDatabase(ValueError):
    """A URL that names no database we can use; the message does not repeat it: it may hold a password."""


class Database:
    """Each `reading` and `writing` is one transaction. `in_thread` keeps all that off the event loop."""

    def __init__(self, url: str = IN_MEMORY) -> None:
        parsed = _parsed(url)
        self.dialect = parsed.get_backend_name()
        self.in_memory = self.dialect == "sqlite" and parsed.database in {None, "", ":memory:"}
        # A database in memory is its connection: there can be only one.
        connections = 1 if self.in_memory else CONNECTIONS
        self.engine = _engine(parsed, connections)
        self._threads = ThreadPoolExecutor(connections, thread_name_prefix="penstock-database")

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with self.engine.connect() as books:
            yield books

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Committed at its end, rolled back where it raises. In SQLite nobody else writes meanwhile."""
        with self.engine.connect() as unmarked:
            books = unmarked.execution_options(**{_WRITES: True})
            with books.begin():
                yield books

    @contextmanager
    def preparing(self) -> Iterator[Connection]:
        """A transaction that makes tables: of workers that start together one does, the others wait."""
        with self.writing() as books:
            if self.dialect != "sqlite":
                books.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_PREPARING})")
            yield books

    def insert_new(self, books: Connection, table: Table, row: dict[str, Any]) -> bool:
        """Inserts a row, or leaves the one alone that has its key; returns whether it was new.

        Who inserts the same at the same time waits here until this transaction has ended.
        """
        into = self._dialect_insert(table).on_conflict_do_nothing().values(row)
        # What it returns, not a count of rows: drivers count differently.
        return books.execute(into.returning(table.c.tenant_id)).first() is not None

    def _dialect_insert(self, table: Table) -> LiteInsert | PostgresInsert:
        if self.dialect == "sqlite":
            from sqlalchemy.dialects import sqlite

            return sqlite.insert(table)
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)

    async def in_thread(self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Does it in a thread. Who is cancelled stops waiting; what has begun ends by itself."""
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: context.run(work, *arguments, **named))

    def close(self) -> None:
        """Waits for what is under way, then closes all connections."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        self.engine.dispose()


def is_away(error: BaseException) -> bool:
    """Whether it is the database that failed, not what was asked of it."""
    return isinstance(error, SQLAlchemyError | sqlite3.Error)


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise BadDatabase("no URL of a database, such as sqlite:///shop.db") from None
    if parsed.drivername in {"postgresql", "postgres"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in {"sqlite", "postgresql+psycopg"}:
        raise BadDatabase(f"{parsed.drivername}: use sqlite:///<file> or postgresql://<host>/<database>")
    return parsed


def _engine(url: URL, connections: int) -> Engine:
    lite = url.get_backend_name() == "sqlite"
    arguments: dict[str, Any] = (
        {"check_same_thread": False, "timeout": WAIT_S}
        if lite
        else {"connect_timeout": int(WAIT_S), "options": f"-c statement_timeout={int(WAIT_S * 1000)}"}
    )
    try:
        engine = create_engine(
            url,
            poolclass=QueuePool,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=WAIT_S,
            pool_pre_ping=not lite,
            connect_args=arguments,
        )
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise BadDatabase("PostgreSQL needs psycopg: install penstock[postgresql]") from error
    if lite:
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
    """The driver's own transactions begin too late: only with the first write."""
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(
        "PRAGMA synchronous = FULL"
    )  # what was told to be done is done, also after a power cut


def _begin(books: Connection) -> None:
    writes = books.get_execution_options().get(_WRITES)
    books.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
