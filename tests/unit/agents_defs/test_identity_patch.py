"""The patch changes what an identity costs, not what it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from agents import Agent, Runner, RunState, function_tool
from agents import _run_state_agent_identity as identity
from agents.testing import ScriptedModel, assistant_message, function_call
from agents.version import __version__ as sdk_version
from hypothesis import given
from hypothesis import strategies as st

from agents_defs import identity_patch
from agents_defs.registry import default_registry


@function_tool(needs_approval=True)
async def open_gate() -> str:
    """Opens the gate."""
    return "open"


@pytest.fixture(autouse=True)
def unpatched() -> Iterator[None]:
    identity_patch.remove()
    yield
    identity_patch.remove()


def twins() -> Agent[Any]:
    """Agents of the same name that only their instructions tell apart, and one that hands back."""
    last = Agent[Any](name="last")
    same = [Agent[Any](name="same", instructions=text, handoffs=[last]) for text in ("b", "a", "c")]
    root = Agent[Any](name="root", handoffs=[*same, Agent[Any](name="root", instructions="other")])
    last.handoffs.append(root)
    return root


def identities(root: Agent[Any]) -> dict[str, tuple[str, Any]]:
    found = identity._build_agent_identity_map(root)
    return {key: (agent.name, agent.instructions) for key, agent in found.items()}


GRAPHS = [twins, *(spec.build for spec in default_registry().specs())]


@pytest.mark.parametrize("build", GRAPHS)
def test_identities_are_the_same_with_and_without(build: Any) -> None:
    root = build()
    before = identities(root)

    applied = identity_patch.apply()

    assert applied
    assert identities(root) == before


def test_one_of_a_kind_is_not_serialised(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(_agent: Any) -> str:
        raise AssertionError("the agent was serialised")

    monkeypatch.setattr(identity, "_agent_identity_signature", forbidden)
    graph = default_registry().resolve("support").build()

    with pytest.raises(AssertionError):
        identities(graph)
    identity_patch.apply()

    assert set(identities(graph)) == {"support", "billing", "technical", "account"}


@given(st.lists(st.integers()))
def test_sorting_is_the_same(items: list[int]) -> None:
    assert identity_patch.sorted_unless_single(iter(items), key=lambda one: -one) == sorted(
        items, key=lambda one: -one
    )
    assert identity_patch.sorted_unless_single(items) == sorted(items)


async def test_a_run_that_was_stored_without_goes_on_with_it() -> None:
    model = ScriptedModel([[function_call("open_gate", {}, call_id="c1")], [assistant_message("it is open")]])

    def build() -> Agent[Any]:
        return Agent(name="keeper", model=model, tools=[open_gate], handoffs=[Agent(name="other")])

    waiting = await Runner.run(build(), "open the gate")
    stored = waiting.to_state().to_string()
    identity_patch.apply()
    state = await RunState.from_string(build(), stored)
    state.approve(state.get_interruptions()[0])

    assert (await Runner.run(build(), state)).final_output == "it is open"


@pytest.mark.parametrize("version", ["0.23.9", "0.25.0", "1.0.0"])
def test_other_versions_are_left_alone(version: str) -> None:
    assert not identity_patch.apply(version)
    assert "sorted" not in vars(identity)


def test_the_installed_version_is_one_that_was_examined() -> None:
    assert sdk_version.startswith(identity_patch.PATCHED_VERSIONS)


def test_it_can_be_taken_back() -> None:
    identity_patch.apply()

    identity_patch.remove()

    assert "sorted" not in vars(identity)
