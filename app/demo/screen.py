"""How the demo looks: a live table with the streamed text below it, then the final table and what next."""

from collections import deque
from decimal import Decimal
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from app.demo.audience import Audience, Fate

COLOURS: Final = {"completed": "green", "refused": "yellow", "failed": "red", "expired": "yellow"}
EVENTS = 6
TEXT_CHARS = 600

NEXT_STEPS = """\
[bold]Go on[/]
  [cyan]penstock broker start --detach[/]        a broker and a Redis that stay
  [cyan]penstock topics create[/]                the topics
  [cyan]penstock worker[/]                       a worker; PENSTOCK_MODEL_PROVIDER=offline needs no key
  [cyan]penstock send --tenant acme --agent support --stream "Where is my order 7?"[/]
  [cyan]penstock tail responses[/]               any topic
  [cyan]penstock doctor[/]                       what is wrong, and what to do
With OPENAI_API_KEY set: [cyan]penstock demo --live[/]. Docs: README.md, docs/."""


class Screen:
    """Draws on a terminal; elsewhere it prints a line for each event."""

    def __init__(self, console: Console) -> None:
        self.console: Final = console
        self._events: deque[str] = deque(maxlen=EVENTS)
        self._progress = Progress(
            TextColumn("requests"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
        )
        self._task = self._progress.add_task("requests", total=None)
        self._live: Live | None = None

    def tell(self, what: str) -> None:
        """One thing that is ready."""
        self.console.print(f"[green]✓[/] {what}")

    def open(self, audience: Audience) -> Live | None:
        """Begin the live part; None where there is no terminal."""
        self._progress.update(self._task, total=len(audience.fates))
        if self.console.is_terminal:
            self._live = Live(console=self.console, refresh_per_second=12, transient=True)
        return self._live

    def show(self, audience: Audience, event: str) -> None:
        """Something happened."""
        if event:
            self._events.append(event)
        if self._live is None:
            if event:
                self.console.print(event, highlight=False)
            return
        done = sum(fate.response is not None for fate in audience.fates.values())
        self._progress.update(self._task, completed=done)
        self._live.update(Group(self._progress, *self._streams(audience), self._recent()))

    def _streams(self, audience: Audience) -> list[RenderableType]:
        return [
            Panel(
                Text(fate.text[-TEXT_CHARS:] or "…"),
                title=f"{fate.line.tenant}/{fate.line.name} ({' → '.join([fate.line.agent, *fate.agents])})",
                title_align="left",
                border_style=_colour(fate),
            )
            for fate in audience.fates.values()
            if fate.line.stream
        ]

    def _recent(self) -> RenderableType:
        return Panel(Text.from_markup("\n".join(self._events)), title="events", title_align="left")

    def close(self, audience: Audience, took_s: float) -> None:
        """The final table, the dead letter, what next."""
        table = Table(title="What became of them", title_justify="left")
        table.add_column("request", no_wrap=True)
        table.add_column("agents")
        table.add_column("shows")
        table.add_column("status", no_wrap=True)
        for name in ("ms", "tokens", "USD"):
            table.add_column(name, justify="right", no_wrap=True)
        for fate in audience.fates.values():
            table.add_row(*_row(fate))
        self.console.print(table)
        for panel in self._streams(audience):
            self.console.print(panel)
        for letter in audience.letters:
            self.console.print(
                Panel(
                    f"{letter['message']}\nits exact bytes are kept: {letter['original']['value']}",
                    title=f"dead letter: {letter['code']}",
                    title_align="left",
                    border_style="red",
                )
            )
        self.console.print(_sum(audience, took_s))
        self.console.print(NEXT_STEPS)


def _colour(fate: Fate) -> str:
    return COLOURS.get((fate.response or {}).get("status", ""), "blue")


def _row(fate: Fate) -> list[str]:
    response = fate.response or {}
    usage = response.get("usage", {})
    last = response.get("last_agent")
    agents = [fate.line.agent, *(fate.agents or ([last] if last and last != fate.line.agent else []))]
    status = response.get("status", "no answer")
    code = (response.get("error") or {}).get("code")
    return [
        f"{fate.line.tenant}/{fate.line.name}",
        " → ".join(agents),
        ", ".join([fate.line.shows, *dict.fromkeys(fate.tools)]),
        f"[{_colour(fate)}]{status}[/]" + (f"\n{code}" if code else ""),
        "" if fate.took_s is None else f"{fate.took_s * 1000:.0f}",
        str(usage.get("input_tokens", 0) + usage.get("output_tokens", 0)),
        usage.get("cost_usd", "0"),
    ]


def _sum(audience: Audience, took_s: float) -> str:
    responses = [fate.response for fate in audience.fates.values() if fate.response]
    cost = sum((Decimal(response["usage"]["cost_usd"]) for response in responses), Decimal(0))
    calls = sum(response["usage"]["model_calls"] for response in responses)
    return f"{len(responses)} answers, {calls} model calls, {cost} USD, in {took_s:.1f} s\n"
