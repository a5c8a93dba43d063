"""What the matrix makes of verify's JSON."""

from typing import Any

from app.verify.findings import Promise
from tests.chaos.judgement import COLUMNS, judge


def report(**promises: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "promises": [
            {"promise": name, "checked": 9, "breached": len(examples), "examples": examples}
            for name, examples in promises.items()
        ]
    }


def breach(
    where: str = "agent.requests[0]@1",
    request_id: str = "r-1",
    what: str = "paid 2 times for one recorded call",
) -> dict[str, Any]:
    return {"what": what, "where": where, "tenant_id": "acme", "request_id": request_id}


def test_each_promise_of_verify_has_its_column() -> None:
    assert {str(promise) for promise in Promise} <= set(COLUMNS)


def test_a_breach_counts_in_the_column_of_its_promise() -> None:
    judged = judge(report(one_outcome=[breach()], session_order=[breach("x")]), ())

    assert sorted(one.column for one in judged.breaches) == ["duplicated", "out_of_order"]


def test_a_lost_record_is_lost_once_though_three_promises_are_broken() -> None:
    judged = judge(report(one_outcome=[breach()], nothing_lost=[breach()], committed_is_safe=[breach()]), ())

    assert [one.column for one in judged.breaches] == ["lost"]


def test_what_began_anew_since_redis_was_flushed_may_be_paid_again_and_nothing_else() -> None:
    told = report(never_pay_twice=[breach("a", "r-1"), breach("b", "r-2")], one_outcome=[breach("c", "r-1")])

    judged = judge(told, {("acme", "r-1")})

    assert [one.where for one in judged.excused] == ["a"]
    assert sorted(one.where for one in judged.breaches) == ["b", "c"]


def test_books_and_deltas_of_what_began_anew_are_excused_only_for_what_follows_from_it() -> None:
    told = report(
        books_balance=[
            breach("a", what="billed the call m0.1, which is not in the books"),
            breach("b", what="books the call m0.1 a second time"),
        ],
        deltas=[
            breach("c", what="has seq 0 in attempt 1 a second time"),
            breach("d", what="has seq 3 in attempt 1: 2 is missing before it"),
        ],
    )

    judged = judge(told, {("acme", "r-1")})

    assert [one.where for one in judged.excused] == ["a", "c"]
    assert sorted(one.where for one in judged.breaches) == ["b", "d"]


def test_breaches_that_verify_does_not_tell_in_full_count_too() -> None:
    told = report(never_pay_twice=[breach()])
    told["promises"][0]["breached"] = 3

    assert len(judge(told, ()).breaches) == 3


def test_a_promise_of_which_nothing_was_checked_is_no_pass() -> None:
    told = report(one_outcome=[], deltas=[])
    told["promises"][1]["checked"] = 0

    assert judge(told, ()).unjudged(("one_outcome", "deltas", "session_order")) == ["deltas", "session_order"]


def test_a_refusal_right_after_a_flush_is_explained_and_no_other_is() -> None:
    what = "x is refused limit_requests, although there was room in every window of its tenant"
    told = report(limits_hold=[{**breach(), "what": what, "tenant_id": "acme", "request_id": "r-1"}])

    assert judge(told, (), {("acme", "r-1")}).breaches == []
    assert len(judge(told, (), {("acme", "r-2")}).breaches) == 1
    assert len(judge(told, {("acme", "r-1")}).breaches) == 1
