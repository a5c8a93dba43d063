"""What is wrong with topics, in as few lines as possible. No I/O."""

from collections.abc import Iterable

from app.provision import TopicState


def problem_lines(states: Iterable[TopicState]) -> list[str]:
    """One line for each problem, however many topics have it."""
    having: dict[str, list[str]] = {}
    for state in states:
        for problem in state.problems:
            having.setdefault(problem, []).append(state.name)
    return [
        f"{names[0]}{f' (and {len(names) - 1} more)' if len(names) > 1 else ''} {problem}"
        for problem, names in having.items()
    ]
