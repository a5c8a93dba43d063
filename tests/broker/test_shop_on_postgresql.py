"""The shop and the knowledge base on a real PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal

import pytest

from agents_defs.articles import EVERYBODY, Articles
from agents_defs.database import Database
from agents_defs.library import Document
from agents_defs.shop import Shop
from agents_defs.shop_errands import Errand, RefundWish, Refused
from tests.doubles.shop_orders import ADDRESS, DAY, order_with, wish


@pytest.fixture
def shop(postgresql: str) -> Iterator[Shop]:
    opened = Shop(Database(postgresql))
    yield opened
    opened.database.close()


def test_a_tenant_has_the_same_data_as_anywhere(shop: Shop) -> None:
    assert shop.orders("same", None, 1000) == Shop().orders("same", None, 1000)
    assert shop.account_of_user("same", "u1") == Shop().account_of_user("same", "u1")


def test_changes_are_made_once_and_are_the_tenants_own(shop: Shop) -> None:
    number = order_with(shop, "delivered")["order"]
    open_one = order_with(shop, "processing", "delayed")["order"]

    first = shop.request_refund(Errand("acme", "k1"), wish(number))
    again = shop.request_refund(Errand("acme", "k1"), wish(number, on=date(2027, 1, 1)))
    shop.change_delivery(Errand("acme", "k2"), open_one, ADDRESS, date(2026, 12, 24))
    shop.cancel_order(Errand("acme", "k3"), open_one, "not needed any more", DAY)

    assert again == first == shop.refund("acme", number)
    changed = shop.order("acme", open_one)
    assert changed is not None
    assert (changed["deliver_to"], changed["status"]) == (ADDRESS, "cancelled")
    assert shop.orders("globex", None, 1000) == Shop().orders("globex", None, 1000)
    with pytest.raises(Refused, match="there is no order 99999"):
        shop.cancel_order(Errand("acme", "k4"), 99999, "wrong item", DAY)


def test_many_at_once_derive_one_tenant_and_refund_once(postgresql: str) -> None:
    shops = [Shop(Database(postgresql)) for _ in range(4)]
    expected = order_with(Shop(), "delivered", tenant_id="crowd")["order"]
    told: list[object] = []

    def ask(shop: Shop, key: str) -> None:
        asked = RefundWish(expected, Decimal("5.00"), "EUR", "wrong item", None, DAY)
        try:
            told.append(shop.request_refund(Errand("crowd", key), asked))
        except Refused as refused:
            told.append(str(refused))

    asking = [
        threading.Thread(target=ask, args=(shop, key)) for shop in shops for key in ("one", "one", "other")
    ]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    done = [one for one in told if isinstance(one, dict)]
    orders = shops[0].orders("crowd", None, 1000)
    for shop in shops:
        shop.database.close()

    assert len(told) == len(asking)
    assert done
    assert all(one == done[0] for one in done)
    assert all("already" in str(one) for one in told if not isinstance(one, dict))
    assert len(orders) == 60


def test_workers_that_start_together_make_the_tables_once(postgresql: str) -> None:
    admin = Database(postgresql)
    with admin.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as books:
        books.exec_driver_sql("CREATE DATABASE fresh")
    admin.close()
    url = f"{postgresql.rpartition('/')[0]}/fresh"
    opened: list[Database] = []

    def start() -> None:
        database = Database(url)
        opened.append(database)
        Shop(database)
        Articles(database)

    with ThreadPoolExecutor(6) as threads:
        started = [threads.submit(start) for _ in range(6)]
    for database in opened:
        database.close()

    assert [one.exception() for one in started] == [None] * 6


def test_articles_are_found_by_their_words(postgresql: str) -> None:
    base = Articles(Database(postgresql))
    Articles(base.database)  # a second worker's
    base.add("acme", [Document("a", "Fish", "nature", "Zanders spawn in the tailrace.")])

    assert [one.id for one in base.search("acme", "where does a zander spawn?")] == ["a"]
    assert base.search("globex", "zander") == []
    assert "tech-gateway-offline" in [one.id for one in base.search("globex", "gateway shows a red light")]
    assert len(base.listed(EVERYBODY)) == len(Articles(Database()).listed(EVERYBODY))
    for query in ("", "'", "\\", "a & ! (", "it's o'clock", "the"):
        base.search("acme", query)
    base.database.close()
