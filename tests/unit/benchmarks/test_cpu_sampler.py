"""To which stage a moment of CPU time belongs."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import benchmarks
from benchmarks.cpu_sampler import LOOP, CpuSampler
from benchmarks.stage_map import STAGES

ROOT = Path(benchmarks.__file__).parents[1]


def code_in(path: str) -> Callable[[Callable[[], None]], None]:
    """A function that seems to stand in that file, and calls what it is given."""
    scope: dict[str, Callable[[Callable[[], None]], None]] = {}
    exec(compile("def call(act):\n    act()", path, "exec"), scope)
    return scope["call"]


def sampled(*paths: str) -> str:
    """The stage of a stack of such files, the outermost first."""
    sampler = CpuSampler(STAGES)

    def act() -> None:
        sampler._sample(0, sys._getframe(1))

    for path in reversed(paths):
        act = (lambda call, inner: lambda: call(inner))(code_in(path), act)
    act()
    (stage,) = sampler.by_stage
    return stage


def test_the_innermost_known_file_decides() -> None:
    stage = sampled("/x/streams/pipeline.py", "/x/streams/execution.py", "/x/site-packages/agents/run.py")

    assert stage == "agent run (Agents SDK)"


def test_a_library_without_a_stage_counts_for_its_caller() -> None:
    stage = sampled("/x/streams/emission.py", "/x/site-packages/pydantic/main.py")

    assert stage == "emission: render, encode"


def test_a_stack_of_unknown_files_is_the_event_loops() -> None:
    assert sampled("/x/asyncio/streams_of_others.py") == LOOP


@pytest.mark.parametrize("part", [part for part, _ in STAGES if "/site-packages/" not in part])
def test_every_file_of_ours_in_the_map_exists(part: str) -> None:
    path = ROOT / part.strip("/")

    assert path.is_dir() or list(path.parent.glob(f"{path.name}*.py"))
