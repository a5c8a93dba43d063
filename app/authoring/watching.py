"""Which files agents are made of, and whether they are what they were."""

from collections.abc import Iterable, Mapping
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

from agents_defs.registry import ENTRY_POINT_GROUP

OURS = "agents_defs"
Snapshot = Mapping[Path, tuple[int, int]]
"""By file: when it was written, and its size."""


def places(folder: Path | None) -> list[Path]:
    """Folders and files: ours, those of installed packages that offer agents, and a folder of one's own."""
    names = [OURS, *(point.module.split(".")[0] for point in entry_points(group=ENTRY_POINT_GROUP))]
    found = [place for name in dict.fromkeys(names) for place in _of_package(name)]
    return [*found, folder.resolve()] if folder is not None else found


def look(watched: Iterable[Path]) -> Snapshot:
    """As the files are now."""
    seen: dict[Path, tuple[int, int]] = {}
    for place in watched:
        for path in [place] if place.is_file() else place.rglob("*"):
            if "__pycache__" in path.parts or path.name.startswith("."):
                continue
            try:
                if path.is_file():
                    seen[path] = (path.stat().st_mtime_ns, path.stat().st_size)
            except OSError:  # it has just gone
                continue
    return seen


def changed(before: Snapshot, after: Snapshot) -> list[Path]:
    """Files that came, went or were written."""
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


def _of_package(name: str) -> list[Path]:
    found = find_spec(name)
    if found is None:
        return []
    if found.submodule_search_locations:
        return [Path(place) for place in found.submodule_search_locations]
    file = Path(found.origin or name)
    return [file, *file.parent.glob(f"{file.stem}*.md")]
