"""`penstock knowledge`: the articles that agents may tell: add, list, remove, search."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import orjson
import typer

from agents_defs.articles import EVERYBODY, Articles, BadArticle
from agents_defs.equipment import Equipment
from agents_defs.library import Document
from app.operators.article_files import articles_in
from app.operators.flags import is_tenant_id
from app.settings import load
from app.terminal import exits
from app.terminal.exits import Trouble
from app.terminal.screen import one_line

knowledge = typer.Typer(
    no_args_is_help=True, help="The articles that agents may tell, in the database of PENSTOCK_SHOP_URL."
)
Tenant = Annotated[str | None, typer.Option("--tenant", "-t", help="Whose. Without it: everybody's.")]


@knowledge.command()
def add(
    files: Annotated[list[Path], typer.Argument(help="Markdown, an article a file; or JSON, a list.")],
    tenant: Tenant = None,
) -> None:
    """Add articles, in place of those with the same ids: all of them or none.

    The id of a Markdown file is its name, its title the first heading. JSON holds objects with id, title,
    topic and text.
    """
    with _opened(tenant) as (whose, kept):
        articles = [article for file in files for article in articles_in(file)]
        try:
            number = kept.add(whose, articles)
        except BadArticle as error:
            raise Trouble(str(error)) from None
        typer.echo(f"added {number}")


@knowledge.command("list")
def list_(
    tenant: Tenant = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """List articles: a tenant's own, or everybody's."""
    with _opened(tenant) as (whose, kept):
        _show(kept.listed(whose), as_json)


@knowledge.command()
def search(
    query: Annotated[str, typer.Argument(help="Some words.")],
    tenant: Tenant = None,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=100)] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Search as the agents do: everybody's articles, and those of the tenant."""
    with _opened(tenant) as (whose, kept):
        _show(kept.search(whose, query, limit), as_json)


@knowledge.command()
def remove(
    article_id: Annotated[str, typer.Argument(help="The article's id.")], tenant: Tenant = None
) -> None:
    """Remove one article. One that ships with Penstock comes back when a worker starts."""
    with _opened(tenant) as (whose, kept):
        if not kept.remove(whose, article_id):
            raise Trouble(f"there is no article {article_id!r}")
        typer.echo("removed")


@contextmanager
def _opened(tenant: str | None) -> Iterator[tuple[str, Articles]]:
    from agents_defs.database import is_away  # SQLAlchemy takes a while

    with exits.told("knowledge"):
        if tenant is not None and not is_tenant_id(tenant):
            raise Trouble(f"--tenant {tenant!r}: must be 1 to 128 characters out of A-Z a-z 0-9 . _ : -")
        options = load().tools()
        if options.shop_url is None:
            raise Trouble("PENSTOCK_SHOP_URL is not set: each worker has its articles in its memory")
        equipment = Equipment(options)
        try:
            yield tenant or EVERYBODY, _articles(equipment)
        except Exception as error:
            if not is_away(error):
                raise
            raise Trouble("the database of PENSTOCK_SHOP_URL does not answer, or cannot be used") from None
        finally:
            equipment.close()


def _articles(equipment: Equipment) -> Articles:
    try:
        return equipment.knowledge()
    except ValueError as error:
        raise Trouble(f"PENSTOCK_SHOP_URL: {error}") from None


def _show(articles: list[Document], as_json: bool) -> None:
    for one in articles:
        if as_json:
            row = {"id": one.id, "title": one.title, "topic": one.topic, "text": one.text}
            typer.echo(orjson.dumps(row).decode())
        else:
            typer.echo(f"{one_line(one.id)}  {one_line(one.title)}")
