"""Which agents exist, and how others join them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from agents import Agent

from agents_defs import registry as registries
from agents_defs.registry import AgentSpec, BadRegistration, Registry, UnknownAgent, default_registry


@pytest.fixture(autouse=True)
def no_folder_is_left() -> Iterator[None]:
    """What a test imported from a folder of its own is forgotten."""
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "local_agents"]:
        del sys.modules[name]


def build() -> Agent[Any]:
    return Agent(name="any")


def spec(name: str = "billing", version: int = 1) -> AgentSpec:
    return AgentSpec(name=name, version=version, build=build)


OFFERED = spec("offered")
OFFERED_LIST = [spec("first"), spec("second", 3)]
NOT_A_SPEC = "no agent"


def test_a_name_alone_means_the_newest_version() -> None:
    registry = Registry([spec(version=2), spec(version=10), spec(version=9)])

    assert registry.resolve("billing").version == 10


def test_a_pinned_version_is_that_one() -> None:
    registry = Registry([spec(version=2), spec(version=10)])

    assert registry.resolve("billing@2").version == 2


@pytest.mark.parametrize(
    "reference", ["nobody", "billing@7", "billing@", "billing@x", "billing@-1", "@1", "", "billing@²"]
)
def test_an_unknown_agent_is_told_what_exists(reference: str) -> None:
    registry = Registry([spec(), spec("support", 2)])

    with pytest.raises(UnknownAgent) as caught:
        registry.resolve(reference)

    assert "billing@1, support@2" in str(caught.value)
    assert caught.value.reference == reference


def test_an_empty_registry_says_so() -> None:
    with pytest.raises(UnknownAgent, match="registered: none"):
        Registry().resolve("support")


def test_the_same_version_is_registered_once() -> None:
    registry = Registry([spec()])

    with pytest.raises(BadRegistration, match="billing@1 is registered already"):
        registry.register(spec())


@pytest.mark.parametrize(("name", "version"), [("", 1), ("a@b", 1), ("a b", 1), ("a", 0), ("x" * 129, 1)])
def test_a_name_that_no_reference_could_mean_is_refused(name: str, version: int) -> None:
    with pytest.raises(BadRegistration):
        Registry([spec(name, version)])


def test_who_is_registered_twice_is_told_where_both_stand() -> None:
    registry = Registry()
    registry.register(spec(), "one.py")

    with pytest.raises(BadRegistration, match=r"already by one\.py, and once more by two\.py: give one"):
        registry.register(spec(), "two.py")


def test_a_registry_knows_where_an_agent_is_defined() -> None:
    registry = default_registry()

    assert registry.origin(registry.resolve("support")) == "agents_defs/agents/support.py"


BROKEN_FILES = {
    "it = 1 +": "SyntaxError",
    "import no_such_module_anywhere": "No module named 'no_such_module_anywhere'",
    "SPEC = 'no agent'": "is no AgentSpec",
    f"from {__name__} import spec\nSPECS = [spec(), 1]": "is no AgentSpec",
    f"from {__name__} import spec\nSPEC = spec('a b')": "needs a name without",
}


@pytest.mark.parametrize("source", BROKEN_FILES)
def test_a_file_that_registers_nothing_good_is_named(tmp_path: Path, source: str) -> None:
    (tmp_path / "weather.py").write_text(source)

    with pytest.raises(BadRegistration) as caught:
        default_registry(folder=tmp_path)

    assert str(tmp_path / "weather.py") in str(caught.value)
    assert BROKEN_FILES[source] in str(caught.value)


def test_a_folder_of_ones_own_needs_no_package(tmp_path: Path) -> None:
    (tmp_path / "weather.py").write_text(f"from {__name__} import spec\n\nSPEC = spec('weather')\n")
    (tmp_path / "stations.py").write_text("PLACES = ['Linz']\n")

    registry = default_registry(folder=tmp_path)

    assert registry.origin(registry.resolve("weather")) == str(tmp_path / "weather.py")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadRegistration, match=r"no folder of agents at .*nowhere"):
        default_registry(folder=tmp_path / "nowhere")


def test_specs_are_listed_by_name_and_version() -> None:
    registry = Registry([spec("b", 2), spec("b", 1), spec("a", 1)])

    assert [one.reference for one in registry.specs()] == ["a@1", "b@1", "b@2"]


def test_the_shipped_agents_always_exist() -> None:
    registry = default_registry()

    assert registry.resolve("support").reference == "support@2"
    assert registry.resolve("support@1").version == 1
    assert registry.resolve("research").reference == "research@1"


def test_examples_of_patterns_are_registered_only_where_they_are_wanted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    package = tmp_path / "pattern_examples"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "race.py").write_text(f"from {__name__} import spec\n\nSPEC = spec('race')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registries, "PATTERNS", "pattern_examples")

    without, with_them = default_registry(), default_registry(patterns=True)

    assert {one.name for one in with_them.specs()} - {one.name for one in without.specs()} == {"race"}


def test_a_build_without_examples_of_patterns_has_its_agents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registries, "PATTERNS", "agents_defs.no_such_folder")

    assert default_registry(patterns=True).specs() == default_registry().specs()


def offer(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    point = EntryPoint(name="mine", value=value, group=registries.ENTRY_POINT_GROUP)

    def found(*, group: str) -> list[EntryPoint]:
        return [point] if group == registries.ENTRY_POINT_GROUP else []

    monkeypatch.setattr(registries, "entry_points", found)


@pytest.mark.parametrize(
    ("value", "expected"), [(":OFFERED", ["offered@1"]), (":OFFERED_LIST", ["first@1", "second@3"])]
)
def test_installed_packages_add_agents_by_entry_point(
    monkeypatch: pytest.MonkeyPatch, value: str, expected: list[str]
) -> None:
    offer(monkeypatch, f"{__name__}{value}")

    registry = default_registry()

    assert set(expected) <= {one.reference for one in registry.specs()}


@pytest.mark.parametrize(
    "value", ["no_such_module_anywhere:SPEC", f"{__name__}:MISSING", f"{__name__}:NOT_A_SPEC"]
)
def test_a_broken_entry_point_is_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    offer(monkeypatch, value)

    with pytest.raises(BadRegistration, match="mine = "):
        default_registry()
