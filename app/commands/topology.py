"""`penstock topology`: the graph of topics, processors and tables."""

from enum import StrEnum
from typing import Annotated

import orjson
import typer

from app.settings import load
from app.terminal import exits
from streams.topology_description import as_mermaid, as_text, describe


class Format(StrEnum):
    TEXT = "text"
    MERMAID = "mermaid"
    JSON = "json"


def topology(
    output: Annotated[Format, typer.Option("--format", "-f", help="How to print it.")] = Format.TEXT,
) -> None:
    """Print who writes and reads which topic, in which group, and the tables. Connects to nothing."""
    with exits.told("topology"):
        settings = load()
        graph = describe(settings.topic_prefix, settings.app_id)
        match output:
            case Format.TEXT:
                typer.echo(as_text(graph), nl=False)
            case Format.MERMAID:
                typer.echo(as_mermaid(graph), nl=False)
            case Format.JSON:
                typer.echo(orjson.dumps(graph.as_document(), option=orjson.OPT_INDENT_2).decode())
