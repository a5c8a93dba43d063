"""Which agents exist, and in which versions."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec

from agents_defs.agent_spec import AgentSpec as AgentSpec  # whoever registers an agent finds both here
from agents_defs.discovery import specs_of

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


class BadRegistration(ValueError):
    """An agent that cannot be registered: a name already taken, a bad name, an entry point that fails."""


class Registry:
    """The agents that this worker can run."""

    def __init__(self, specs: Iterable[AgentSpec] = ()) -> None:
        self._versions: dict[str, dict[int, AgentSpec]] = {}
        for spec in specs:
            self.register(spec)

    def register(self, spec: AgentSpec) -> None:
        """Adds one version of an agent. A name and version can be registered once."""
        if not spec.name or "@" in spec.name or spec.version < 1:
            raise BadRegistration(
                f"{spec.reference!r}: an agent needs a name without '@' and a version from 1"
            )
        versions = self._versions.setdefault(spec.name, {})
        if spec.version in versions:
            raise BadRegistration(f"{spec.reference} is registered already")
        versions[spec.version] = spec

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


def default_registry(patterns: bool = False) -> Registry:
    """The agents that ship with Penstock, and those that installed packages offer as entry points.

    `patterns`: also the examples of patterns.
    """
    registry = Registry(specs_of(AGENTS))
    for spec in specs_of(PATTERNS) if patterns and find_spec(PATTERNS) else ():
        registry.register(spec)
    for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda found: found.name):
        for spec in _loaded(point):
            registry.register(spec)
    return registry


def _loaded(point: EntryPoint) -> tuple[AgentSpec, ...]:
    """What an entry point names: an AgentSpec, or an iterable of them."""
    origin = f"entry point {point.name} = {point.value}"
    try:
        loaded = point.load()
    except Exception as error:  # another package's import may fail in any way
        raise BadRegistration(f"{origin} cannot be loaded: {error!r}") from error
    specs = (
        (loaded,) if isinstance(loaded, AgentSpec) else tuple(loaded) if isinstance(loaded, Iterable) else ()
    )
    if not specs or not all(isinstance(spec, AgentSpec) for spec in specs):
        raise BadRegistration(f"{origin} is no AgentSpec, nor a list of them")
    return specs
