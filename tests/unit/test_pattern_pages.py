"""Each pattern has its page, whose code is the pattern's own and whose request is one."""

import json
import re
from pathlib import Path

import pytest

from app.demo.patterns import EXAMPLES
from schemas.codec import decode
from schemas.requests import AgentRequest

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "patterns"
SECTIONS = ["A request and its response", "When to use it", "What it costs", "What survives a crash"]
names = pytest.mark.parametrize("name", sorted(EXAMPLES))


def page(name: str) -> str:
    return (PAGES / f"{name}.md").read_text(encoding="utf-8")


def blocks(name: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page(name), re.DOTALL)


@names
def test_a_pattern_has_a_page_with_a_picture_and_all_sections(name: str) -> None:
    assert len(blocks(name, "mermaid")) == 1
    assert re.findall(r"^## (.*)$", page(name), re.MULTILINE) == SECTIONS


@names
def test_the_code_of_a_page_stands_in_the_pattern_s_file(name: str) -> None:
    source = (ROOT / "agents_defs" / "patterns" / f"{name.replace('-', '_')}.py").read_text(encoding="utf-8")
    (shown,) = blocks(name, "python")

    missing = [part for part in re.split(r"\n{2,}(?=\S)", shown.strip()) if part.strip() not in source]

    assert missing == []


@names
def test_the_request_of_a_page_is_the_example_s(name: str) -> None:
    asked, answered = blocks(name, "json")

    request = decode(AgentRequest, asked.encode())

    assert request.agent == name
    assert request.input in (EXAMPLES[name].asks, EXAMPLES[name].follow_up)
    assert json.loads(answered)["status"] == "completed"


@names
def test_the_index_leads_to_the_page(name: str) -> None:
    assert f"({name}.md)" in (PAGES / "README.md").read_text(encoding="utf-8")
