"""The generated pages say what the code says."""

from pathlib import Path

import pytest

from app.docs.pages import PAGES, render

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("path", PAGES)
def test_a_generated_page_is_fresh(path: str) -> None:
    assert (ROOT / path).read_text() == render(path), "run `make docs`"
