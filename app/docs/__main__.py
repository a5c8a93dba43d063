"""`python -m app.docs --write` writes the generated pages; without it, says which are stale."""

import sys
from pathlib import Path

from app.docs.pages import PAGES, render


def main(write: bool) -> int:
    """Write, or judge."""
    stale = [path for path in PAGES if not _is_fresh(Path(path), render(path))]
    for path in stale:
        if write:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_text(render(path))
        sys.stdout.write(f"{'wrote' if write else 'stale:'} {path}\n")
    return 0 if write else bool(stale)


def _is_fresh(path: Path, rendered: str) -> bool:
    return path.exists() and path.read_text() == rendered


if __name__ == "__main__":
    sys.exit(main("--write" in sys.argv[1:]))
