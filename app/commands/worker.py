"""`penstock worker`: one worker in the foreground, or several with --processes."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Annotated

import structlog
import typer

from app import last_resort, lifetime
from app.adapters import logs
from app.authoring import watching
from app.authoring.reloading import Reloading, problem_of_definitions
from app.settings import BadSettings, Settings, load
from app.startup import CannotStart
from app.supervisor import Program, Supervisor
from app.worker import Worker, WorkerBroken

log = structlog.get_logger("penstock")
STOPPING_S = 30.0  # beyond the time to drain; with both brokers away some parts would wait for them for ever
NOT_STOPPED = "not stopped in time, ended; what is under way is read again by whoever is next"


def worker(
    processes: Annotated[int, typer.Option(min=1, help="How many workers to run on this machine.")] = 1,
    worker_id: Annotated[str | None, typer.Option(help="Stable, unique name: static membership.")] = None,
    max_in_flight: Annotated[int | None, typer.Option(help="Runs at once in one worker.")] = None,
    delivery: Annotated[str | None, typer.Option(help="transactional or plain.")] = None,
    http_bind: Annotated[str | None, typer.Option(help="Where to serve health and metrics.")] = None,
    books: Annotated[bool | None, typer.Option("--books/--no-books", help="Also run the books.")] = None,
    reload: Annotated[
        bool, typer.Option("--reload", help="Start anew when files of agents change; for development.")
    ] = False,
    tethered: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Run agents for the requests of this deployment, until SIGTERM."""
    try:
        settings = load(
            worker_id=worker_id,
            max_in_flight=max_in_flight,
            delivery=delivery,
            http_bind=http_bind,
            books=books,
        )
        logs.configure(settings.log_level, settings.log_format)
        code = lifetime.run(lambda: _main(settings, processes, tethered, reload))
    except (BadSettings, CannotStart) as error:
        typer.echo(f"penstock worker cannot start: {error}", err=True)
        raise typer.Exit(2) from error
    except WorkerBroken as error:
        typer.echo(f"penstock worker ended: {error}", err=True)
        raise typer.Exit(1) from error
    raise typer.Exit(code)


async def _main(settings: Settings, processes: int, tethered: bool, reload: bool) -> int:
    if processes > 1 or reload:
        return await _supervise(settings, processes, tethered, reload)
    return await _work(settings, tethered)


async def _supervise(settings: Settings, processes: int, tethered: bool, reload: bool) -> int:
    """N workers, each with a name and a port of its own, and the books."""
    workers = _workers(settings, processes)
    supervisor = Supervisor([*workers, *_books(settings)], settings.drain_s)
    stop = await lifetime.stop_event(tethered)
    supervisor.start()
    watch = asyncio.create_task(_renewing(settings, supervisor, workers)) if reload else None
    await stop.wait()
    if watch is not None:
        watch.cancel()
    await supervisor.stop()
    return 0


async def _renewing(settings: Settings, supervisor: Supervisor, workers: Sequence[Program]) -> None:
    """Workers are replaced, not their modules: what was imported holds on to what it was imported from."""
    watched = watching.places(settings.agents_dir)
    names = [program.name for program in workers]
    reloading = Reloading(
        partial(watching.look, watched), problem_of_definitions, partial(supervisor.renew, names)
    )
    await reloading.run()


def _workers(settings: Settings, processes: int) -> Sequence[Program]:
    host, port = settings.http_address
    return [
        Program(
            f"worker-{number}",
            ["worker", "--no-books"],
            {
                "PENSTOCK_HTTP_BIND": f"{host}:{port + number if port else 0}",
                **(
                    {"PENSTOCK_WORKER_ID": _name(settings.worker_id, number, processes)}
                    if settings.worker_id
                    else {}
                ),
                "PENSTOCK_DELIVERY": settings.delivery,
                "PENSTOCK_MAX_IN_FLIGHT": str(settings.max_in_flight),
            },
        )
        for number in range(processes)
    ]


def _name(worker_id: str, number: int, processes: int) -> str:
    return f"{worker_id}-{number}" if processes > 1 else worker_id


def _books(settings: Settings) -> Sequence[Program]:
    return [Program("books", ["books"])] if settings.books else []


async def _work(settings: Settings, tethered: bool) -> int:
    stop = await lifetime.stop_event(tethered)
    running = Worker(settings)
    supervisor = Supervisor(_books(settings), settings.drain_s)
    try:
        await running.start()
        supervisor.start()
        try:
            await running.serve(stop)
        finally:
            last_resort.after(settings.drain_s + STOPPING_S, lambda: log.error(NOT_STOPPED))
        left = await running.drain()
        if left:
            log.warning("stopping with requests under way; they are read again by whoever is next", left=left)
    finally:
        await asyncio.gather(supervisor.stop(), running.stop())
    return 0
