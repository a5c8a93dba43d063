"""Journals, sessions and decided outcomes in Redis: each call is one atomic script, fenced by the marker."""

from collections.abc import Mapping
from typing import Final

from app.adapters.memory_seal import Seal, Unreadable
from app.adapters.redis_batch import RedisBatch, script
from app.adapters.redis_claims import outcome_place
from app.adapters.redis_lines import Argument
from app.adapters.redis_marker import held_by
from app.adapters.redis_run_calls import DAY_MS, RedisRunCalls
from app.adapters.session_turns import conversation, turn_begins, turn_bytes
from streams.policy.gates import NOTHING_SPENT, Spending
from streams.policy.session_size import MOST_BYTES
from streams.ports import Begun, RunKey, SessionTurn, StoreUnavailable, Told

BEGIN: Final = script("run", "begin", joined=True)
RECORD: Final = script("run", "record", joined=True)
DECIDE: Final = script("gates", "run", "decide", joined=True)
LEAVE: Final = script("gates", "run", "leave", joined=True)
KEEP: Final = script("run", "keep", joined=True)

STREAM_S_OWN: Final = b"@"
RUN: Final = b"@run:"


class RedisRuns(RedisRunCalls):
    """The run store of a deployment."""

    def __init__(
        self,
        batch: RedisBatch,
        app_id: str,
        idempotency_days: int,
        session_days: int,
        seal: Seal | None = None,
        session_bytes: int = MOST_BYTES,
    ) -> None:
        super().__init__(batch, app_id, idempotency_days)
        self._session_bytes: Final = session_bytes
        self._session_ms = session_days * DAY_MS
        self._seal = seal or Seal()

    async def begin(self, run: RunKey, agent_version: int, session_id: str | None) -> Begun:
        """An attempt begins: it counts as crashed until `decide` or `leave`."""
        args = (
            held_by(run.attempt, run.token),
            _attempt(run),
            run.generation,
            self._horizon_ms,
            agent_version,
            session_id or "",
            _own(run) if session_id else b"",
        )
        flat, read, turns = await self._call(BEGIN, run, self._with_session(run, session_id), args)
        fields = dict(zip(flat[::2], flat[1::2], strict=True))
        try:
            entries = self._entries(run, fields)
            items = conversation(self._seal, (run.tenant_id, session_id or ""), turns)
        except Unreadable as error:  # whoever puts the key back finds all as it was
            raise StoreUnavailable(str(error)) from error
        return Begun(
            entries=entries,
            session_items=items,
            session_lost=len(turns) < read,
            agent_version=int(fields[b"@version"]),
            crashes=_crashes(fields, _attempt(run)),
            turns_out=int(fields.get(b"@out", 0)),
        )

    async def record(self, run: RunKey, told: Told, turns_out: int) -> None:
        """Add to the journal."""
        args = (held_by(run.attempt, run.token), self._horizon_ms, turns_out, *self._told(run, told))
        await self._call(RECORD, run, self._own_keys(run), args)

    async def decide(
        self, run: RunKey, outcome: bytes, turn: SessionTurn | None, spent: Spending = NOTHING_SPENT
    ) -> None:
        """This is the outcome of the request; its turn is added to the session."""
        args = (
            held_by(run.attempt, run.token),
            _attempt(run),
            run.generation,
            self._horizon_ms,
            self._seal.seal(outcome, *outcome_place(run)) if self._seal.on else outcome,
            turn_bytes(self._seal, run, turn) if turn else b"",
            _own(run) if turn else b"",
            self._session_ms if turn is None or turn.ttl_s is None else round(turn.ttl_s * 1000),
            self._session_bytes,
            spent.tokens,
            spent.nano_usd,
            spent.runs,
            spent.requests,
        )
        await self._call(DECIDE, run, self._with_session(run, turn.session_id if turn else None), args)

    async def leave(self, run: RunKey, keep_s: float, spent: Spending = NOTHING_SPENT) -> None:
        """The attempt stops in order, without an outcome; all it needs is kept at least that long."""
        keep_ms = round(keep_s * 1000)
        whose = (held_by(run.attempt, run.token), _attempt(run))
        args = (*whose, keep_ms, self._horizon_ms, run.generation, spent.tokens, spent.nano_usd)
        session: bytes = await self._call(LEAVE, run, self._own_keys(run), args)
        if session:
            session_id = session.split(b":", 1)[1].decode()
            await self._batch.call(KEEP, (self._keys.session(run.tenant_id, session_id),), (keep_ms,))

    def _told(self, run: RunKey, told: Told) -> tuple[Argument, ...]:
        """As `record.lua` reads it."""
        added: list[Argument] = []
        removed: list[Argument] = []
        for name, value in told.entries.items():
            if value is None:
                removed.append(_written(name))
            else:
                sealed = self._seal.seal(value, *_place(run, name)) if self._seal.on else value
                added += (_written(name), sealed)
        opens = (told.opens or "", _attempt(run))
        return (*opens, len(added) // 2, len(removed), *added, *removed)

    def _entries(self, run: RunKey, fields: Mapping[bytes, bytes]) -> dict[str, bytes]:
        named = {_read(name): value for name, value in fields.items() if name[:1] != STREAM_S_OWN}
        return {name: self._seal.open(value, *_place(run, name)) for name, value in named.items()}

    def _with_session(self, run: RunKey, session_id: str | None) -> tuple[str, str, str]:
        marker, journal = self._own_keys(run)
        # Without a session its place is taken by a key of the same slot, which is not touched.
        return marker, journal, self._keys.session(run.tenant_id, session_id) if session_id else journal


def _attempt(run: RunKey) -> str:
    return f"{run.generation}.{run.attempt}"


def _place(run: RunKey, name: str) -> tuple[str, ...]:
    return "entry", run.tenant_id, run.request_id, name


def _written(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")  # a model may have had a part in it, which says half letters


def _read(name: bytes) -> str:
    return name.decode("utf-8", "surrogatepass")


def _crashes(fields: Mapping[bytes, bytes], present: str) -> int:
    """Attempts other than this one that began and did not end."""
    own = RUN + present.encode()
    return sum(name.startswith(RUN) and value == b"begun" for name, value in fields.items() if name != own)


def _own(run: RunKey) -> bytes:
    """How a turn begins that an earlier attempt may have left behind; a replay's stands for itself."""
    return b"" if run.generation else turn_begins(run)
