"""The state of a matrix between two rounds, as a file: a long one goes on where it was stopped."""

import json
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.tally import Tally


class OtherMatrix(Exception):
    """The file is of another matrix."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where a matrix stands. `title` names all that it depends on: another title is another matrix."""

    title: str
    next_round: int
    tally: Tally
    spent_s: float = 0.0

    def write(self, path: Path) -> None:
        """All or nothing."""
        path.parent.mkdir(parents=True, exist_ok=True)
        told = {
            "title": self.title,
            "next_round": self.next_round,
            "tally": self.tally.as_json(),
            "spent_s": self.spent_s,
        }
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(told))
        fresh.replace(path)


def read(path: Path, title: str) -> Checkpoint | None:
    """Where this matrix was stopped; None at its beginning."""
    if not path.exists():
        return None
    told = json.loads(path.read_text())
    if told["title"] != title:
        raise OtherMatrix(
            f"{path} is of another matrix ({told['title']}, not {title}): remove it, or name another"
        )
    tally = Tally.from_json(told["tally"])
    return Checkpoint(told["title"], told["next_round"], tally, told["spent_s"])
