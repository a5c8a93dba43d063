"""Finds the agents of a folder: each of its files that has a SPEC, or a list of them as SPECS."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

from agents_defs.agent_spec import AgentSpec
from agents_defs.spec_rules import BadRegistration

LOCAL = "local_agents"
"""The package that a folder of agents becomes which no package has."""


@dataclass(frozen=True, slots=True)
class Found:
    """An entry, and where it stands."""

    spec: AgentSpec
    origin: str


def modules_of(package: str) -> tuple[str, ...]:
    """The names of the modules of a package of ours, sorted, without those that begin with `_`."""
    folder = import_module(package)
    paths = [str(Path(path)) for path in folder.__path__]
    names = sorted(found.name for found in iter_modules(paths) if not found.name.startswith("_"))
    return tuple(f"{package}.{name}" for name in names)


def specs_in(module: ModuleType) -> tuple[AgentSpec, ...]:
    """What one file registers; nothing where it is no agent's file."""
    origin = _place(module.__name__)
    if hasattr(module, "SPECS"):
        return as_specs(module.SPECS, f"SPECS of {origin}")
    return as_specs(module.SPEC, f"SPEC of {origin}") if hasattr(module, "SPEC") else ()


def as_specs(given: object, what: str) -> tuple[AgentSpec, ...]:
    """An AgentSpec, or an iterable of them."""
    specs = (given,) if isinstance(given, AgentSpec) else tuple(given) if isinstance(given, Iterable) else ()
    good = tuple(spec for spec in specs if isinstance(spec, AgentSpec))
    if not good or len(good) != len(specs):
        raise BadRegistration(f"{what} is no AgentSpec, nor a list of them: write SPEC = AgentSpec(name=...)")
    return good


def found_in(package: str) -> tuple[Found, ...]:
    """All agents of a package's folder. Raises BadRegistration for a file that cannot be imported."""
    return tuple(
        Found(spec, _place(name)) for name in modules_of(package) for spec in specs_in(_imported(name))
    )


def specs_of(package: str) -> tuple[AgentSpec, ...]:
    """The same, without where they stand."""
    return tuple(found.spec for found in found_in(package))


def local_package(folder: Path) -> str:
    """Makes a folder of agents importable as a package, which nobody has to install."""
    if not folder.is_dir():
        raise BadRegistration(
            f"there is no folder of agents at {folder}: make it, or unset PENSTOCK_AGENTS_DIR"
        )
    package = ModuleType(LOCAL)
    package.__path__ = [str(folder.resolve())]
    sys.modules[LOCAL] = package
    return LOCAL


def _imported(name: str) -> ModuleType:
    try:
        return import_module(name)
    except Exception as error:  # whoever writes an agent may have made any mistake
        raise BadRegistration(
            f"{_place(name)} cannot be imported: {type(error).__name__}: {error}"
        ) from error


def _place(name: str) -> str:
    """The file of a module, as one would look for it."""
    package, _, stem = name.rpartition(".")
    if package == LOCAL:
        return str(Path(sys.modules[LOCAL].__path__[0]) / f"{stem}.py")
    return f"{name.replace('.', '/')}.py"
