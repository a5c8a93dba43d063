"""Finds the agents of a folder: each of its files that has a SPEC, or a list of them as SPECS."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

from agents_defs.agent_spec import AgentSpec


def modules_of(package: str) -> tuple[str, ...]:
    """The names of the modules of a package of ours, sorted, without those that begin with `_`."""
    folder = import_module(package)
    paths = [str(Path(path)) for path in folder.__path__]
    names = sorted(found.name for found in iter_modules(paths) if not found.name.startswith("_"))
    return tuple(f"{package}.{name}" for name in names)


def specs_in(module: ModuleType) -> tuple[AgentSpec, ...]:
    """What one file registers; nothing where it is no agent's file."""
    several = getattr(module, "SPECS", None)
    if several is not None:
        return tuple(several)
    spec = getattr(module, "SPEC", None)
    return (spec,) if isinstance(spec, AgentSpec) else ()


def specs_of(package: str) -> tuple[AgentSpec, ...]:
    """All agents of a package's folder."""
    return tuple(spec for name in modules_of(package) for spec in specs_in(import_module(name)))
