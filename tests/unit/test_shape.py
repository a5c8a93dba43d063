"""The tree reads as the style demands: short files, names that say something, a docstring on top."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("app", "streams", "agents_defs", "schemas", "tests", "benchmarks")
LONGEST_FILE = 400
BANNED = ("util", "helper", "manager", "common", "misc", "base", "handler", "processor", "service", "core")
# Names that somebody else gave and that we extend or implement.
GIVEN = {
    "FencedCommitHandler",  # aiokafka's handlers
    "DiscreetHandler",  # logging's handlers
}

MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
WRITTEN = [path for path in MODULES if path.read_text().strip()]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def words(name: str) -> list[str]:
    """`KafkaOutbox` and `kafka_outbox` -> kafka, outbox."""
    spaced = "".join(f"_{letter}" if letter.isupper() else letter for letter in name)
    return [word.lower() for word in spaced.split("_") if word]


def banned_in(name: str) -> list[str]:
    return [word for word in words(name) if word in BANNED or word.removesuffix("s") in BANNED]


def begins_with_a_sentence(source: str) -> bool:
    docstring = ast.get_docstring(ast.parse(source)) or ""
    first = docstring.splitlines()[0] if docstring else ""
    return source.startswith('"""') and first.endswith((".", "?", "!", ":"))


def test_there_is_something_to_judge() -> None:
    assert len(WRITTEN) > 50


def test_no_file_is_longer_than_allowed() -> None:
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in WRITTEN}

    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_no_file_has_a_name_that_says_nothing() -> None:
    assert [name_of(path) for path in MODULES if banned_in(path.stem)] == []


def test_no_class_has_a_name_that_says_nothing() -> None:
    classes = [
        f"{name_of(path)}: {node.name}"
        for path in WRITTEN
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and node.name not in GIVEN and banned_in(node.name)
    ]

    assert classes == []


def test_each_file_begins_with_a_sentence_that_says_its_job() -> None:
    assert [name_of(path) for path in WRITTEN if not begins_with_a_sentence(path.read_text())] == []


@pytest.mark.parametrize("package", ["app", "streams", "agents_defs", "schemas"])
def test_init_files_are_empty_but_for_the_public_contract(package: str) -> None:
    inits = [path for path in (ROOT / package).rglob("__init__.py") if path.read_text().strip()]

    assert inits in ([], [ROOT / "schemas" / "__init__.py"])


def test_a_name_is_judged_word_by_word() -> None:
    assert banned_in("TaskManager") == ["manager"]
    assert banned_in("string_utils") == ["utils"]
    assert banned_in("KafkaOutbox") == []
    assert banned_in("database") == []
