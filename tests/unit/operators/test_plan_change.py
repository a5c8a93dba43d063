"""What becomes of plans: single fields, whole files, what is kept, and which bytes are written."""

from typing import Any

import orjson
import pytest

from app.operators import plan_assignments, plan_diff
from app.operators.plan_assignments import applied, assignments, path_of
from app.operators.plan_change import (
    MOST_BYTES,
    Change,
    Present,
    change,
    changes_of_file,
    digest,
    keeping_pause,
)
from app.operators.plan_fields import Document
from app.operators.slow_bar import SlowBar
from app.terminal.exits import Trouble
from tests.doubles.hand_clock import HandClock


def stands(**fields: Any) -> Present:
    return Present(orjson.dumps({"tenant_id": "acme", **fields}))


def written(present: Present, wanted: Document) -> Any:
    found = change("acme", present, wanted)
    assert found is not None
    assert found.new is not None
    return orjson.loads(found.new)


def test_what_is_so_already_is_not_written() -> None:
    present = stands(weight=2.0, quota={"cost_usd": "2.50"}, x=1)

    assert change("acme", present, {"quota": {"cost_usd": "2.5"}, "weight": 2}) is None


def test_a_plan_behind_which_a_bad_record_stands_is_written_again() -> None:
    present = Present(b'{"tenant_id":"acme","tier":"pro"}', broken=True)

    found = change("acme", present, {"tier": "pro"})

    assert found is not None
    assert (found.kind, found.new) == ("mended", present.value)


def test_a_bad_record_alone_is_removed() -> None:
    found = change("acme", Present(None, broken=True), None)

    assert found is not None
    assert (found.kind, found.new) == ("removed", None)


def test_what_this_version_does_not_know_is_kept() -> None:
    present = stands(tier="pro", later=[1], quota={"runs": 5, "later": 2}, limits=[])

    after = written(present, {"tier": "free", "quota": {"runs": 6}})

    assert after == {"tenant_id": "acme", "tier": "free", "quota": {"runs": 6, "later": 2}, "later": [1]}


def test_a_field_that_does_not_change_stays_as_it_was_written() -> None:
    limit = {"what": "cost_usd", "per": "day", "limit": "2.50", "later": 1}
    present = stands(limits=[limit])
    same = {"what": "cost_usd", "per": "day", "limit": "2.5"}

    assert written(present, {"limits": [same], "tier": "pro"})["limits"] == [limit]


def test_a_null_that_overrides_a_tier_is_kept_apart_from_an_absent_field() -> None:
    assert written(Present(), {"agents": None}) == {"tenant_id": "acme", "agents": None}
    assert change("acme", stands(agents=None), {}) is not None


def test_a_plan_that_no_record_could_hold_is_refused_by_name() -> None:
    with pytest.raises(Trouble, match=r"the plan of acme has \d+ bytes, at most .*: shorten secrets"):
        change("acme", Present(), {"tier": "pro", "secrets": {"x": "y" * MOST_BYTES}})


@pytest.mark.parametrize("paused", [True, False])
def test_a_file_that_does_not_say_so_neither_pauses_nor_resumes(paused: bool) -> None:
    present = {"acme": stands(tier="pro", paused=paused)}

    assert not changes_of_file(present, {"acme": {"tier": "pro"}}, prune=True)
    assert keeping_pause({"paused": paused}, {"tier": "x"}) == {"tier": "x", "paused": paused}


def test_a_file_that_says_so_resumes() -> None:
    (found,) = changes_of_file({"acme": stands(paused=True)}, {"acme": {"paused": False}}, prune=False)

    assert found.after == {"paused": False}


def test_only_with_prune_tenants_are_removed_that_a_file_leaves_out() -> None:
    present = {"acme": stands(tier="pro")}

    assert not changes_of_file(present, {}, prune=False)
    assert [one.kind for one in changes_of_file(present, {}, prune=True)] == ["removed"]


def test_a_paused_tenant_that_a_file_leaves_out_stays_paused() -> None:
    (found,) = changes_of_file({"acme": stands(tier="pro", paused=True)}, {}, prune=True)

    assert found.after == {"paused": True}
    assert not changes_of_file({"acme": Present(found.new)}, {}, prune=True)


def test_changes_come_by_tenant() -> None:
    found = changes_of_file({}, {"globex": {}, "acme": {}}, prune=False)

    assert [(one.tenant_id, one.kind) for one in found] == [("acme", "new"), ("globex", "new")]


def test_fields_are_set_and_taken_out_on_a_command_line() -> None:
    plan = {"tier": "free", "quota": {"runs": 1, "overdraft": 0.5}, "cache": {"ttl_s": 5}}
    words = ["tier=pro", "quota.tokens=5", "limits=[{what: tokens, per: day, limit: 1}]", "secrets.a.b=x"]

    after = applied(plan, assignments(words), [path_of("quota.overdraft"), path_of("cache.ttl_s")])

    assert after == {
        "tier": "pro",
        "quota": {"runs": 1, "tokens": 5},
        "limits": [{"what": "tokens", "per": "day", "limit": 1}],
        "secrets": {"a.b": "x"},
    }
    assert plan["quota"] == {"runs": 1, "overdraft": 0.5}


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("tier", "write FIELD=VALUE"),
        ("teir=pro", "teir: is no field of a plan: there are tier, "),
        ("tenant_id=x", "tenant_id is the plan's key"),
        ("quota.token=5", "quota has no such field: there are runs, tokens"),
        ("limits.0=5", "limits has no fields of its own: set it whole"),
        ("tier.x=5", "tier has no fields of its own"),
        ("tier=", "tier= has no value: write one, or take the field out with --unset tier"),
        ("limits=[", "is no YAML"),
        ("limits={a: 1, a: 2}", "stands twice"),
    ],
)
def test_what_cannot_be_assigned_is_told(word: str, said: str) -> None:
    with pytest.raises(Trouble) as caught:
        assignments([word])

    assert said in str(caught.value)


def test_a_field_is_assigned_once() -> None:
    with pytest.raises(Trouble, match="tier is given twice"):
        plan_assignments.assignments(["tier=a", "tier=b"])


def change_of(before: Document | None, after: Document | None) -> Change:
    old, new = (None if plan is None else orjson.dumps(plan) for plan in (before, after))
    return Change("acme", before, after, old, new)


def test_a_change_is_told_field_by_field() -> None:
    one, two, three = ({"what": "tokens", "per": "day", "limit": limit} for limit in (1, 2, 3))
    found = change_of(
        {"tier": "free", "quota": {"runs": 1, "tokens": 2}, "limits": [one, two]},
        {"tier": "pro", "quota": {"runs": 1, "tokens": 3}, "limits": [one, three], "paused": True},
    )

    assert list(plan_diff.lines(found)) == [
        "acme",
        "  - tier: free",
        "  + tier: pro",
        "  - quota.tokens: 2",
        "  + quota.tokens: 3",
        "  - limits: what tokens, per day, limit 2",
        "  + limits: what tokens, per day, limit 3",
        "  + paused: true",
    ]


def test_lists_that_differ_in_their_order_only_are_told_whole() -> None:
    found = change_of({"agents": ["a", "b"]}, {"agents": ["b", "a"]})

    assert list(plan_diff.lines(found))[1:] == ['  - agents: ["a","b"]', '  + agents: ["b","a"]']


def test_new_and_removed_plans_are_told_apart() -> None:
    new, gone = change_of(None, {}), change_of({"tier": "x"}, None)

    assert list(plan_diff.lines(new)) == ["acme (new)"]
    assert list(plan_diff.lines(gone)) == ["acme (removed: its tier's default holds)", "  - tier: x"]
    assert plan_diff.summary([new, gone, new]) == "2 new, 1 removed"


def test_what_a_terminal_would_obey_is_not_told() -> None:
    assert "\x1b" not in "".join(plan_diff.lines(change_of(None, {"tier": "\x1b[2J"})))


def test_a_change_is_told_to_programs() -> None:
    found = change_of({"tier": "free", "agents": None}, {"tier": "pro"})

    assert plan_diff.document(found) == {
        "tenant_id": "acme",
        "change": "changed",
        "fields": {"tier": {"before": "free", "after": "pro"}, "agents": {"before": None}},
        "before_sha256": digest(found.old),
        "after_sha256": digest(found.new),
    }


def test_a_bar_is_shown_only_of_what_takes_longer_than_a_second() -> None:
    clock = HandClock()
    with SlowBar("plans", 10, clock.now) as bar:
        bar.add(5)
        quick = bar.shown
        clock.advance(1.5)
        bar.add(1)

        assert (quick, bar.shown) == (False, True)
