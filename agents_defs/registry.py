"""Which agents exist, and in which versions."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path

from agents_defs.agent_spec import AgentSpec as AgentSpec  # whoever registers an agent finds both here
from agents_defs.discovery import Found, as_specs, found_in, local_package
from agents_defs.spec_rules import BadRegistration as BadRegistration
from agents_defs.spec_rules import check

ENTRY_POINT_GROUP = "penstock.agents"
AGENTS = "agents_defs.agents"
"""Where agents live: one file each, with what they are told beside it."""
PATTERNS = "agents_defs.patterns"
"""Where the examples of patterns live, in the same way."""


class UnknownAgent(LookupError):
    """No agent of this name and version is registered; the message lists those that are."""

    def __init__(self, reference: str, known: Iterable[str]) -> None:
        names = ", ".join(known) or "none"
        super().__init__(f"unknown agent {reference!r}; registered: {names}")
        self.reference = reference


class Registry:
    """The agents that this worker can run."""

    def __init__(self, specs: Iterable[AgentSpec] = ()) -> None:
        self._versions: dict[str, dict[int, AgentSpec]] = {}
        self._origins: dict[tuple[str, int], str] = {}
        for spec in specs:
            self.register(spec)

    def register(self, spec: AgentSpec, origin: str = "") -> None:
        """Adds one version of an agent. A name and version can be registered once.

        `origin`: the file or entry point that it comes from, for whoever has to mend it.
        """
        check(spec, origin)
        key = (spec.name, spec.version)
        if key in self._origins:
            here, there = (f" by {place}" if place else "" for place in (origin, self._origins[key]))
            raise BadRegistration(
                f"{spec.reference} is registered already{there}, and once more{here}: "
                "give one of them another name or version"
            )
        self._versions.setdefault(spec.name, {})[spec.version] = spec
        self._origins[key] = origin

    def origin(self, spec: AgentSpec) -> str:
        """The file or entry point that a registered spec comes from."""
        return self._origins[spec.name, spec.version]

    def resolve(self, reference: str) -> AgentSpec:
        """`support` is the newest version, `support@3` that one. Raises UnknownAgent."""
        name, pinned, version = reference.partition("@")
        versions = self._versions.get(name)
        if versions and not pinned:
            return versions[max(versions)]
        if versions and version.isascii() and version.isdigit() and int(version) in versions:
            return versions[int(version)]
        raise UnknownAgent(reference, [spec.reference for spec in self.specs()])

    def specs(self) -> tuple[AgentSpec, ...]:
        """All versions of all agents, by name and version."""
        return tuple(
            self._versions[name][version]
            for name in sorted(self._versions)
            for version in sorted(self._versions[name])
        )


def default_registry(patterns: bool = False, folder: Path | None = None) -> Registry:
    """The agents that ship with Penstock, and those that installed packages offer as entry points.

    `patterns`: also the examples of patterns. `folder`: also the agents of a folder of somebody's own.
    """
    registry = Registry()
    packages = [AGENTS]
    if patterns and find_spec(PATTERNS):
        packages.append(PATTERNS)
    if folder is not None:
        packages.append(local_package(folder))
    for package in packages:
        for found in found_in(package):
            registry.register(found.spec, found.origin)
    for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda each: each.name):
        for found in _offered(point):
            registry.register(found.spec, found.origin)
    return registry


def _offered(point: EntryPoint) -> tuple[Found, ...]:
    """What an entry point names: an AgentSpec, or an iterable of them."""
    origin = f"entry point {point.name} = {point.value}"
    try:
        loaded = point.load()
    except Exception as error:  # another package's import may fail in any way
        raise BadRegistration(f"{origin} cannot be loaded: {type(error).__name__}: {error}") from error
    return tuple(Found(spec, origin) for spec in as_specs(loaded, origin))
