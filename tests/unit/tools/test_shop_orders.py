"""What the shop does about an order: for the tenant's own only, within its rules, and once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from agents_defs.database import Database
from agents_defs.shop import Shop
from agents_defs.shop_errands import Errand, Refused
from agents_defs.shop_seed import ORDER_NUMBERS
from agents_defs.shop_tables import ORDERS
from tests.doubles.shop_orders import ADDRESS, DAY, order_with, wish


def test_a_refund_is_requested_for_what_was_paid() -> None:
    shop = Shop()
    order = order_with(shop, "delivered")

    told = shop.request_refund(Errand("acme", "k1"), wish(order["order"], order["total"], note="two of them"))

    assert told == shop.refund("acme", order["order"])
    assert told["status"] == "requested"
    assert told["requested_on"] == "2026-11-21"
    assert told["note"] == "two of them"


def test_another_tenants_order_is_not_there() -> None:
    shop = Shop()
    with shop.database.writing() as books:
        shop_row = {"order": 77, "product": "p", "quantity": 1, "total": "9.00", "currency": "EUR"}
        days = {"ordered_on": "2026-01-01", "expected_on": "2026-01-02", "ordered_by": "x"}
        books.execute(ORDERS.insert().values(tenant_id="globex", status="delivered", **shop_row, **days))

    assert shop.order("globex", 77) is not None
    assert shop.order("acme", 77) is None
    for ask in (
        partial(shop.request_refund, Errand("acme", "k1"), wish(77, "1.00")),
        partial(shop.cancel_order, Errand("acme", "k2"), 77, "wrong item", DAY),
        partial(shop.change_delivery, Errand("acme", "k3"), 77, ADDRESS, None),
    ):
        with pytest.raises(Refused, match="there is no order 77"):
            ask()
    assert shop.order("globex", 77)["status"] == "delivered"  # type: ignore[index]  # it is there, see above


def test_what_one_tenant_changes_stays_with_it() -> None:
    shop = Shop()
    number = order_with(shop, "processing", "delayed")["order"]
    theirs = shop.order("globex", number)

    shop.cancel_order(Errand("acme", "same key"), number, "not needed any more", DAY)

    assert shop.order("acme", number)["status"] == "cancelled"  # type: ignore[index]  # it is there
    assert shop.order("globex", number) == theirs


def test_keys_of_tenants_are_their_own() -> None:
    shop = Shop()
    ours, theirs = (order_with(shop, "delivered", tenant_id=tenant)["order"] for tenant in ("acme", "globex"))

    shop.request_refund(Errand("acme", "k"), wish(ours))
    shop.request_refund(Errand("globex", "k"), wish(theirs))

    assert shop.refund("acme", ours) is not None
    assert shop.refund("globex", theirs) is not None


@pytest.mark.parametrize(
    ("statuses", "amount", "changes", "said"),
    [
        (("delivered",), "100000.00", {}, "no more can be refunded"),
        (("delivered",), "1.00", {"currency": "USD"}, "was paid in EUR"),
        (("processing",), "1.00", {}, "cancel it instead"),
        (("shipped",), "1.00", {}, "once it is there"),
    ],
)
def test_refunds_that_are_refused(
    statuses: tuple[str, ...], amount: str, changes: dict[str, Any], said: str
) -> None:
    shop = Shop()
    tenant = next(
        name for name in map(str, range(100)) if any(shop.orders(name, status, 1) for status in statuses)
    )
    number = order_with(shop, *statuses, tenant_id=tenant)["order"]

    with pytest.raises(Refused, match=said):
        shop.request_refund(Errand(tenant, "k1"), wish(number, amount, **changes))

    assert shop.refund(tenant, number) is None


def test_an_order_is_refunded_once_whoever_asks() -> None:
    shop = Shop()
    number = order_with(shop, "delivered")["order"]
    shop.request_refund(Errand("acme", "k1"), wish(number))

    with pytest.raises(Refused, match="requested already"):
        shop.request_refund(Errand("acme", "k2"), wish(number))


def test_the_same_key_does_it_once_and_says_the_same() -> None:
    shop = Shop()
    number = order_with(shop, "delivered")["order"]
    first = shop.request_refund(Errand("acme", "k1"), wish(number))

    again = shop.request_refund(Errand("acme", "k1"), wish(number, on=date(2026, 12, 1)))

    assert again == first


def test_a_key_with_other_arguments_is_refused() -> None:
    shop = Shop()
    number = order_with(shop, "delivered")["order"]
    shop.request_refund(Errand("acme", "k1"), wish(number))

    with pytest.raises(Refused, match="other arguments"):
        shop.request_refund(Errand("acme", "k1"), wish(number, "11.00"))


def test_what_was_refused_may_be_asked_again_under_its_key() -> None:
    shop = Shop()
    number = order_with(shop, "processing", "delayed")["order"]
    shop.change_delivery(Errand("acme", "k0"), number, ADDRESS, None)
    with pytest.raises(Refused):
        shop.cancel_order(Errand("acme", "k1"), 99999, "wrong item", DAY)

    told = shop.cancel_order(Errand("acme", "k1"), number, "wrong item", DAY)

    assert told["status"] == "cancelled"


def test_a_cancelled_order_is_paid_back_whole() -> None:
    shop = Shop()
    order = order_with(shop, "processing", "delayed")

    told = shop.cancel_order(Errand("acme", "k1"), order["order"], "not needed any more", DAY)

    refund = shop.refund("acme", order["order"])
    assert refund is not None
    assert refund["amount"] == order["total"]
    assert told["refund_requested"] == f"{order['total']} EUR"
    with pytest.raises(Refused, match="is cancelled"):
        shop.cancel_order(Errand("acme", "k2"), order["order"], "wrong item", DAY)


def test_a_delivery_is_changed_until_it_is_sent() -> None:
    shop = Shop()
    number = order_with(shop, "processing", "delayed")["order"]

    shop.change_delivery(Errand("acme", "k1"), number, ADDRESS, date(2026, 12, 24))

    found = shop.order("acme", number)
    assert found is not None
    assert found["deliver_to"] == ADDRESS
    assert found["not_before"] == "2026-12-24"
    with pytest.raises(Refused, match="cannot be changed any more"):
        shop.change_delivery(Errand("acme", "k2"), order_with(shop, "delivered")["order"], ADDRESS, None)


def test_who_changed_something_is_not_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents_defs.shop.MAX_TENANTS", 2)
    shop = Shop()
    number = order_with(shop, "delivered")["order"]
    shop.request_refund(Errand("acme", "k1"), wish(number))

    for other in range(6):
        shop.orders(f"other-{other}", None, 1)

    assert shop.refund("acme", number) is not None


DIES = """
import os, signal, sys
from datetime import date
from decimal import Decimal
from agents_defs.database import Database
from agents_defs.shop import Shop
from agents_defs.shop_errands import Errand, RefundWish
from agents_defs import shop_orders

url, number, when = sys.argv[1], int(sys.argv[2]), sys.argv[3]
def die(*_): os.kill(os.getpid(), signal.SIGKILL)
if when == "before the commit":
    shop_orders.update = die
shop = Shop(Database(url))
wish = RefundWish(number, Decimal("10.00"), "EUR", "wrong item", None, date(2026, 11, 21))
shop.request_refund(Errand("acme", "k1"), wish)
die()
"""


@pytest.mark.parametrize("when", ["before the commit", "after the commit"])
def test_a_worker_that_is_killed_between_effect_and_record_does_it_once(tmp_path: Path, when: str) -> None:
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    shop = Shop(Database(url))
    number = order_with(shop, "delivered")["order"]

    killed = subprocess.run(
        [sys.executable, "-c", DIES, url, str(number), when], check=False, cwd=os.getcwd()
    )
    standing = shop.refund("acme", number)
    told = shop.request_refund(Errand("acme", "k1"), wish(number, on=date(2027, 1, 1)))

    assert killed.returncode == -signal.SIGKILL
    assert (standing is not None) == (when == "after the commit")
    # On the day of whoever did it, which shows who that was.
    assert told["requested_on"] == ("2026-11-21" if when == "after the commit" else "2027-01-01")
    assert shop.refund("acme", number) == told
    shop.database.close()


def test_the_numbers_of_orders_are_those_of_the_shop() -> None:
    assert {order["order"] for order in Shop().orders("acme", None, 1000)} == set(ORDER_NUMBERS)


def test_the_moment_of_an_effect_is_kept() -> None:
    shop = Shop()
    shop.request_refund(Errand("acme", "k1"), wish(order_with(shop, "delivered")["order"]))

    with shop.database.reading() as books:
        done_at = books.exec_driver_sql("SELECT done_at FROM shop_effects").scalar()

    assert abs((datetime.fromisoformat(str(done_at)).replace(tzinfo=UTC) - datetime.now(UTC)).days) < 2
