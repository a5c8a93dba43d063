"""`penstock books`: keeps windows and publishes metrics, in the foreground."""

from typing import Annotated

import typer

from app import lifetime
from app.adapters import logs
from app.books import BooksProcess
from app.settings import BadSettings, Settings, load
from app.startup import CannotStart


def books(
    http_bind: Annotated[str | None, typer.Option(help="Where to serve health and metrics.")] = None,
    tethered: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Keep the books: windows per tenant and agent, published as metrics, until SIGTERM."""
    try:
        settings = load(books_http_bind=http_bind)
        logs.configure(settings.log_level, settings.log_format)
        code = lifetime.run(lambda: _main(settings, tethered))
    except (BadSettings, CannotStart) as error:
        typer.echo(f"penstock books cannot start: {error}", err=True)
        raise typer.Exit(2) from error
    raise typer.Exit(code)


async def _main(settings: Settings, tethered: bool) -> int:
    stop = await lifetime.stop_event(tethered)
    process = BooksProcess(settings)
    try:
        await process.start()
        await process.serve(stop)
    finally:
        await process.stop()
    return 0
