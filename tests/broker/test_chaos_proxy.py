"""The proxy keeps the order of what passes through it, however its weather changes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from tests.chaos.proxy import HOST, Proxy


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(1000):
            writer.write(data)
    writer.close()


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    server = await asyncio.start_server(echo, HOST, 0)
    made = Proxy()
    await made.start()
    made.aim(server.sockets[0].getsockname()[1])
    yield made
    await made.stop()
    server.close()
    for _ in range(10):  # what was aborted is closed in the loop's next turns
        await asyncio.sleep(0)


async def test_what_goes_in_comes_out(proxy: Proxy) -> None:
    reader, writer = await asyncio.open_connection(HOST, proxy.port)
    writer.write(b"hello")

    assert await reader.readexactly(5) == b"hello"
    writer.close()


async def test_a_stalled_proxy_loses_nothing(proxy: Proxy) -> None:
    reader, writer = await asyncio.open_connection(HOST, proxy.port)
    proxy.stall(True)
    writer.write(b"one ")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.05)

    proxy.stall(False)
    writer.write(b"two")

    assert await reader.readexactly(7) == b"one two"
    writer.close()


async def test_a_delay_that_ends_does_not_let_later_bytes_overtake(proxy: Proxy) -> None:
    reader, writer = await asyncio.open_connection(HOST, proxy.port)
    proxy.delay(0.05)
    writer.write(b"slow ")
    await writer.drain()
    await asyncio.wait_for(arrived(proxy), 5)

    proxy.delay(0.0)
    writer.write(b"fast")

    assert await reader.readexactly(9) == b"slow fast"
    writer.close()


async def test_a_cut_ends_the_connections_and_new_ones_are_taken(proxy: Proxy) -> None:
    reader, writer = await asyncio.open_connection(HOST, proxy.port)
    writer.write(b"x")
    await reader.readexactly(1)

    proxy.cut()

    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    writer.close()
    reader, writer = await asyncio.open_connection(HOST, proxy.port)
    writer.write(b"y")
    assert await reader.readexactly(1) == b"y"
    writer.close()


async def test_a_target_that_is_down_is_down_for_the_client(proxy: Proxy) -> None:
    proxy.aim(1)

    reader, writer = await asyncio.open_connection(HOST, proxy.port)

    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    writer.close()


async def arrived(proxy: Proxy) -> None:
    while not any(end._waiting for end in proxy._ends):
        await asyncio.sleep(0)
