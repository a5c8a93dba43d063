"""Requests pass all the gates of their plan at once, hold what they reserved, and give it back."""

from typing import Any

from schemas.failures import Code
from streams.flow import Admit, Refuse, Verdict
from streams.policy.gates import Gate
from streams.policy.windows import Per, Window
from streams.ports import Claim, ClaimStore
from tests.contract.run_steps import SHA, answered

MINUTE = Window(3, "minute")


def claim(request_id: str = "r-1", tenant_id: str = "acme", *, gates: tuple[Gate, ...] = ()) -> Claim:
    return Claim(tenant_id, request_id, SHA, 0, gates)


async def asked(claims: ClaimStore, *wanted: Claim) -> list[Verdict]:
    return list(await claims.claim(wanted))


def tokens(limit: int, amount: int, per: Per = "hour", **more: Any) -> Gate:
    return Gate(Window(limit, per), amount, "tokens", **more)


async def test_all_gates_are_passed_or_none(claims: ClaimStore) -> None:
    gates = (Gate(MINUTE), tokens(100, 60))

    verdicts = await asked(claims, *(claim(f"r-{number}", gates=gates) for number in range(3)))
    later = await asked(claims, *(claim(f"x-{number}", gates=(Gate(MINUTE),)) for number in range(3)))

    assert [type(verdict) for verdict in verdicts] == [Admit, Refuse, Refuse]
    assert [type(verdict) for verdict in later] == [Admit, Admit, Refuse]


async def test_a_refusal_names_the_gate_that_opens_last(claims: ClaimStore) -> None:
    gates = (Gate(Window(0, "second")), tokens(100, 120, "day"), Gate(Window(0, "minute")))

    (verdict,) = await asked(claims, claim(gates=gates))

    assert isinstance(verdict, Refuse)
    assert verdict.code is Code.LIMIT_TOKENS
    assert "100 tokens per day" in verdict.message
    assert verdict.retry_after_ms is not None
    assert verdict.retry_after_ms > 86_000_000


async def test_what_is_asked_again_is_reserved_once(claims: ClaimStore) -> None:
    gates = (tokens(100, 40),)
    for _ in range(5):
        await asked(claims, claim("r-1", gates=gates))

    verdicts = await asked(claims, *(claim(f"x-{number}", gates=gates) for number in range(2)))

    assert [type(verdict) for verdict in verdicts] == [Admit, Refuse]


async def test_what_never_began_gives_back_what_it_reserved(claims: ClaimStore) -> None:
    gates = (tokens(100, 70), Gate(Window(1_000, "day"), 900, "cost_usd"))
    await asked(claims, claim("r-1", gates=gates))

    await answered(claims, "r-1")
    await answered(claims, "r-1")

    verdicts = await asked(claims, claim("r-2", gates=gates), claim("r-3", gates=gates))
    assert [type(verdict) for verdict in verdicts] == [Admit, Refuse]


async def test_agents_users_and_what_is_counted_have_windows_of_their_own(claims: ClaimStore) -> None:
    one = Window(1, "hour")
    gates = [
        Gate(one),
        Gate(one, 1, "tokens"),
        Gate(one, 1, "cost_usd"),
        Gate(one, agent="support"),
        Gate(one, agent="research"),
        Gate(one, user=""),
        Gate(one, user="ann"),
        Gate(one, agent="support", user="ann"),
        Gate(one, user="support:ann"),
    ]

    first = await asked(claims, *(claim(f"a-{n}", gates=(gate,)) for n, gate in enumerate(gates)))
    second = await asked(claims, *(claim(f"b-{n}", gates=(gate,)) for n, gate in enumerate(gates)))
    other = await asked(claims, *(claim(f"a-{n}", "b", gates=(gate,)) for n, gate in enumerate(gates)))

    assert {type(verdict) for verdict in first} == {Admit}
    assert {type(verdict) for verdict in second} == {Refuse}
    assert {type(verdict) for verdict in other} == {Admit}
