"""What the doctor makes of the models' answers."""

from agents_defs.model_access import Probe
from app.doctor import models


def test_models_that_are_well_share_a_line_and_each_other_has_its_own() -> None:
    probes = [
        Probe("nano", ok=True, detail="answers at api.example"),
        Probe("mini", ok=False, detail="the key is wrong"),
        Probe("large", ok=True, detail="answers at api.example"),
    ]

    found = models.judge(probes)

    assert [(one.verdict, one.found) for one in found] == [
        ("fail", "mini: the key is wrong"),
        ("ok", "nano, large: answers at api.example"),
    ]
