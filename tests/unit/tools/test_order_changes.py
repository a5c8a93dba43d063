"""Tools that change orders: what they take, who has to approve, and what the model is told."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from agents import Agent
from agents.testing import ScriptedModel, assistant_message, function_call

from agents_defs.equipment import Equipment, ToolOptions, equip
from agents_defs.run_journal import Decision, RunNeedsApproval
from agents_defs.shop import Shop
from agents_defs.tool_effects import effect_of
from agents_defs.tools.order_changes import cancel_order, change_delivery_address, request_refund
from tests.doubles.memory_journal import MemoryJournal
from tests.doubles.recorded_runs import run_agent
from tests.doubles.shop_orders import ADDRESS, order_with
from tests.doubles.tool_calls import output_of


def refund_of(order: int, amount: Any = 10, **changes: Any) -> dict[str, Any]:
    """Arguments of the tool."""
    return {
        "request": {
            "order": order,
            "money": {"amount": amount, "currency": "EUR"},
            "reason": "wrong item",
            "note": None,
            **changes,
        }
    }


async def test_a_run_whose_record_is_lost_is_told_what_was_done(equipped: Equipment) -> None:
    shop = equipped.shop()
    number = order_with(shop, "delivered")["order"]

    first = await output_of(request_refund, refund_of(number), journal=MemoryJournal())
    again = await output_of(request_refund, refund_of(number), journal=MemoryJournal(), attempt=2)
    other_run = await output_of(request_refund, refund_of(number), journal=MemoryJournal(), run_id="run-2")

    assert json.loads(first) == json.loads(again) == shop.refund("acme", number)
    assert other_run.startswith("Not done: the refund of order")


async def run_refund(amount: Any, **changes: Any) -> Any:
    number = order_with(Shop(), "delivered")["order"]
    model = ScriptedModel(
        [
            [function_call("request_refund", refund_of(number, amount), call_id="c1")],
            [assistant_message("ok")],
        ]
    )
    return await run_agent(lambda: Agent(name="billing", tools=[request_refund]), model, **changes)


@pytest.mark.parametrize("amount", [100, 99.99, "100.00"])
async def test_a_small_refund_needs_nobody(equipped: Equipment, amount: Any) -> None:
    result = await run_refund(amount, journal=MemoryJournal())

    assert result.output == "ok"


@pytest.mark.parametrize("amount", [100.01, "100.01", "1.5e2", 99_999])
async def test_a_large_refund_waits_for_a_person(equipped: Equipment, amount: Any) -> None:
    with pytest.raises(RunNeedsApproval) as caught:
        await run_refund(amount, journal=MemoryJournal())

    assert [request.tool for request in caught.value.requests] == ["request_refund"]


async def test_an_approved_refund_is_made_and_a_rejected_one_is_not(equipped: Equipment) -> None:
    shop = equipped.shop()
    order = next(
        one
        for one in shop.orders("acme", "delivered", 100)
        if Decimal(one["total"]) > 150 and shop.refund("acme", one["order"]) is None
    )
    model_says = refund_of(order["order"], 150)
    asked: dict[str, Any] = {}
    for approved in (False, True):
        journal = MemoryJournal()
        with pytest.raises(RunNeedsApproval) as caught:
            await output_of(request_refund, model_says, journal=journal, run_id=f"run-{approved}")
        request = caught.value.requests[0]
        decision = Decision(request.approval_id, approved=approved, arguments_digest=request.arguments_digest)
        asked[str(approved)] = await output_of(
            request_refund,
            model_says,
            journal=MemoryJournal(),
            run_id=f"run-{approved}",
            decisions={request.approval_id: decision},
        )
        assert (shop.refund("acme", order["order"]) is not None) == approved

    assert "rejected this tool call" in asked["False"]
    assert json.loads(asked["True"])["amount"] == "150.00"


UNFIT = [
    {"request": {}},
    refund_of(1, -1),
    refund_of(1, 0),
    refund_of(1, 1.234),
    refund_of(1, "NaN"),
    refund_of(1, "Infinity"),
    refund_of(1, 10**7),
    refund_of(0),
    refund_of(2**40),
    refund_of(1, reason="because"),
    refund_of(1, note="x" * 501),
    refund_of(1, tenant_id="globex"),
]


@pytest.mark.parametrize("arguments", UNFIT, ids=[str(number) for number in range(len(UNFIT))])
async def test_arguments_that_do_not_fit_change_nothing_and_say_why(
    equipped: Equipment, arguments: dict[str, Any]
) -> None:
    told = await output_of(request_refund, arguments, journal=MemoryJournal())

    assert told.startswith("Nothing was done: the arguments do not fit.")


BAD_ADDRESSES = [
    {"lines": []},
    {"lines": ["a", "b", "c", "d"]},
    {"lines": ["  "]},
    {"country": "Austria"},
    {"postal_code": "'; DROP TABLE shop_orders"},
    {"recipient": ""},
    {"planet": "Mars"},
]


@pytest.mark.parametrize("wrong", BAD_ADDRESSES, ids=[str(number) for number in range(len(BAD_ADDRESSES))])
async def test_addresses_that_nobody_can_deliver_to(equipped: Equipment, wrong: dict[str, Any]) -> None:
    delivery = {"address": {**ADDRESS, **wrong}, "not_before": None}

    told = await output_of(change_delivery_address, {"order": 1048, "delivery": delivery})

    assert told.startswith("Nothing was done: the arguments do not fit.")


async def test_a_sync_tool_changes_a_delivery_once(equipped: Equipment) -> None:
    number = order_with(equipped.shop(), "processing", "delayed")["order"]
    arguments = {"order": number, "delivery": {"address": ADDRESS, "not_before": "2026-12-24"}}

    told = json.loads(await output_of(change_delivery_address, arguments))
    again = json.loads(await output_of(change_delivery_address, arguments))

    assert told["deliver_to"] == ADDRESS
    assert told["not_before"] == "2026-12-24"
    assert again == told


async def test_a_cancellation_through_its_tool(equipped: Equipment) -> None:
    number = order_with(equipped.shop(), "processing", "delayed")["order"]

    told = json.loads(await output_of(cancel_order, {"order": number, "reason": "not needed any more"}))
    refused = await output_of(cancel_order, {"order": 99999, "reason": "wrong item"}, run_id="run-2")

    assert told["status"] == "cancelled"
    assert refused == "Not done: there is no order 99999."


async def test_words_of_a_query_are_values_not_sql(equipped: Equipment) -> None:
    shop = equipped.shop()

    assert shop.account("acme", "x' OR '1'='1") is None
    assert shop.orders("acme' OR '1'='1", "delivered' OR '1'='1", 5) == []


async def test_a_database_that_fails_tells_the_model_no_details(tmp_path: Path) -> None:
    mine = Equipment(ToolOptions(shop_url=f"sqlite:///{tmp_path}/none/secret-name.db"))
    before = equip(mine)

    told = await output_of(cancel_order, {"order": 1, "reason": "wrong item"})

    equip(before)
    mine.close()
    assert "does not answer" in told
    assert "secret" not in told


def test_they_declare_that_a_second_call_changes_nothing() -> None:
    tools = (request_refund, cancel_order, change_delivery_address)

    assert {effect_of(tool) for tool in tools} == {"idempotent"}
