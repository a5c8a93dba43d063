"""Puts the records of one partition together by request."""

from collections.abc import Sequence

import orjson

from app.verify import decoding
from app.verify.facts import Answer, Asked, Case, Facts, Unreadable
from app.verify.judges.books_balance import BooksJudge
from app.verify.records import Kind, Record


class Gathering:
    """Fills facts; requests first, for all else is about them."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self._sessions: dict[str, str] = {}
        self._parked: dict[bytes | None, str | None] = {}  # names by key; None where a record does not tell

    def take(self, kind: Kind, records: Sequence[Record]) -> None:
        """The next records of a topic, in their order."""
        if records:
            self.facts.first_ms.setdefault(kind, records[0].timestamp_ms)
        take = {
            Kind.REQUESTS: self._request,
            Kind.RESPONSES: self._response,
            Kind.DEADLETTER: self._letter,
            Kind.PARKED: self._park,
        }[kind]
        for record in records:
            take(record)
        if kind is Kind.PARKED:
            names = set(self._parked.values())
            self.facts.parked_unclear = None in names
            self.facts.parked = {name for name in names if name is not None}

    def _request(self, record: Record) -> None:
        facts = self.facts
        terms = facts.snapshot.terms
        asked = decoding.asked(record, facts.snapshot.partitions, terms.max_request_bytes)
        facts.asked[asked.offset] = asked
        if asked.name is None:
            return
        if asked.session is not None:
            asked.session = self._sessions.setdefault(asked.session, asked.session)
        case = facts.cases.get(asked.name)
        if case is None:
            facts.cases[asked.name] = Case((asked,))
        else:
            asked.name = case.asked[0].name
            case.asked += (asked,)

    def _response(self, record: Record) -> None:
        try:
            answer = decoding.answer(record)
        except ValueError as error:
            self._unreadable(Kind.RESPONSES, record, error)
            return
        self._attach(answer)

    def _attach(self, answer: Answer) -> None:
        case = self.facts.cases.get(answer.name)
        if case is None:
            self.facts.strangers.append(answer)
        else:
            case.answers += (answer,)

    def _letter(self, record: Record) -> None:
        facts = self.facts
        try:
            letter, topic, partition = decoding.letter(record)
        except ValueError as error:
            self._unreadable(Kind.DEADLETTER, record, error)
            return
        if (topic, partition) == (facts.snapshot.names[Kind.REQUESTS], facts.partition):
            known = facts.letters.get(letter.source_offset, ())
            facts.letters[letter.source_offset] = (*known, letter)
        else:
            facts.foreign_letters.append((letter, f"{topic}[{partition}]@{letter.source_offset}"))

    def _park(self, record: Record) -> None:
        """The value names its request; a tombstone ends what was parked under its key."""
        parked = self._parked
        if record.value is None:
            parked.pop(record.key, None)
            return
        try:
            fields = orjson.loads(record.value)
            parked[record.key] = f"{fields['tenant_id']}/{fields['request_id']}"
        except (ValueError, TypeError, KeyError):
            parked[record.key] = None

    def paid(self, records: Sequence[Record], judge: BooksJudge) -> None:
        """The next records of the usage."""
        facts = self.facts
        if records:
            facts.first_ms.setdefault(Kind.USAGE, records[0].timestamp_ms)
        for record in records:
            try:
                paid = decoding.paid(record)
            except ValueError as error:
                self._unreadable(Kind.USAGE, record, error)
                continue
            is_first = judge.take(facts, paid)
            case = facts.cases.get(paid.name)
            if case is None:
                facts.paid_strangers.setdefault(paid.name, paid.offset)
            elif is_first and not paid.shadow:
                case.paid = paid.sums if case.paid is None else case.paid.plus(paid.sums)

    def _unreadable(self, kind: Kind, record: Record, error: ValueError) -> None:
        self.facts.unreadable.append(Unreadable(kind, record.offset, str(error)))

    # -- what was done before the time that is judged

    def silent(self) -> set[int]:
        """Offsets of requests that have nothing yet, of those that were released."""
        facts = self.facts
        committed = facts.committed or 0
        return {
            asked.offset
            for asked in facts.asked.values()
            if asked.offset < committed and not self._has_any(asked)
        }

    def _has_any(self, asked: Asked) -> bool:
        if asked.name is not None and self.facts.cases[asked.name].answers:
            return True
        return asked.offset in self.facts.letters

    def look_back(self, kind: Kind, records: Sequence[Record], silent: set[int]) -> None:
        """Records from before: only those that say what became of the silent ones."""
        facts = self.facts
        names = {facts.asked[offset].name for offset in silent}
        for record in records:
            if kind is Kind.RESPONSES:
                try:
                    answer = decoding.answer(record)
                except ValueError:
                    continue
                if answer.name in names:
                    self._attach(answer)
            else:
                self._earlier_letter(record, silent)

    def _earlier_letter(self, record: Record, silent: set[int]) -> None:
        try:
            letter, topic, partition = decoding.letter(record)
        except ValueError:
            return
        here = (topic, partition) == (self.facts.snapshot.names[Kind.REQUESTS], self.facts.partition)
        if here and letter.source_offset in silent:
            known = self.facts.letters.get(letter.source_offset, ())
            self.facts.letters[letter.source_offset] = (letter, *known)
