"""Shows a run's deltas as they come: text on standard output, everything else on standard error."""

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import TextIO

import orjson

from app.client.transcript import Ended, News, Noted, Said, Transcript, Withdrawn
from app.terminal.screen import harmless, one_line
from schemas.deltas import Delta, DeltaKind
from schemas.responses import AgentResponse


class LiveAnswer:
    """One answer while it is being given. What is on the terminal cannot be taken back, so it is marked."""

    def __init__(self, out: TextIO | None = None, err: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._err = err or sys.stderr
        self._transcript = Transcript()
        self._turn: int | None = None  # whose text the cursor stands behind
        self.ended = asyncio.Event()

    async def follow(self, deltas: AsyncIterator[Delta]) -> None:
        """Show them until they end."""
        async for delta in deltas:
            for news in self._transcript.add(delta):
                self._show(news)
            if self.ended.is_set():
                return

    def finish(self, response: AgentResponse) -> None:
        """What of the output was not shown yet: all of it where deltas were missed."""
        if response.output is not None and not isinstance(response.output, str):
            self._break()
            return  # structured: the caller shows it
        output = response.output or ""
        shown = self._transcript.last
        if shown and output.startswith(shown):
            self._write(output[len(shown) :])
        elif output and output != shown:
            self._break()
            self._write(output)
        self._break()

    @property
    def said_anything(self) -> bool:
        """Whether there was any text."""
        return bool(self._transcript.last)

    def _show(self, news: News) -> None:
        match news:
            case Said(turn, text):
                if self._turn not in (None, turn):
                    self._break()
                self._turn = turn
                self._write(text)
            case Withdrawn(_, attempt):
                self._note(f"[attempt {attempt}: the worker changed; what was said is said anew]")
            case Noted(delta):
                if line := note(delta):
                    self._note(line)
            case Ended():
                self.ended.set()

    def _write(self, text: str) -> None:
        if text:
            self._out.write(harmless(text))
            self._out.flush()
            self._turn = self._turn or 0

    def _break(self) -> None:
        if self._turn is not None:
            self._turn = None
            self._out.write("\n")
            self._out.flush()

    def _note(self, line: str) -> None:
        self._break()
        self._err.write(f"{line}\n")
        self._err.flush()


def note(delta: Delta) -> str | None:
    """What happened, in one line; reasoning is not shown."""
    data = delta.data
    match delta.kind:
        case DeltaKind.TOOL_CALLED:
            return one_line(f"[tool {data.get('name')}({_plain(data.get('arguments'))})]")
        case DeltaKind.TOOL_RETURNED:
            return one_line(f"[tool {'returned' if data.get('ok') else 'failed'}: {data.get('summary')}]")
        case DeltaKind.AGENT_CHANGED:
            return one_line(f"[{data.get('from')} hands over to {data.get('to')}]")
        case DeltaKind.APPROVAL_REQUIRED:
            return one_line(
                f"[waits until {data.get('expires_at')} for approval {data.get('approval_id')} "
                f"of {data.get('tool')}({_plain(data.get('arguments'))})]",
                300,
            )
        case _:
            return None


def _plain(arguments: object) -> str:
    return arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode()
