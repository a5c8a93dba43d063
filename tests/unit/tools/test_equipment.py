"""What tools work with: loaded when needed, refused early where it cannot be right, closed in the end."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy.exc import InvalidRequestError

from agents_defs.equipment import MEGABYTE, Equipment, ToolOptions, equip, equipment
from agents_defs.tools.shop_access import in_shop
from app.settings import Settings


def test_workers_load_no_database_before_a_tool_needs_one() -> None:
    asks = (
        "import sys\n"
        "from agents_defs.registry import default_registry\n"
        "for spec in default_registry().specs(): spec.build()\n"
        "import app.worker\n"
        "print([name for name in sys.modules if name == 'sqlalchemy'])"
    )

    done = subprocess.run([sys.executable, "-c", asks], check=False, capture_output=True, text=True)

    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_settings_say_what_tools_work_with(tmp_path: Path) -> None:
    settings = Settings(
        shop_url="sqlite:///shop.db",
        files_root=tmp_path,
        files_quota_mb=3,
        web_hosts="docs.example, .example.org,",
        web_denied_hosts="x.example.org",
    )

    assert settings.tools() == ToolOptions(
        shop_url="sqlite:///shop.db",
        files_root=tmp_path,
        files_quota_bytes=3 * MEGABYTE,
        web_hosts=("docs.example", ".example.org"),
        web_denied_hosts=("x.example.org",),
    )
    assert Settings().tools() == ToolOptions()


@pytest.mark.parametrize(
    "url", ["mysql://u:secret@h/d", "secret", "sqlite+aiosqlite:///x.db", "http://secret/"]
)
def test_a_url_of_no_database_is_refused_without_being_told(url: str) -> None:
    with pytest.raises(ValueError, match="sqlite:///") as caught:
        Equipment(ToolOptions(shop_url=url)).check()

    assert "secret" not in str(caught.value)


def test_options_do_not_show_a_password() -> None:
    assert "secret" not in repr(ToolOptions(shop_url="postgresql://u:secret@h/d"))


def test_it_is_opened_once_whoever_asks_first() -> None:
    mine = Equipment()
    opened: list[object] = []
    threads = [threading.Thread(target=lambda: opened.append(mine.shop())) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({id(one) for one in opened}) == 1
    mine.close()


def test_what_is_closed_is_closed() -> None:
    mine = Equipment(ToolOptions(shop_url="sqlite://"))
    shop = mine.shop()
    shop.orders("acme", None, 1)
    mine.close()

    with pytest.raises((RuntimeError, InvalidRequestError)):
        asyncio.run(shop.database.in_thread(shop.order, "acme", 1))
    assert mine.opened_shop is None


async def test_the_event_loop_goes_on_while_the_database_is_slow(equipped: Equipment) -> None:
    equipped.shop()
    ticks = 0
    release = threading.Event()

    asked = asyncio.ensure_future(in_shop(lambda _: release.wait(5)))
    while ticks < 50:
        await asyncio.sleep(0)
        ticks += 1
    release.set()

    assert await asked


async def test_a_lookup_takes_less_than_a_millisecond(equipped: Equipment) -> None:
    equipped.shop().orders("acme", None, 1)
    took = []
    for number in range(1, 13):
        before = time.perf_counter()
        await in_shop(lambda shop, number=number: shop.order("acme", number))  # type: ignore[misc]  # bound now
        took.append(time.perf_counter() - before)

    assert min(took) < 0.001


def test_tools_use_what_they_were_given_last() -> None:
    mine = Equipment()
    before = equip(mine)

    assert equipment() is mine
    assert equip(before) is mine
