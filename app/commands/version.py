"""`penstock version`: which Penstock this is, and what it stands on."""

import platform
from importlib.metadata import version as installed

import orjson
import typer

from app.commands.options import AsJson

# What a bug report needs: the parts whose insides are relied on.
PARTS = ("faust-streaming", "aiokafka", "openai-agents", "openai", "redis", "pydantic")


def version(
    as_json: AsJson = False,
) -> None:
    """Print the versions of Penstock, Python and the packages that matter."""
    versions = {"penstock": installed("penstock"), "python": platform.python_version()}
    versions |= {name: installed(name) for name in PARTS}
    if as_json:
        typer.echo(orjson.dumps(versions).decode())
        return
    others = ", ".join(f"{name} {number}" for name, number in versions.items() if name != "penstock")
    typer.echo(f"penstock {versions['penstock']} ({others})")
