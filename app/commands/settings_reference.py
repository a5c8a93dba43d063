"""`penstock config`: shows the settings in force, and where each comes from."""

from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from pydantic import SecretStr
from rich.table import Table

from app import settings_page
from app.commands.options import AsJson
from app.settings import Settings, load, origins, variable
from app.terminal import exits, screen

HIDDEN = "********"


def config(
    reference: Annotated[bool, typer.Option("--reference", help="Print all settings as Markdown.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the settings in force: value, where it comes from, default. Secrets are masked."""
    if reference:
        typer.echo(settings_page.page())
        return
    with exits.told("config"):
        settings, sources = load(), origins()
    rows = {
        variable(name): {
            "value": shown(getattr(settings, name)),
            "from": sources[name],
            "default": field.default,
        }
        for name, field in Settings.model_fields.items()
    }
    if as_json:
        typer.echo(orjson.dumps(rows).decode())
        return
    table = Table(box=None, padding=(0, 1))
    for column in ("setting", "value", "from", "default"):
        table.add_column(column, overflow="fold")
    for name, found in rows.items():
        changed = found["from"] != "default"
        default = written(found["default"]) if changed else ""
        table.add_row(name, written(found["value"]), found["from"], default, style="bold" if changed else "")
    screen.out().print(table)


def written(value: object) -> str:
    """As it would stand in the environment."""
    if value is None:
        return "-"
    return str(value).lower() if isinstance(value, bool) else str(value)


def shown(value: object) -> Any:
    """A value as it may be seen: no keys, no passwords in addresses."""
    if isinstance(value, SecretStr):
        return HIDDEN
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, str) and "@" in value and "://" in value:
        scheme, _, rest = value.partition("://")
        return f"{scheme}://{HIDDEN}@{rest.rpartition('@')[2]}"
    return value
