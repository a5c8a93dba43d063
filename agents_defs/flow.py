"""A flow: several agents, and the Python code that says in which order they are asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from agents import Agent

from agents_defs.flow_run import FlowRun, Progress
from agents_defs.offline.conversation import text_of

if TYPE_CHECKING:
    from agents_defs.run_context import RunContext
    from agents_defs.run_scope import RunScope

Steps = Callable[[FlowRun, str], Awaitable[Any]]
"""Takes the run and the question; gives back text, or what an output type holds."""


class Flow(Agent[Any]):
    """What `build()` returns instead of an agent. It asks no model itself: its agents do.

    To whoever looks at a graph it is an agent that hands off to each of them.
    """

    def __init__(self, name: str, steps: Steps, agents: Sequence[Agent[Any]]) -> None:
        names = [agent.name for agent in agents]
        if not names or len(set(names)) != len(names):
            raise ValueError(f"the flow {name!r} needs agents with names of their own, not {names}")
        super().__init__(name=name, handoffs=list(agents))
        self.steps = steps

    @property
    def agents(self) -> tuple[Agent[Any], ...]:
        """In the order in which they were given."""
        return tuple(agent for agent in self.handoffs if isinstance(agent, Agent))

    async def carried_out(self, scope: RunScope, context: RunContext) -> tuple[Any, str]:
        """The output, and the name of the agent that was asked last."""
        order, feed = scope.run.order, scope.run.feed
        agents = {agent.name: agent for agent in self.agents}
        progress = Progress(agents, context, tuple(order.session_items), self.name)
        if feed is not None:
            feed.turn_started(self.name)
        output = await self.steps(FlowRun(scope, progress), _question(order.input))
        return output, progress.last_agent


def _question(asked: str | Sequence[dict[str, Any]]) -> str:
    """What the user says in this request."""
    if isinstance(asked, str):
        return asked
    said = [text_of(item.get("content")) for item in asked if item.get("role") == "user"]
    return "\n".join(said)
