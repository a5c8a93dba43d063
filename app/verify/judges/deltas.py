"""What is promised of deltas: no gaps, supersession, one end, and the text of the last turn is the output."""

import orjson

from app.verify.decoding import json_hash
from app.verify.facts import Answer, Case, Facts, split
from app.verify.findings import Breach, Tally
from app.verify.records import Kind, Record
from app.verify.standing import Standing, was_deleted
from app.verify.transcript import END, Said, Transcript

EARLIER = "about requests from before what was read"
CUT = "their first deltas are older than what the topic still keeps"
UNASKED = frozenset(
    {"approval_required", "superseded"}
)  # people are asked, whether or not the run is watched
STRUCTURED = "outputs that are no text: the text may say the same in other words"


def read(record: Record) -> Said:
    """ValueError where it is no delta."""
    try:
        fields = orjson.loads(record.value or b"")
        said = Said(
            record.offset,
            f"{fields['tenant_id']}/{fields['request_id']}",
            fields["attempt"],
            fields["seq"],
            fields["turn"],
            fields["at_char"],
            fields["kind"],
            fields["data"],
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"it lacks {error}") from error
    numbers = (said.attempt, said.seq, said.turn, said.at_char)
    if any(type(number) is not int for number in numbers) or type(said.data) is not dict:
        raise ValueError("a number or its data is of another type")
    return said


class DeltasJudge:
    """Streams the deltas of one partition after another; a request is forgotten when it has its end."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._live: dict[str, Transcript] = {}
        self._strangers: set[str] = set()

    def take(self, facts: Facts, record: Record) -> None:
        """The next delta of the partition."""
        try:
            said = read(record)
        except ValueError as error:
            self._tally.check()
            place = facts.where(Kind.DELTAS, record.offset)
            self._tally.breach(Breach(f"is no delta: {error}", place))
            return
        case = facts.cases.get(said.name)
        if case is None:
            self._stranger(facts, said)
        elif not any(asked.stream for asked in case.asked):
            if said.kind not in UNASKED and said.name not in self._strangers:
                self._strangers.add(said.name)
                self._breach(facts, said, "although the request did not ask for a stream")
        elif not self._is_after_end(facts, case, said):
            self._follow(facts, case, said)

    def _stranger(self, facts: Facts, said: Said) -> None:
        if said.name in self._strangers:
            return
        self._strangers.add(said.name)
        if facts.requests.cut:
            self._tally.skip(EARLIER)
        else:
            self._breach(facts, said, "although nobody sent such a request")

    def _is_after_end(self, facts: Facts, case: Case, said: Said) -> bool:
        if case.ends == 0 or said.name in self._live:
            return False
        if said.attempt < case.last_attempt:
            return True  # of a worker that lost the request: readers ignore it
        if case.ends < _generations(case):
            return False
        self._breach(facts, said, f"behind the end of its run (attempt {said.attempt}, seq {said.seq})")
        return True

    def _follow(self, facts: Facts, case: Case, said: Said) -> None:
        transcript = self._live.get(said.name)
        if transcript is None:
            whole = said.seq == 0 or not facts.snapshot.extent(Kind.DELTAS, facts.partition).cut
            transcript = self._live[said.name] = Transcript(whole=whole)
            if case.ends:
                transcript.attempt = case.last_attempt
        wrong = transcript.take(said)
        if wrong is not None:
            self._breach(facts, said, wrong)
        if said.kind == END and said.attempt == transcript.attempt:
            self._end(facts, case, said, transcript)

    def _end(self, facts: Facts, case: Case, said: Said, transcript: Transcript) -> None:
        del self._live[said.name]
        case.last_attempt = said.attempt
        answers = sorted(case.answers, key=lambda answer: answer.generation)
        case.ends += 1
        if not answers:
            return  # its response is written, but not among those that were read
        answer = answers[min(case.ends, len(answers)) - 1]
        if said.data.get("status") != answer.status:
            what = f"ends with status {said.data.get('status')!r}; its response is {answer.status}"
            self._breach(facts, said, what)
        if answer.status != "completed":
            return
        if not transcript.whole:
            self._tally.skip(CUT)
        elif not transcript.broken:
            self._compare(facts, said, answer, transcript.last_text())

    def _compare(self, facts: Facts, said: Said, answer: Answer, text: str) -> None:
        if answer.output_is_text:
            if hash(text) != answer.output:
                place = facts.where(Kind.RESPONSES, answer.offset)
                what = f"ends a text of {len(text)} characters that is not the output of {place}"
                self._breach(facts, said, what)
            return
        try:
            same = json_hash(orjson.loads(text)) == answer.output
        except ValueError:
            same = False
        if not same:
            self._tally.skip(STRUCTURED)

    def close(self, facts: Facts) -> None:
        """All deltas of the partition were taken."""
        for name, case in facts.cases.items():
            if any(asked.stream for asked in case.asked):
                self._judge_ends(facts, name, case)
        self._live.clear()
        self._strangers.clear()

    def _judge_ends(self, facts: Facts, name: str, case: Case) -> None:
        if not case.answers:
            self._tally.skip(Standing.OPEN.value)
            return
        answer = case.answers[-1]
        if facts.is_outside(answer):
            self._tally.skip(EARLIER)
        elif not _asked_for_stream(facts, answer):
            return
        elif case.ends >= _generations(case):
            self._tally.check()
        elif facts.partition in facts.snapshot.undecided:
            self._tally.skip(Standing.UNDECIDED.value)
        elif was_deleted(facts, Kind.DELTAS, answer.timestamp_ms):
            self._tally.skip(Standing.EXPIRED.value)
        else:
            self._tally.check()
            what = "asked for a stream, which has no end"
            place = facts.where(Kind.RESPONSES, answer.offset)
            self._tally.breach(Breach(what, place, *split(name)))

    def _breach(self, facts: Facts, said: Said, what: str) -> None:
        self._tally.breach(Breach(what, facts.where(Kind.DELTAS, said.offset), *split(said.name)))


def _generations(case: Case) -> int:
    return len({answer.generation for answer in case.answers}) or 1


def _asked_for_stream(facts: Facts, answer: Answer) -> bool:
    asked = facts.asked.get(answer.source_offset)
    return asked is not None and asked.stream
