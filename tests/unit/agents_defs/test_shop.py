"""The shop's data: the same everywhere, and never another tenant's."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from agents.testing import ScriptedModel, assistant_message, function_call
from hypothesis import given
from hypothesis import strategies as st

from agents_defs import shop as shops
from agents_defs.agents.support import build
from agents_defs.database import Database
from agents_defs.offline_model import OfflineModel
from agents_defs.registry import default_registry
from agents_defs.shop import Shop
from agents_defs.shop_seed import ORDER_NUMBERS
from agents_defs.text_files import shipped
from tests.doubles.recorded_runs import Recorder, order_for, run_agent, runner_on

TENANTS = st.text(min_size=1, max_size=40)


def everything(shop: Shop, tenant_id: str) -> dict[str, Any]:
    return {
        "orders": shop.orders(tenant_id, None, 1000),
        "refunds": [found for number in ORDER_NUMBERS if (found := shop.refund(tenant_id, number))],
        "accounts": [shop.account_of_user(tenant_id, user) for user in (None, "u1", "u2")],
    }


@given(TENANTS)
def test_every_tenant_has_orders_refunds_and_accounts(tenant_id: str) -> None:
    found = everything(Shop(), tenant_id)

    assert len(found["orders"]) == len(ORDER_NUMBERS)
    assert all(found["accounts"])


@given(TENANTS)
def test_a_tenants_data_is_the_same_in_every_process(tenant_id: str) -> None:
    assert everything(Shop(), tenant_id) == everything(Shop(), tenant_id)


def test_tenants_differ() -> None:
    shop = Shop()

    assert everything(shop, "acme")["orders"] != everything(shop, "globex")["orders"]


def test_a_tenant_never_sees_anothers_account() -> None:
    shop = Shop()
    theirs = shop.account_of_user("globex", None)["email"]

    assert shop.account("globex", theirs) is not None
    assert shop.account("acme", theirs) is None


def test_no_row_names_its_tenant() -> None:
    assert "tenant" not in json.dumps(everything(Shop(), "acme")).replace("acme.example", "")


def test_data_that_was_dropped_comes_back_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shops, "MAX_TENANTS", 3)
    shop = Shop()
    before = everything(shop, "acme")

    for number in range(10):
        everything(shop, f"other-{number}")

    with shop.database.reading() as books:
        assert books.exec_driver_sql("SELECT count(*) FROM shop_tenants").scalar() == 3
    assert everything(shop, "acme") == before


def test_a_shop_in_a_file_keeps_its_data(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    first, second = Shop(Database(url)), Shop(Database(url))
    before = everything(first, "acme")

    assert everything(second, "acme") == before
    assert everything(second, "acme") == everything(Shop(), "acme")
    first.database.close()
    second.database.close()


@given(st.sampled_from(["acme", "globex", "tenant:7"]))
def test_orders_make_sense(tenant_id: str) -> None:
    shop = Shop()

    for order in shop.orders(tenant_id, None, 1000):
        ordered, expected = date.fromisoformat(order["ordered_on"]), date.fromisoformat(order["expected_on"])
        assert ordered < expected
        assert Decimal(order["total"]) > 0
        assert ("tracking" in order) == (order["status"] in {"shipped", "delivered", "returned"})
        assert ("delivered_on" in order) == (order["status"] in {"delivered", "returned"})
        refunded = shop.refund(tenant_id, order["order"])
        assert (refunded is not None) == (order["status"] in {"cancelled", "returned"})


async def result_of(tool: str, arguments: dict[str, Any], **changes: Any) -> Any:
    """What a tool of the support agents gives, in a run."""
    model = ScriptedModel(
        [
            [function_call(f"transfer_to_{specialist}", {"reason": ""}, call_id="h1")]
            for specialist in ([] if tool in {"lookup_order", "list_orders"} else [_owner(tool)])
        ]
        + [[function_call(tool, arguments, call_id="c1")], [assistant_message("done")]]
    )
    result = await run_agent(build, model, **changes)
    outputs = [item["output"] for item in result.new_items if item.get("type") == "function_call_output"]
    return json.loads(outputs[-1])


def _owner(tool: str) -> str:
    return {"refund_status": "billing"}.get(tool, "account")


async def test_the_tools_answer_from_the_tenants_own_rows() -> None:
    theirs, ours = await result_of("lookup_order", {"order": 7}, tenant_id="globex"), None
    ours = await result_of("lookup_order", {"order": 7}, tenant_id="acme")

    assert ours == Shop().order("acme", 7)
    assert theirs == Shop().order("globex", 7)
    assert ours != theirs


async def test_a_model_cannot_ask_for_another_tenant() -> None:
    arguments = {"order": 7, "tenant_id": "globex"}

    found = await result_of("lookup_order", arguments, tenant_id="acme")

    assert found == Shop().order("acme", 7)


async def test_an_order_that_is_not_there() -> None:
    found = await result_of("lookup_order", {"order": 99999})

    assert found == {"error": "there is no order 99999", "newest_orders": [1048, 1047, 1046]}


async def test_orders_are_listed_newest_first() -> None:
    found = await result_of("list_orders", {"status": "delivered", "limit": 4})

    assert {order["status"] for order in found["orders"]} == {"delivered"}
    assert [order["ordered_on"] for order in found["orders"]] == sorted(
        (order["ordered_on"] for order in found["orders"]), reverse=True
    )


async def test_the_refund_of_an_order_without_one() -> None:
    shop = Shop()
    kept = next(number for number in ORDER_NUMBERS if shop.refund("acme", number) is None)

    assert (await result_of("refund_status", {"order": kept}))["refund"] == "none was requested"
    assert "error" in await result_of("refund_status", {"order": 99999})


async def test_an_account_is_that_of_who_asks_or_of_the_address() -> None:
    owner = Shop().account_of_user("acme", None)

    assert await result_of("lookup_account", {"email": None}) == owner
    assert await result_of("lookup_account", {"email": owner["email"].upper()}) == owner
    assert "error" in await result_of("lookup_account", {"email": "someone@globex.example"})


async def test_a_reset_link_goes_to_the_accounts_own_address() -> None:
    found = await result_of("reset_password_link", {"email": None}, user_id="u7")

    assert found["sent_to"] == Shop().account_of_user("acme", "u7")["email"]
    assert found["link"].startswith("https://console.millrace.example/reset/")
    assert found == await result_of("reset_password_link", {"email": None}, user_id="u7")
    assert "error" in await result_of("reset_password_link", {"email": "x@globex.example"})


async def test_two_tenants_asking_the_same_get_their_own_answers() -> None:
    spec, runner = default_registry().resolve("support"), runner_on(OfflineModel())

    answers = [
        (await runner.run(order_for(spec, "Where is order 1042?", tenant_id=tenant), Recorder())).output
        for tenant in ("acme", "globex")
    ]

    assert answers[0] != answers[1]
    assert "globex" not in answers[0]


def test_the_shipped_texts_are_complete() -> None:
    for name in ("knowledge", "documents"):
        entries = shipped(name)
        assert len({entry["id"] for entry in entries}) == len(entries) >= 20
        assert all(len(entry["text"]) > 100 and entry["title"] for entry in entries)
