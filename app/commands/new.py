"""`penstock new`: write the files of a new agent."""

from pathlib import Path
from typing import Annotated

import typer

from app.authoring import scaffold
from app.settings import Settings, load
from app.terminal import exits
from app.terminal.exits import Trouble

new = typer.Typer(no_args_is_help=True, help="Write the files of a new agent.")


@new.callback()
def _group() -> None:
    """A group, although it has one command only."""


@new.command()
def agent(
    name: Annotated[str, typer.Argument(help="Of the agent and its files: lower case letters, digits, _.")],
    with_tool: Annotated[bool, typer.Option("--with-tool", help="It has a tool, too.")] = False,
    folder: Annotated[
        Path | None, typer.Option("--dir", help="Into this folder; PENSTOCK_AGENTS_DIR names it to workers.")
    ] = None,
    package: Annotated[
        Path | None, typer.Option("--package", help="As a package of its own, in this folder.")
    ] = None,
) -> None:
    """Write a working agent, what it is told, and a test that passes. Nothing is written over.

    In a checkout of Penstock they go into its folders, unless --dir or --package says otherwise.
    """
    with exits.told("new agent"):
        scaffold.check_name(name)
        settings = load()
        home = _home(name, folder, package, settings)
        _refuse_taken(name, settings)
        written = scaffold.write(name, home, with_tool=with_tool)
    for path in written:
        typer.echo(path)
    typer.echo(_what_now(name, home, folder, package, settings), err=True)


def _home(name: str, folder: Path | None, package: Path | None, settings: Settings) -> scaffold.Home:
    if folder is not None and package is not None:
        raise Trouble("say --dir or --package, not both")
    if package is not None:
        return scaffold.in_package(package, name)
    if folder is not None:
        return scaffold.in_folder(folder)
    here = Path()
    if (here / scaffold.IN_CHECKOUT).is_dir() and (here / "pyproject.toml").is_file():
        return scaffold.in_checkout(here)
    if settings.agents_dir is not None:
        return scaffold.in_folder(settings.agents_dir)
    raise Trouble("this is no checkout of Penstock: say --dir for a folder of agents, or --package")


def _refuse_taken(name: str, settings: Settings) -> None:
    from app.authoring import choosing  # it brings the Agents SDK

    registry = choosing.registered(settings)
    for spec in registry.specs():
        if spec.name == name:
            raise Trouble(
                f"an agent {name} is registered already by {registry.origin(spec)}: take another name"
            )


def _what_now(
    name: str, home: scaffold.Home, folder: Path | None, package: Path | None, settings: Settings
) -> str:
    test = home.tests / f"test_{name}.py"
    steps = [f"write in {home.folder / f'{name}.md'} what it is told, then:"]
    if package is not None:
        steps += [f"  pip install -e {package}", f"  pytest {package}"]
    elif folder is not None and settings.agents_dir != folder:
        steps += [f"  export PENSTOCK_AGENTS_DIR={folder}", f"  pytest {test}"]
    else:
        steps.append(f"  pytest {test}")
    return "\n".join([*steps, f"  penstock agents check {name}", f"  penstock agents try {name} --offline"])
