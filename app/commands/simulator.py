"""`penstock simulator`: serves the OpenAI-compatible simulator until it is told to stop."""

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import typer

from app.simulator.options import SimulatorOptions
from app.simulator.server import RunningSimulator, start

DEFAULT_PORT = 4010


def simulator(
    port: Annotated[int, typer.Option(help="Where to listen; 0 takes any free port.")] = DEFAULT_PORT,
    ledger: Annotated[Path | None, typer.Option(help="Append one JSON line per call to this file.")] = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    latency_ms: Annotated[float, typer.Option(min=0, help="Wait before an answer's first byte.")] = 0.0,
    chunk_ms: Annotated[float, typer.Option(min=0, help="Pause between streamed deltas.")] = 0.0,
    deltas: Annotated[int, typer.Option(min=1, help="Deltas of a streamed text.")] = 10,
) -> None:
    """Answer the OpenAI API on this machine, for tests, benchmarks and demos."""
    options = SimulatorOptions(port, host, ledger, latency_ms, chunk_ms, deltas)
    with asyncio.Runner(loop_factory=_fastest_loop) as runner:
        try:
            running = runner.run(start(options))
        except OSError as error:
            what = f"with {error.filename}" if error.filename else f"on {host}:{port}"
            typer.echo(f"penstock simulator cannot start {what}: {error.strerror or error}", err=True)
            raise typer.Exit(1) from error
        runner.run(_serve(running))


def _fastest_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:  # it has no build for this platform
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


async def _serve(running: RunningSimulator) -> None:
    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    books = f", ledger {running.ledger_path}" if running.ledger_path else ""
    typer.echo(f"penstock simulator listens on {running.base_url}{books}")
    await asked.wait()
    await running.stop()
