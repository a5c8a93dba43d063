"""A release says from which versions to draw, and can always be drawn from."""

from typing import Any

import orjson
import pytest

from schemas.codec import decode, encode
from schemas.invalid_fields import InvalidField
from schemas.releases import Release


def release(**fields: Any) -> Release:
    document = {"agent": "support", "versions": [{"version": 3, "share": 1}], **fields}
    return decode(Release, orjson.dumps(document))


def test_a_full_release_survives_the_wire() -> None:
    full = release(
        versions=[{"version": 3, "share": 0.9}, {"version": 4, "share": 0.1}],
        shadow={"version": 5, "share": 0.01},
        rollback_when={"failed_share": 0.05, "p95_run_ms": 30_000, "cost_usd_per_run": "0.25"},
        by="eve",
        at="2026-11-21T07:05:38.123Z",
    )

    assert decode(Release, encode(full)) == full


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"versions": []}, "versions: must have at least 1"),
        ({"versions": [{"version": 3, "share": 0}]}, "versions: the shares must add up"),
        (
            {"versions": [{"version": 3, "share": 1}, {"version": 3, "share": 2}]},
            "versions: each version may stand once",
        ),
        ({"versions": [{"version": 0, "share": 1}]}, "versions.0.version: must be at least 1"),
        ({"versions": [{"version": 1, "share": -1}]}, "versions.0.share: must be at least 0"),
        ({"versions": [{"version": 1, "share": "1"}]}, "versions.0.share: must be a number"),
        ({"shadow": {"version": 1, "share": 2}}, "shadow.share: must be at most 1"),
        ({"agent": ""}, "agent: must have at least 1"),
    ],
)
def test_a_release_that_cannot_be_drawn_from_is_invalid(fields: dict[str, Any], line: str) -> None:
    with pytest.raises(InvalidField) as caught:
        release(**fields)

    assert str(caught.value).startswith(line)
