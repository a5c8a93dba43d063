"""The web tool against real servers on this machine: what it fetches, and where it stops."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import threading
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from agents_defs import web_body
from agents_defs.equipment import Equipment, ToolOptions
from agents_defs.tools.web import read_web_page
from agents_defs.web_addresses import WebRefused, why_not_public
from agents_defs.web_connection import system_lookup
from agents_defs.web_reader import Page, WebLimits, WebReader
from tests.doubles.tool_calls import output_of

Answers = Callable[[web.Request], Awaitable[web.StreamResponse]]
OURS = "127.0.0.1"


@asynccontextmanager
async def served(answers: Answers) -> AsyncIterator[int]:
    """A server of this machine, and its port."""
    server = web.Server(answers)  # type: ignore[arg-type]  # what it gives are requests
    runner = web.ServerRunner(server)
    await runner.setup()
    site = web.TCPSite(runner, OURS, 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def always_ours(_host: str, _port: int) -> list[str]:
    return [OURS]


def only_ours(address: str) -> str | None:
    """As in life, but that the test's servers are public."""
    return None if address == OURS else why_not_public(address)


def reader_for(port: int, hosts: tuple[str, ...] = ("*",), **changes: Any) -> WebReader:
    limits = WebLimits(**{"ports": frozenset({port}), **changes.pop("limits", {})})
    return WebReader(hosts, limits=limits, **{"lookup": always_ours, "policy": only_ours, **changes})


async def page_of(answers: Answers, path: str = "/", **changes: Any) -> Page:
    async with served(answers) as port:
        return await reader_for(port, **changes).read(f"http://docs.example:{port}{path}")


def text(body: str | bytes, kind: str = "text/plain", **headers: str) -> Answers:
    raw = body.encode() if isinstance(body, str) else body

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=raw, headers={"Content-Type": kind, **headers})

    return answer


def redirecting(to: Callable[[web.Request], str], status: int = 302) -> Answers:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Location": to(request)})

    return answer


async def test_a_page_is_read_as_text() -> None:
    html = (
        "<html><head><title>Weirs &amp; gates</title><style>p{}</style></head><body><h1>Level</h1>"
        "<script>alert('x')</script><p>4.2&nbsp;m &lt; 5 m</p><!-- hidden --></body></html>"
    )

    page = await page_of(text(html, "text/html; charset=utf-8"))

    assert page.title == "Weirs & gates"
    assert page.text == "Level\n4.2 m < 5 m"
    assert page.status == 200


async def test_the_host_stays_the_name_though_its_address_is_dialled() -> None:
    async def tells(request: web.Request) -> web.Response:
        return web.json_response({"host": request.headers["Host"], "cookie": request.headers.get("Cookie")})

    page = await page_of(tells)

    assert json.loads(page.text)["host"].startswith("docs.example:")


async def test_who_answers_differently_the_second_time_is_not_asked_a_second_time() -> None:
    asked: list[str] = []

    async def rebinding(host: str, _port: int) -> list[str]:
        asked.append(host)
        return [OURS] if len(asked) == 1 else ["169.254.169.254"]

    page = await page_of(text("ours"), lookup=rebinding)

    assert page.text == "ours"
    assert asked == ["docs.example"]


async def test_a_redirect_to_a_name_that_now_is_private_is_refused() -> None:
    asked: list[str] = []

    async def rebinding(host: str, _port: int) -> list[str]:
        asked.append(host)
        return [OURS] if len(asked) == 1 else ["127.0.0.2"]

    with pytest.raises(WebRefused, match="not a public address"):
        await page_of(redirecting(lambda _: "/again"), lookup=rebinding)

    assert len(asked) == 2


@pytest.mark.parametrize(
    "addresses", [["10.0.0.1"], [OURS, "10.0.0.1"], ["::1"], ["fd00:ec2::254"], ["::ffff:127.0.0.1"]]
)
async def test_a_name_with_one_private_address_is_refused(addresses: list[str]) -> None:
    async def lookup(_host: str, _port: int) -> list[str]:
        return addresses

    with pytest.raises(WebRefused, match="not a public address"):
        await page_of(text("never"), lookup=lookup)


async def test_without_a_test_of_its_own_this_machine_is_never_asked() -> None:
    called: list[str] = []

    async def counts(request: web.Request) -> web.Response:
        called.append(request.path)
        return web.Response(text="never")

    async with served(counts) as port:
        limits = WebLimits(ports=frozenset({port}))
        for host in (OURS, "[::1]", "[::ffff:127.0.0.1]", "localhost", "2130706433", "127.1", f"{OURS}."):
            with pytest.raises(WebRefused):
                await WebReader(["*"], limits=limits).read(f"http://{host}:{port}/")
        with pytest.raises(WebRefused):
            await WebReader(["*"], limits=limits, lookup=always_ours).read(f"http://docs.example:{port}/")

    assert called == []


@pytest.mark.parametrize(
    ("onward", "said"),
    [
        ("http://169.254.169.254/", "port|public"),
        ("http://10.0.0.1:{port}/", "not a public address"),
        ("http://2130706433:{port}/", "four decimal numbers"),
        ("//metadata.google.internal:{port}/", "local network"),
        ("file:///etc/passwd", "only http"),
        ("http://user:pw@docs.example:{port}/", "a user or a password"),
        ("http://docs.example:22/", "port 22"),
        ("http://docs.example:{port}/\\x", "no URL has"),
    ],
)
async def test_a_redirect_is_looked_at_like_the_first_url(onward: str, said: str) -> None:
    with pytest.raises(WebRefused, match=said):
        await page_of(redirecting(lambda request: onward.format(port=request.url.port)))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_followed(status: int) -> None:
    async def answers(request: web.Request) -> web.Response:
        if request.path == "/old":
            return web.Response(status=status, headers={"Location": "new#part"})
        return web.Response(text=request.path)

    page = await page_of(answers, "/old")

    assert page.text == "/new"
    assert page.url.endswith("/new")


async def test_five_redirects_are_followed_and_no_more() -> None:
    def after(limit: int) -> Answers:
        async def answer(request: web.Request) -> web.Response:
            step = int(request.path[1:])
            if step == limit:
                return web.Response(text="there")
            return web.Response(status=302, headers={"Location": f"/{step + 1}"})

        return answer

    assert (await page_of(after(5), "/0")).text == "there"
    with pytest.raises(WebRefused, match="more than 5 times"):
        await page_of(after(6), "/0")


async def test_a_page_does_not_lead_from_https_to_http() -> None:
    from yarl import URL

    reader = WebReader(["*"])

    with pytest.raises(WebRefused, match="from https to http"):
        reader._allowed("http://docs.example/", URL("https://docs.example/"))
    assert reader._allowed("https://docs.example/", URL("http://docs.example/")).scheme == "https"


async def test_only_hosts_that_are_listed_are_asked() -> None:
    for hosts, denied in (((), ()), (("other.example",), ()), ((".example",), ("docs.example",))):
        with pytest.raises(WebRefused, match="not one that may be asked"):
            await WebReader(hosts, denied, lookup=always_ours, policy=only_ours).read("http://docs.example/")


async def test_a_redirect_to_a_host_that_is_not_listed_is_refused() -> None:
    with pytest.raises(WebRefused, match=r"evil\.example is not one"):
        await page_of(
            redirecting(lambda request: f"http://evil.example:{request.url.port}/"), hosts=("docs.example",)
        )


async def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    page = await page_of(text("direct"))

    assert page.text == "direct"


MOST = 1000


async def test_a_long_page_is_cut() -> None:
    page = await page_of(text("x" * 5000), limits={"most_bytes": MOST})

    assert (len(page.text), page.cut) == (MOST, True)


async def test_a_page_of_the_size_allowed_is_whole() -> None:
    page = await page_of(text("x" * MOST), limits={"most_bytes": MOST})

    assert (len(page.text), page.cut) == (MOST, False)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_bomb_is_cut_before_it_goes_off(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = gzip.compress if encoding == "gzip" else zlib.compress
    bomb = pack(b"x" * 20_000_000)
    unpacked: list[int] = []
    take = web_body._Packed.take

    def counted(self: Any, chunk: bytes, most: int) -> bytes:
        part: bytes = take(self, chunk, most)
        unpacked.append(len(part))
        return part

    monkeypatch.setattr(web_body._Packed, "take", counted)

    page = await page_of(text(bomb, **{"Content-Encoding": encoding}), limits={"most_bytes": 50_000})

    assert (len(page.text), page.cut) == (50_000, True)
    assert sum(unpacked) <= 50_001


async def test_what_is_packed_is_unpacked_whole() -> None:
    body = json.dumps(list(range(30_000)))

    page = await page_of(text(gzip.compress(body.encode()), **{"Content-Encoding": "gzip"}))

    assert page.text == body


@pytest.mark.parametrize(
    ("body", "headers", "said"),
    [
        (b"x", {"Content-Encoding": "br"}, "not asked for"),
        (b"x", {"Content-Encoding": "gzip, gzip"}, "not asked for"),
        (b"no gzip", {"Content-Encoding": "gzip"}, "cannot be unpacked"),
        (gzip.compress(b"x") + b"y" * 5000, {"Content-Encoding": "gzip"}, "makes it larger"),
    ],
)
async def test_what_cannot_be_unpacked_is_refused(body: bytes, headers: dict[str, str], said: str) -> None:
    with pytest.raises(WebRefused, match=said):
        await page_of(text(body, **headers), limits={"most_bytes": MOST})


@pytest.mark.parametrize("kind", ["image/png", "application/octet-stream", "application/pdf", ""])
async def test_only_texts_are_read(kind: str) -> None:
    with pytest.raises(WebRefused, match="only texts are read"):
        await page_of(text("x", kind))


@pytest.mark.parametrize(
    ("charset", "body", "read"),
    [
        ("iso-8859-1", "Wehr Mühle".encode("latin-1"), "Wehr Mühle"),
        ("utf-8", b"M\xff", "M\ufffd"),
        ("zlib", b"plain", "plain"),  # a codec of Python, no character set
        ("nonsense", "ü".encode(), "ü"),
    ],
)
async def test_a_page_in_its_character_set(charset: str, body: bytes, read: str) -> None:
    page = await page_of(text(body, f'text/plain; charset="{charset}"'))

    assert page.text == read


async def test_who_dawdles_is_left() -> None:
    async def drips(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await answer.prepare(request)
        for _ in range(200):  # two seconds of a page that never was worth the wait
            await answer.write(b"x")
            await asyncio.sleep(0.01)
        return answer

    with pytest.raises(TimeoutError):
        await page_of(drips, limits={"total_s": 0.2})


async def test_the_tool_tells_the_model_what_it_can_do(
    monkeypatch: pytest.MonkeyPatch, equipped: Equipment
) -> None:
    off = await output_of(read_web_page, {"url": "https://docs.example/"})
    async with served(text("0123456789" * 30)) as port:
        monkeypatch.setattr(equipped, "web", lambda: reader_for(port))
        there = {"url": f"http://docs.example:{port}/", "first_character": 5, "characters": 100}
        read = json.loads(await output_of(read_web_page, there, run_id="run-2"))
        refused = await output_of(read_web_page, {"url": "http://169.254.169.254/"}, run_id="run-3")
    unreachable = await output_of(read_web_page, {"url": f"http://docs.example:{port}/"}, run_id="run-4")

    assert off == "Not read: no host may be asked here. Another address may do; this one will not."
    assert read["text"] == ("0123456789" * 11)[5:105]
    assert read["characters"] == 300
    assert "port 80 is not asked" in refused or "public" in refused
    assert unreachable.startswith("Not read: the host cannot be reached")


def test_it_is_off_where_no_host_is_named() -> None:
    assert Equipment().web() is None
    assert Equipment(ToolOptions(web_hosts=("*",))).web() is not None


async def test_slow_name_servers_hold_up_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def slow(*_: Any, **__: Any) -> list[Any]:
        released.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    lookups = [asyncio.create_task(system_lookup(f"{number}.example", 443)) for number in range(64)]
    await asyncio.sleep(0)

    async with asyncio.timeout(10):
        assert await asyncio.to_thread(len, "elsewhere") == 9

    released.set()
    assert await asyncio.gather(*lookups) == [[]] * 64
