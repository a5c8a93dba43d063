"""Dead letters: which ones are wanted, and the newest of them, in bounded memory. No I/O."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from app.client.record_filter import Raw
from app.operators.id_prefixes import is_meant
from app.operators.skipped import Skipped
from schemas.codec import Undecodable, decode, decode_object
from schemas.dead_letters import DeadLetter, Original
from schemas.failures import Stage


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter, where it stands, and its record's key: its tenant, or what the source record had."""

    letter: DeadLetter
    key: bytes | None
    partition: int
    offset: int

    @property
    def id(self) -> str:
        """Its own id, not the request's."""
        return self.letter.dead_letter_id

    @property
    def tenant(self) -> str | None:
        """Whose it is; where that could not be read, what the key says."""
        if self.letter.tenant_id is not None:
            return self.letter.tenant_id
        return None if self.key is None else self.key.decode(errors="replace")

    @property
    def has_bytes(self) -> bool:
        """Whether it was read with the record that it is about."""
        return self.letter.original is not NO_BYTES

    @property
    def age_order(self) -> tuple[datetime, int, int]:
        """Ascending: the older one first."""
        return self.letter.failed_at, self.partition, self.offset


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """None means: any. `ids` may be the first characters of ids."""

    tenant: str | None = None
    code: str | None = None
    stage: Stage | None = None
    agent: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    retriable: bool | None = None
    ids: tuple[str, ...] = ()

    @property
    def narrows(self) -> bool:
        """Whether it says anything at all."""
        return self != LetterFilter()

    def may_match(self, record: Raw) -> bool:
        """False where the bytes say that it does not; nothing is parsed for it."""
        value = record.value or b""
        if b"\\" in value:
            return True
        needles = (self.code, self.stage)
        return all(one is None or one.encode() in value for one in needles) and (
            not self.ids or any(one.encode() in value for one in self.ids)
        )

    def matches(self, found: Letter) -> bool:
        """The last word."""
        letter = found.letter
        return (
            (not self.ids or is_meant(letter.dead_letter_id, self.ids))
            and (self.tenant is None or found.tenant == self.tenant)
            and (self.code is None or letter.code == self.code)
            and (self.stage is None or letter.stage is self.stage)
            and (self.retriable is None or letter.retriable is self.retriable)
            and (self.since is None or letter.failed_at >= self.since)
            and (self.until is None or letter.failed_at < self.until)
            and (self.agent is None or _same_agent(letter, self.agent))
        )


def read_letter(record: Raw) -> Letter | None:
    """None where the record is no dead letter."""
    try:
        return Letter(decode(DeadLetter, record.value), record.key, record.partition, record.offset)
    except ValueError:
        return None


@dataclass(slots=True)
class LetterBook:
    """Takes the records of the topic in; keeps the newest `limit` that are wanted (None: all), each once."""

    wanted: LetterFilter
    limit: int | None
    hidden: frozenset[str] = frozenset()
    with_bytes: bool = False
    skipped: Skipped = field(default_factory=Skipped)
    matched: int = 0
    _hid: set[str] = field(default_factory=set)
    _rows: dict[str, Letter] = field(default_factory=dict)

    @property
    def hid(self) -> int:
        """How many would be there if they were not hidden."""
        return len(self._hid)

    def add_all(self, records: Iterable[Raw]) -> None:
        """A batch. Records whose bytes cannot match are not looked at, so they are not counted either."""
        for record in records:
            if not self.wanted.may_match(record):
                continue
            found = read_letter(record)
            if found is None:
                self.skipped.add(record)
            elif self.wanted.matches(found):
                self._keep(found)

    def rows(self) -> Sequence[Letter]:
        """The newest first."""
        newest = sorted(self._rows.values(), key=lambda row: row.age_order, reverse=True)
        return newest[: self.limit]

    def _keep(self, found: Letter) -> None:
        if found.id in self.hidden:
            self._hid.add(found.id)
            return
        # Without transactions one may be written twice, after a crash.
        self.matched += found.id not in self._rows
        self._rows[found.id] = found if self.with_bytes else _light(found)
        if self.limit is not None and len(self._rows) > 2 * self.limit + ROOM:
            self._rows = {row.id: row for row in self.rows()}


NO_BYTES: Final = Original()
ROOM: Final = 100  # so that the newest are not sorted out for each one that comes


def _light(found: Letter) -> Letter:
    """Without what may be megabytes."""
    letter = found.letter.model_copy(update={"original": NO_BYTES, "stack": None})
    return Letter(letter, found.key, found.partition, found.offset)


def _same_agent(letter: DeadLetter, wanted: str) -> bool:
    """The letter does not say it; its request does, where it can be read."""
    try:
        agent = decode_object(letter.original.raw().value).get("agent")
    except (Undecodable, ValueError):
        return False
    return isinstance(agent, str) and (agent == wanted or agent.partition("@")[0] == wanted)
