"""What the bench prints: progress, tables, verdicts, and as its last line the JSON."""

import os
import platform
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.figures import GOALS, Goal, Latency, Sample, json_line, summarise

WIDTH = 118


class Report:
    """Tables for people on standard output, of a fixed width wherever they go."""

    def __init__(self) -> None:
        self._console = Console(width=WIDTH, highlight=False, emoji=False)

    def machine(self, servers: str) -> None:
        """What it was measured on; the load shows whether others were working there."""
        load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
        memory = psutil.virtual_memory().total / 2**30
        self._console.print(
            f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, {memory:.0f} GiB, "
            f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, {servers}; "
            f"load average {load}"
        )

    def progress(self, text: str) -> None:
        """What is being done now."""
        self._console.print(f"[dim]{text}[/]")

    def say(self, text: str) -> None:
        """A line of result."""
        self._console.print(text)

    def failed(self, what: str, why: str) -> None:
        """Something that could not be measured: it is said, never left out."""
        self._console.print(f"[bold red]FAILED[/] {what}: ", end="")
        self._console.print(why, markup=False)

    def comparison(
        self, title: str, samples: Mapping[str, Sequence[Sample]], failures: Mapping[str, str]
    ) -> None:
        """One row for each contestant."""
        table = Table(title=title, title_justify="left")
        table.add_column("")
        for column in ("CPU ms/run", "runs/CPU-s", "runs/s", "RSS MiB", "spread", "repeats"):
            table.add_column(column, justify="right")
        for name, taken in samples.items():
            found = summarise(taken)
            table.add_row(
                name,
                f"{found.cpu_ms:.3f}",
                f"{found.per_cpu_second:.0f}",
                f"{found.per_second:.0f}",
                f"{found.rss_mib:.0f}",
                f"{found.spread:.0%}",
                str(len(taken)),
            )
        self._console.print(table)
        for name, why in failures.items():
            self.failed(f"{title}: {name}", why)

    def latency(self, name: str, found: Latency) -> None:
        """From the producer's send to the reader's receipt."""
        self.say(
            f"{name}: send to receipt p50 {found.p50_ms:.1f} ms, p99 {found.p99_ms:.1f} ms "
            f"({found.count} requests at {found.rate:.0f}/s, the model takes none of it)"
        )

    def one_at_a_time(self, name: str, found: Latency) -> None:
        """Of requests that were alone."""
        self.say(
            f"{name}: one at a time p50 {found.p50_ms:.1f} ms, p99 {found.p99_ms:.1f} ms "
            f"({found.count} of them, {found.rate:.0f}/s)"
        )

    def load(self) -> None:
        """How busy the machine is right now; the bench's own servers are in it."""
        self.progress(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")

    def stages(self, title: str, rows: Sequence[tuple[str, float]]) -> None:
        """Milliseconds of CPU per run, by stage."""
        table = Table(title=title, title_justify="left")
        table.add_column("")
        for column in ("CPU ms/run", "share"):
            table.add_column(column, justify="right")
        total = sum(value for _, value in rows)
        for name, value in rows:
            table.add_row(name, f"{value:.3f}", f"{value / total:.1%}")
        table.add_row("all", f"{total:.3f}", "100%")
        self._console.print(table)

    def verdicts(self, figures: Mapping[str, float | None], goals: Sequence[Goal] = GOALS) -> None:
        """Each figure with its goal, then the line of JSON, which is the last one."""
        table = Table(title="figures", title_justify="left")
        for column in ("", "value", "verdict"):
            table.add_column(column, justify="right" if column == "value" else "left")
        for goal in goals:
            value = figures.get(goal.name)
            table.add_row(goal.name, "-" if value is None else f"{value:.3f}", goal.verdict(value))
        self._console.print(table)
        sys.stdout.flush()
        sys.stdout.write(json_line(figures, goals) + "\n")
