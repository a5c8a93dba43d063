"""The file of tiers: what holds where a plan says nothing."""

from pathlib import Path

import pytest

from app.settings import BadSettings, load
from app.tier_file import read_tiers


def test_a_tier_is_what_a_plan_may_say(tmp_path: Path) -> None:
    path = tmp_path / "tiers.json"
    path.write_text('{"pro": {"limits": [{"what": "requests", "per": "hour", "limit": 9}], "weight": 3}}')

    tiers = read_tiers(path)

    assert (tiers["pro"].tier, tiers["pro"].weight, tiers["pro"].limits[0].limit) == ("pro", 3, 9)
    assert load(tiers_file=path).stream().limits.tiers == tiers


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "cannot be read"),
        ("[]", "is no JSON object of tiers"),
        ('{"pro": 1}', "pro is no JSON object"),
        ('{"pro": {"wait": 3}}', "pro has fields that no tier has: wait"),
        ('{"pro": {"tenant_id": "acme"}}', "pro has fields that no tier has: tenant_id"),
        ('{"pro": {"limits": [{"what": "tokens", "per": "week", "limit": 1}]}}', "pro.limits.0.per"),
    ],
)
def test_a_file_that_is_wrong_says_where_and_the_worker_does_not_start(
    tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "tiers.json"
    path.write_text(text)

    with pytest.raises(BadSettings, match=said.replace(".", r"\.")):
        load(tiers_file=path)


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="cannot be read"):
        load(tiers_file=tmp_path / "none.json")
