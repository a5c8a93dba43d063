"""PENSTOCK_MODEL_CONCURRENCY: what it says, and what is said of one that says nothing."""

import pytest

from app.settings import BadSettings, load


@pytest.mark.parametrize(
    ("said", "caps"),
    [
        (None, {}),
        ("gpt-5.4=50", {"gpt-5.4": 50}),
        (" gpt-5.4 = 50 , gpt-5.4-mini=500, ", {"gpt-5.4": 50, "gpt-5.4-mini": 500}),
        ("a=b=3", {"a=b": 3}),
    ],
)
def test_it_names_models_and_how_many_calls_each_may_have(said: str | None, caps: dict[str, int]) -> None:
    assert load(model_concurrency=said).model_caps == caps


@pytest.mark.parametrize("said", ["gpt-5.4", "gpt-5.4=", "=5", "gpt-5.4=0", "gpt-5.4=-1", "gpt=1.5", "gpt=²"])
def test_what_is_no_cap_is_refused_with_what_to_write(said: str) -> None:
    with pytest.raises(BadSettings, match=r"is no cap: write model=number, from 1, as in gpt-5.4=50,gpt-5"):
        load(model_concurrency=said)
