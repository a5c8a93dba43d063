"""What is told of the findings: one JSON object, or a table and the examples below it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from app.verify.facts import Sums
from app.verify.findings import ABOUT_REQUESTS, Findings, Promise, Tally, Verdict
from app.verify.records import Kind, Snapshot
from schemas.money import format_usd
from schemas.times import format_at

NUMBERS: Mapping[Promise, str] = {promise: str(number) for number, promise in enumerate(Promise, start=1)}
SENTENCES: Mapping[Promise, str] = {
    Promise.ONE_OUTCOME: "one outcome per request",
    Promise.NOTHING_LOST: "nothing is lost",
    Promise.SESSION_ORDER: "sessions run in order",
    Promise.NEVER_PAY_TWICE: "never pay twice",
    Promise.BOOKS_BALANCE: "the books balance",
    Promise.LIMITS_HOLD: "limits hold",
    Promise.FAIR: "tenants are served fairly",
    Promise.COMMITTED_IS_SAFE: "committed means safe",
    Promise.DELTAS: "deltas tell the run",
}
STYLES = {Verdict.HELD: "green", Verdict.BREACHED: "bold red", Verdict.UNJUDGED: "yellow"}
WORDS = {Verdict.HELD: "held", Verdict.BREACHED: "BREACHED", Verdict.UNJUDGED: "not judged"}


@dataclass(frozen=True, slots=True)
class Money:
    """The books beside the ledger."""

    settled: Sums
    unknown: Sums
    billed: Sums | None
    """None without a ledger; of the settled calls only, without costs."""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything there is to tell."""

    findings: Findings
    verdict: Verdict
    snapshot: Snapshot
    read: Mapping[Kind, int]
    money: Money

    # -- for programs

    def as_json(self) -> dict[str, Any]:
        """One object. `verdict` is `held`, `breached` or `unjudged`, as with each promise."""
        snapshot = self.snapshot
        return {
            "verdict": self.verdict,
            "at": _time(snapshot.at_ms),
            "since": None if snapshot.since_ms is None else _time(snapshot.since_ms),
            "read": {kind: self.read.get(kind, 0) for kind in Kind},
            "promises": [self._promise(promise) for promise in Promise],
            "books": {
                "settled": _sums(self.money.settled),
                "unknown": _sums(self.money.unknown),
                "ledger": None if self.money.billed is None else _sums(self.money.billed, priced=False),
            },
        }

    def _promise(self, promise: Promise) -> dict[str, Any]:
        tally = self.findings[promise]
        return {
            "number": int(NUMBERS[promise]) if promise is not Promise.DELTAS else None,
            "promise": promise,
            "sentence": SENTENCES[promise],
            "verdict": tally.verdict,
            "checked": tally.checked,
            "breached": tally.breached,
            "examples": [example.as_json() for example in tally.examples],
            "not_checkable": tally.not_checkable.total(),
            "why": dict(tally.not_checkable.most_common()),
        }

    # -- for people

    def table(self) -> Table:
        """One line per promise."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("")
        table.add_column("promise")
        for heading in ("checked", "breached", "not checkable"):
            table.add_column(heading, justify="right")
        table.add_column("verdict")
        for promise in Promise:
            tally = self.findings[promise]
            table.add_row(
                "" if promise is Promise.DELTAS else NUMBERS[promise],
                SENTENCES[promise],
                f"{tally.checked:,}",
                f"{tally.breached:,}",
                f"{tally.not_checkable.total():,}",
                Text(WORDS[tally.verdict], STYLES[tally.verdict]),
            )
        return table

    def lines(self) -> Iterator[str]:
        """What stands below the table."""
        for promise in Promise:
            yield from _details(promise, self.findings[promise])
        yield from self._money_lines()
        records = ", ".join(f"{self.read.get(kind, 0):,} {kind}" for kind in Kind if self.read.get(kind))
        yield f"read: {records or 'nothing'}"

    def conclusion(self) -> Text:
        """One line."""
        breached = [promise for promise in Promise if self.findings[promise].verdict is Verdict.BREACHED]
        judged = [promise for promise in Promise if self.findings[promise].verdict is Verdict.HELD]
        if breached:
            return Text(f"broken: {', '.join(breached)}", STYLES[Verdict.BREACHED])
        unjudged = [promise for promise in Promise if promise not in judged]
        if self.verdict is Verdict.UNJUDGED:
            nothing = "no request was judged, which is no pass"
            told = f"required, but not judged: {', '.join(unjudged)}" if self._any_request() else nothing
            return Text(told, STYLES[Verdict.UNJUDGED])
        rest = f"; not judged: {', '.join(unjudged)}" if unjudged else ""
        return Text(f"{len(judged)} promises held{rest}", STYLES[self.verdict])

    def _any_request(self) -> bool:
        return any(self.findings[promise].checked for promise in ABOUT_REQUESTS)

    def _money_lines(self) -> Iterator[str]:
        money = self.money
        if money.settled.calls or money.unknown.calls:
            yield f"books: {money.settled}"
        if money.unknown.calls:
            yield f"listed apart, estimated (state unknown): {money.unknown}"
        if money.billed is not None:
            yield f"ledger, of the same settled calls: {_tokens(money.billed)}"


def _details(promise: Promise, tally: Tally) -> Iterator[str]:
    for example in tally.examples:
        of = f" {example.tenant_id}/{example.request_id}" if example.request_id is not None else ""
        yield f"BREACH {promise}: {example.where}{of} {example.what}"
    if tally.breached > len(tally.examples):
        yield f"BREACH {promise}: and {tally.breached - len(tally.examples):,} more"
    for why, count in tally.not_checkable.most_common():
        yield f"not checkable ({promise}, {count:,}): {why}"


def _time(at_ms: int) -> str:
    return format_at(datetime.fromtimestamp(at_ms / 1000, UTC))


def _tokens(sums: Sums) -> str:
    return str(sums).rpartition(",")[0]


def _sums(sums: Sums, *, priced: bool = True) -> dict[str, Any]:
    fields: dict[str, Any] = sums._asdict()
    cost = fields.pop("cost_usd")
    return fields | ({"cost_usd": format_usd(cost)} if priced else {})
