"""The agents that the settings register, and those of them that somebody names."""

from collections.abc import Sequence

from agents_defs.agent_spec import AgentSpec
from agents_defs.authoring.drawing import AgentCard, draw
from agents_defs.registry import BadRegistration, Registry, UnknownAgent, default_registry
from app.settings import Settings
from app.terminal.exits import Trouble


def registered(settings: Settings) -> Registry:
    """Trouble where one of them cannot be registered."""
    try:
        return default_registry(settings.patterns, settings.agents_dir)
    except BadRegistration as error:
        raise Trouble(f"an agent cannot be registered: {error}") from error


def chosen(registry: Registry, reference: str) -> AgentSpec:
    """`support` or `support@3`."""
    try:
        return registry.resolve(reference)
    except UnknownAgent as error:
        raise Trouble(f"{error}. `penstock new agent NAME` makes another") from None


def all_or(registry: Registry, references: Sequence[str]) -> list[AgentSpec]:
    """Those that are named; all where none is."""
    return [chosen(registry, one) for one in references] or list(registry.specs())


def drawn(registry: Registry, spec: AgentSpec) -> tuple[AgentCard, ...]:
    """The graph of an agent. Trouble where it cannot be built."""
    try:
        return draw(spec.build())
    except Exception as error:  # agents are others' code, and may fail in any way
        said = f"{type(error).__name__}: {error}"
        raise Trouble(
            f"{registry.origin(spec)}: build() of {spec.reference} failed: {said}. "
            f"`penstock agents check {spec.name}` says more"
        ) from error
