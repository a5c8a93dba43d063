"""Sessions in a SQL database: each turn stands there once, marked by its request and generation."""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import orjson
from sqlalchemy import Connection, Row, and_, delete, func, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.sql.elements import ColumnElement

from agents_defs.database import Database
from app.adapters.memory_seal import Seal, Unreadable
from app.adapters.session_turns import Items, items_bytes
from app.adapters.session_values import SessionRow, StoredTurn
from app.adapters.sql_tables import SESSIONS, TABLES, TURNS
from streams.policy.session_size import MOST_BYTES, leaving
from streams.ports import Recalled, RunKey, SessionTurn, StoreUnavailable
from streams.session_marks import SessionMark

T = TypeVar("T")
Whose = tuple[str, str]  # tenant and session
AT_ONCE: Final = 200
GONE: Final = b"[]"  # all that stands of a turn that has left: who adds it again, late, finds it marked
LATE_S: Final = 7 * 86_400.0
HERE: Final = func.length(TURNS.c["items"]) > len(GONE)


class SqlSessions:
    """Of a deployment. All of it happens in threads of the database's own."""

    def __init__(
        self,
        database: Database,
        app_id: str,
        ttl_s: float,
        now: Callable[[], float],
        seal: Seal,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._database: Final = database
        self._app_id: Final = app_id
        self._ttl_s: Final = ttl_s
        self._now: Final = now  # seconds since 1970
        self._seal: Final = seal
        self._most_bytes: Final = most_bytes
        self._made = False

    async def read(self, run: RunKey, session_id: str, mark: SessionMark | None) -> Recalled:
        """The session as it is, without what this run may have added; or with a mark, as it was then."""
        return await self._asked(self._read, run, session_id, mark)

    async def add(self, run: RunKey, turn: SessionTurn, mark: SessionMark) -> None:
        """Once for each request and generation. Not to a session that was deleted since the mark was made."""
        await self._asked(self._add, run, turn, mark)

    async def sessions(self, tenant_id: str | None) -> Sequence[SessionRow]:
        """All there are, of one tenant or of all."""
        return await self._asked(self._sessions, tenant_id)

    async def turns(self, tenant_id: str, session_id: str) -> Sequence[StoredTurn]:
        """All of it, also what was said before it was put together anew."""
        return await self._asked(self._turns, (tenant_id, session_id))

    async def delete(self, tenant_id: str, session_id: str) -> int:
        """How many turns are gone. What runs that began before would add is not added any more."""
        return await self._asked(self._delete, (tenant_id, session_id))

    async def clean(self, before: float) -> int:
        """Forget sessions to which nothing was added since; how many those were."""
        return await self._asked(self._clean, before)

    def close(self) -> None:
        """Waits for what is under way."""
        self._database.close()

    async def reseal(self) -> int:
        """How many turns were sealed with an older key, or not at all; now the first one seals them."""
        count, after = 0, 0
        while True:
            some, last = await self._asked(self._reseal, after)
            count += some
            if last is None:
                return count
            after = last

    async def check(self) -> None:
        """Raises StoreUnavailable."""
        await self._asked(lambda: None)

    async def _asked(self, work: Callable[..., T], *arguments: Any) -> T:
        try:
            return await self._database.in_thread(self._prepared, work, *arguments)
        except (SQLAlchemyError, OSError, Unreadable) as error:
            said = str(error).partition("\n")[0]
            raise StoreUnavailable(f"sessions: {said}") from error

    def _prepared(self, work: Callable[..., T], *arguments: Any) -> T:
        if not self._made:
            with self._database.preparing() as books:
                TABLES.create_all(books)
            self._made = True
        return work(*arguments)

    # -- in a thread

    def _read(self, run: RunKey, session_id: str, mark: SessionMark | None) -> Recalled:
        whose = (run.tenant_id, session_id)
        with self._database.reading() as books:
            row = self._row(books, whose)
            epoch = 0 if row is None else row.epoch
            if mark is not None and mark.epoch != epoch:
                return Recalled([], mark, lost=mark.turns > 0)
            if row is None or (mark is None and row.expires_at <= self._now()):
                return Recalled(
                    [], mark or SessionMark(epoch, 0, 0), lost=mark is not None and mark.turns > 0
                )
            own = and_(TURNS.c.request_id == written(run.request_id), TURNS.c.generation == run.generation)
            wanted = ~own if mark is None else and_(TURNS.c.turn_id <= mark.upto, ~own)
            turns = books.execute(self._of(whose, wanted)).all()
        if mark is None:
            mark = SessionMark(epoch, turns[-1].turn_id if turns else 0, len(turns))
        return Recalled(self._told(whose, turns), mark, lost=len(turns) < mark.turns)

    def _add(self, run: RunKey, turn: SessionTurn, mark: SessionMark) -> None:
        whose, now = (run.tenant_id, turn.session_id), self._now()
        place = _place(whose, run.request_id, run.generation)
        sealed = self._seal.seal(items_bytes(turn.items), *place)
        with self._database.writing() as books:
            row = self._locked(books, whose, mark.epoch, now)
            if row.epoch != mark.epoch:
                return  # it was deleted since: nothing of before comes back
            if row.expires_at <= now:
                books.execute(delete(TURNS).where(_is(TURNS, self._app_id, whose)))
            added = {
                "request_id": written(run.request_id),
                "generation": run.generation,
                "anew": turn.anew,
                "added_at": now,
                "items": sealed,
            }
            self._database.insert_new(books, TURNS, _named(self._app_id, whose) | added)
            self._shorten(books, whose, now)
            ttl_s = self._ttl_s if turn.ttl_s is None else turn.ttl_s
            books.execute(
                update(SESSIONS)
                .where(_is(SESSIONS, self._app_id, whose))
                .values(touched_at=now, expires_at=now + ttl_s)
            )

    def _shorten(self, books: Connection, whose: Whose, now: float) -> None:
        size, here = func.length(TURNS.c["items"]), and_(_is(TURNS, self._app_id, whose), HERE)
        if (books.execute(select(func.sum(size)).where(here)).scalar() or 0) <= self._most_bytes:
            return
        turns = books.execute(select(TURNS.c.turn_id, size).where(here).order_by(TURNS.c.turn_id)).all()
        first = turns[leaving([one[1] for one in turns], self._most_bytes)].turn_id
        older = and_(_is(TURNS, self._app_id, whose), TURNS.c.turn_id < first)
        books.execute(update(TURNS).where(older, HERE).values(items=GONE, anew=False))
        books.execute(delete(TURNS).where(older, TURNS.c.added_at < now - LATE_S))

    def _sessions(self, tenant_id: str | None) -> Sequence[SessionRow]:
        count = func.count(TURNS.c.turn_id)
        joined = SESSIONS.join(
            TURNS,
            and_(*(SESSIONS.c[name] == TURNS.c[name] for name in ("app_id", "tenant_id", "session_id"))),
        )
        wanted = (
            select(
                SESSIONS.c.tenant_id,
                SESSIONS.c.session_id,
                SESSIONS.c.touched_at,
                SESSIONS.c.expires_at,
                count.label("turns"),
            )
            .select_from(joined)
            .where(SESSIONS.c.app_id == self._app_id, HERE)
            .group_by(
                SESSIONS.c.tenant_id, SESSIONS.c.session_id, SESSIONS.c.touched_at, SESSIONS.c.expires_at
            )
        )
        if tenant_id is not None:
            wanted = wanted.where(SESSIONS.c.tenant_id == tenant_id)
        with self._database.reading() as books:
            return [
                SessionRow("sql", one.tenant_id, read_back(one.session_id), one.turns, one.expires_at)
                for one in books.execute(wanted)
            ]

    def _turns(self, whose: Whose) -> Sequence[StoredTurn]:
        with self._database.reading() as books:
            rows = books.execute(self._of(whose)).all()
        return [
            StoredTurn("sql", read_back(one.request_id), self._items(whose, one), one.anew, one.added_at)
            for one in rows
        ]

    def _delete(self, whose: Whose) -> int:
        with self._database.writing() as books:
            row = self._locked(books, whose, 0, self._now())
            of_whose = _is(TURNS, self._app_id, whose)
            gone = books.execute(delete(TURNS).where(of_whose, HERE)).rowcount
            books.execute(delete(TURNS).where(of_whose))
            books.execute(
                update(SESSIONS)
                .where(_is(SESSIONS, self._app_id, whose))
                .values(epoch=row.epoch + 1, touched_at=self._now(), expires_at=self._now())
            )
            return int(gone)

    def _clean(self, before: float) -> int:
        old = and_(SESSIONS.c.app_id == self._app_id, SESSIONS.c.touched_at < before)
        count = 0
        with self._database.writing() as books:
            for row in books.execute(select(SESSIONS).where(old).with_for_update()).all():
                whose = (row.tenant_id, read_back(row.session_id))
                gone = books.execute(delete(TURNS).where(_is(TURNS, self._app_id, whose))).rowcount
                books.execute(delete(SESSIONS).where(_is(SESSIONS, self._app_id, whose)))
                count += gone > 0  # of one that was deleted only its mark is left
        return count

    def _reseal(self, after: int) -> tuple[int, int | None]:
        """Of the next turns; returns also the last of them, None where there are no more."""
        count, last = 0, None
        wanted = select(TURNS).where(TURNS.c.app_id == self._app_id, TURNS.c.turn_id > after, HERE)
        with self._database.writing() as books:
            for row in books.execute(wanted.order_by(TURNS.c.turn_id).limit(AT_ONCE)).all():
                last = row.turn_id
                if self._seal.is_new(row.items):
                    continue
                whose = (row.tenant_id, read_back(row.session_id))
                place = _place(whose, read_back(row.request_id), row.generation)
                new = self._seal.seal(self._seal.open(row.items, *place), *place)
                books.execute(update(TURNS).where(TURNS.c.turn_id == last).values(items=new))
                count += 1
        return count, last

    def _locked(self, books: Connection, whose: Whose, epoch: int, now: float) -> "Row[Any]":
        """The session's row, which nobody else writes until this is done."""
        new = {"epoch": epoch, "touched_at": now, "expires_at": now + self._ttl_s}
        self._database.insert_new(books, SESSIONS, _named(self._app_id, whose) | new)
        return books.execute(
            select(SESSIONS).where(_is(SESSIONS, self._app_id, whose)).with_for_update()
        ).one()

    def _row(self, books: Connection, whose: Whose) -> "Row[Any] | None":
        return books.execute(select(SESSIONS).where(_is(SESSIONS, self._app_id, whose))).one_or_none()

    def _of(self, whose: Whose, *more: ColumnElement[bool]) -> Any:
        return select(TURNS).where(_is(TURNS, self._app_id, whose), HERE, *more).order_by(TURNS.c.turn_id)

    def _told(self, whose: Whose, turns: Sequence["Row[Any]"]) -> Items:
        """What a model is told of these: all since the conversation was last put together anew."""
        first = next((number for number in reversed(range(len(turns))) if turns[number].anew), 0)
        return [item for one in turns[first:] for item in self._items(whose, one)]

    def _items(self, whose: Whose, row: "Row[Any]") -> Items:
        place = _place(whose, read_back(row.request_id), row.generation)
        items: Items = orjson.loads(self._seal.open(row.items, *place))
        return items


def _place(whose: Whose, request_id: str, generation: int) -> tuple[str, ...]:
    return "sql-turn", *whose, request_id, str(generation)


def _named(app_id: str, whose: Whose) -> dict[str, Any]:
    return {"app_id": app_id, "tenant_id": whose[0], "session_id": written(whose[1])}


def _is(table: Any, app_id: str, whose: Whose) -> ColumnElement[bool]:
    return and_(*(table.c[name] == value for name, value in _named(app_id, whose).items()))


def written(text: str) -> str:
    """Producers choose ids, and PostgreSQL takes no NUL in a text."""
    return text.replace("\\", "\\\\").replace("\0", "\\0")


def read_back(text: str) -> str:
    """The id again."""
    return "\\".join(part.replace("\\0", "\0") for part in text.split("\\\\"))
