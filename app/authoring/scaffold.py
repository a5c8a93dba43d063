"""Writes the files of a new agent: what `penstock new agent` does."""

import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

from app.terminal.exits import Trouble

TEMPLATES = Path(__file__).parent / "templates"
OURS = "agents_defs"
IN_CHECKOUT = Path("agents_defs/agents")
NAME = re.compile(r"[a-z][a-z0-9_]{0,49}")


@dataclass(frozen=True, slots=True)
class Home:
    """Where the files go, and how the test finds the agent."""

    folder: Path
    tests: Path
    imports: str  # of the module that has SPEC; "" where it is found in its folder
    more: Mapping[Path, str]  # other files, by the names of their templates; "" is an empty file


def check_name(name: str) -> None:
    """Trouble where no module can have it."""
    if not NAME.fullmatch(name) or keyword.iskeyword(name) or name.startswith("test_"):
        raise Trouble(
            f"{name!r} cannot be an agent's name, which names a file: write lower case letters, digits, _, "
            "a letter first, at most 50, no word of Python's own, and nothing that begins with test_"
        )


def in_checkout(root: Path) -> Home:
    """Of Penstock itself."""
    return Home(root / IN_CHECKOUT, root / "tests" / "agents", IN_CHECKOUT.as_posix().replace("/", "."), {})


def in_folder(folder: Path) -> Home:
    """Of somebody's own, which PENSTOCK_AGENTS_DIR names."""
    return Home(folder, folder / "tests", "", {})


def in_package(root: Path, name: str) -> Home:
    """To be installed beside Penstock."""
    package = f"{name}_agent"
    more = {root / "pyproject.toml": "pyproject.toml", root / package / "__init__.py": ""}
    return Home(root / package, root / "tests", package, more)


def write(name: str, home: Home, *, with_tool: bool) -> list[Path]:
    """The files that were written. Trouble, and nothing is, where one of them is there already."""
    package = home.imports
    words = {"name": name, "package": package, "distribution": package.replace("_", "-"), "gap": _gap(home)}
    files = {
        home.folder / f"{name}.py": _filled("agent_with_tool.py" if with_tool else "agent.py", words),
        home.folder / f"{name}.md": _filled("instructions.md", words),
        home.tests / f"test_{name}.py": _test(name, home, with_tool=with_tool),
        **{path: _filled(template, words) if template else "" for path, template in home.more.items()},
    }
    for path in files:
        if path.exists():
            raise Trouble(f"{path} is there already: nothing was written. Take another name, or remove it")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(files)


def _test(name: str, home: Home, *, with_tool: bool) -> str:
    ours = [
        "from agents_defs.authoring.examination import examine",
        "from agents_defs.authoring.testing import answer_of",
        "from agents_defs.testing.scripted_model import ScriptedModel",
        "from app.testing.stream import StreamTest",
    ]
    words = {"name": name, "path_import": "", "spec": ""}
    own = f"from {home.imports}.{name} import SPEC"
    if home.imports.startswith(OURS):
        ours.insert(0, own)
    elif home.imports:
        ours += ["", own]
    else:
        ours.insert(2, "from agents_defs.discovery import local_package, specs_of")
        words["path_import"] = "from pathlib import Path\n"
        found = "specs_of(local_package(Path(__file__).parents[1]))"
        words["spec"] = f'\nSPEC = next(spec for spec in {found} if spec.name == "{name}")\n'
    words["imports"] = "\n".join(ours) + "\n"
    text = _filled("test_agent.py", words)
    return text + _filled("test_tool.py", words) if with_tool else text


def _gap(home: Home) -> str:
    """Between others' imports and one's own, as linters want it."""
    return "\n" if home.imports.startswith(OURS) else ""


def _filled(template: str, words: Mapping[str, str]) -> str:
    return Template((TEMPLATES / f"{template}.txt").read_text(encoding="utf-8")).substitute(words)
