"""The file of models: what it says, and one line that helps where it says something wrong."""

from pathlib import Path

import pytest

from app.model_file import ModelFile, read_models

GOOD = """
endpoints:
  - {name: openai, api_key: "env:KEY", weight: 3}
  - {name: eu, provider: azure, base_url: "https://x.example", api_version: "1", api_key: "file:eu.key",
     models: [big], names: {big: big-eu}, tenant_key: openai}
routing: latency
tiers: {small: tiny, standard: {model: big, settings: {temperature: 0.2}}}
fallbacks: {big: [tiny]}
"""


def read(tmp_path: Path, text: str) -> ModelFile:
    path = tmp_path / "models.yaml"
    path.write_text(text)
    return read_models(path, {"KEY": "k-1"}.get)


def test_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "eu.key").write_text("k-2\n")

    found = read(tmp_path, GOOD)

    assert [one.api_key for one in found.endpoints] == ["k-1", "k-2"]
    assert (found.endpoints[1].names, found.endpoints[1].tenant_key) == ({"big": "big-eu"}, "openai")
    assert found.tiers == {"small": "tiny", "standard": "big"}
    assert found.tier_settings == {"standard": {"temperature": 0.2}}
    assert (found.routing, found.fallbacks) == ("latency", {"big": ("tiny",)})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("endpoints: []", "endpoints: Tuple should have at least 1 item"),
        ("- 1", "Input should be a valid dictionary"),
        ("{", "cannot be read"),
        ("endpoints: [{name: a, api_key: sk-123}]", "write api_key as env:NAME or file:PATH"),
        ("endpoints: [{name: a, api_key: 'env:MISSING'}]", "the variable MISSING is not set"),
        ("endpoints: [{name: a, api_key: 'file:none'}]", "its key cannot be read"),
        ("endpoints: [{name: a, api_key: 'file:blank.key'}]", "a: blank.key holds no key"),
        ("endpoints: [{name: a, api_key: 'file:two.key'}]", "a: two.key holds no key"),
        ('endpoints:\n  - name: a\n    api_key: "sk-123\n', "it is no YAML in line 4, column 1"),
        ("endpoints:\n  - name: a\n    api_key: sk-123: x: y", "it is no YAML in line 3, column 20"),
        ("endpoints:\n  - name: a\n    api_key: sk-123\a", "it is no YAML in line 3, column 20"),
        ("endpoints: [{name: a}, {name: a}]", "two have the same name"),
        ("endpoints: [{name: a, provider: azure}]", "Azure needs base_url and api_version"),
        ("endpoints: [{name: a, urls: x}]", "Extra inputs are not permitted"),
        ("endpoints: [{name: a, weight: 0}]", "endpoints.0.weight"),
        ("endpoints: [{name: a, models: [m]}]\ntiers: {small: n}", "no endpoint serves the model n"),
        ("endpoints: [{name: a}]\ntiers: {small: {model: n, settings: {warmth: 1}}}", "no such setting"),
        ("endpoints: [{name: a}]\nrouting: nearest", "routing"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "blank.key").write_text("\n")
    (tmp_path / "two.key").write_text("sk-123\nsk-1234\n")

    with pytest.raises(ValueError, match=r"models[.]yaml") as refused:
        read(tmp_path, text)

    assert told in str(refused.value)
    assert "sk-123" not in str(refused.value)
