"""Shows a run that is tried in this terminal: text on standard output, everything else on standard error."""

import sys
from collections.abc import Mapping
from typing import Any, TextIO

import orjson

from agents_defs.run_order import DeltaKind, ModelCall, SlowNotice, TripNotice
from app.terminal.screen import harmless, one_line


class TrialScreen:
    """Listens to all attempts of one run. What it has shown it does not show again."""

    def __init__(self, out: TextIO | None = None, err: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._err = err or sys.stderr
        self.calls: list[ModelCall] = []
        self._shown: dict[int, str] = {}  # text by turn
        self._noted: set[tuple[str, str]] = set()
        self._open_line = False

    def on_call(self, call: ModelCall) -> None:
        """It is paid."""
        self.calls.append(call)

    def on_slow(self, notice: SlowNotice) -> None:
        """Said, for whoever waits."""
        self.note(f"[the {notice.what.replace('_', ' ')} takes longer than {notice.threshold_s:g} s]")

    def on_trip(self, notice: TripNotice) -> None:
        """Whoever tries an agent is its author, and may know."""
        reasons = "; ".join(notice.reasons) or "no reason given"
        self.note(one_line(f"[the guardrail {notice.guardrail} tripped on the {notice.side}: {reasons}]"))

    def on_delta(self, kind: DeltaKind, data: dict[str, Any], turn: int, at_char: int) -> None:
        """A replay tells from the start; only what is new is shown."""
        if kind == "text":
            self._say(data["text"], turn, at_char)
            return
        line = _noted(kind, data)
        key = (kind, str(data.get("call_id") or line))
        if line and key not in self._noted:
            self._noted.add(key)
            self.note(line)

    def note(self, line: str) -> None:
        """A line of its own."""
        self.close_line()
        self._err.write(f"{one_line(line, 300)}\n")
        self._err.flush()

    def finish(self, output: Any) -> None:
        """The answer, as far as it is not there yet."""
        said = self._shown.get(max(self._shown, default=0), "")
        if not isinstance(output, str) and not _is_json_of(said, output):
            self.close_line()
            self._write(orjson.dumps(output, option=orjson.OPT_INDENT_2, default=str).decode())
        self.close_line()

    def close_line(self) -> None:
        """The next thing begins on a new line."""
        if self._open_line:
            self._open_line = False
            self._out.write("\n")
            self._out.flush()

    def _say(self, text: str, turn: int, at_char: int) -> None:
        before = self._shown.get(turn)
        if before is None:
            self.close_line()
            before = ""
        new = text[max(0, len(before) - at_char) :]
        self._shown[turn] = before + new
        self._write(new)

    def _write(self, text: str) -> None:
        if text:
            self._out.write(harmless(text))
            self._out.flush()
            self._open_line = True


def _noted(kind: DeltaKind, data: Mapping[str, Any]) -> str | None:
    match kind:
        case "tool_called":
            return f"[tool {data['name']}({_plain(data['arguments'])})]"
        case "tool_returned":
            return f"[tool {'returned' if data['ok'] else 'failed'}: {data['summary']}]"
        case "agent_changed":
            return f"[{data['from']} hands over to {data['to']}]"
        case _:
            return None


def _plain(arguments: object) -> str:
    return arguments if isinstance(arguments, str) else orjson.dumps(arguments, default=str).decode()


def _is_json_of(said: str, output: Any) -> bool:
    try:
        return bool(orjson.loads(said) == output)
    except ValueError:
        return False
