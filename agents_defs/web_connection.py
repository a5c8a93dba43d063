"""Connects to what a name means once and to nothing else: what was checked is what is connected to."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from agents_defs.web_addresses import WebRefused, is_literal, why_not_public

if TYPE_CHECKING:
    from yarl import URL

Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
Policy = Callable[[str], str | None]
CONNECT_S = 5.0
# Of their own: strangers' name servers may be slow to answer, and the event loop's threads are everybody's.
_LOOKUPS = ThreadPoolExecutor(4, thread_name_prefix="penstock-web-names")


async def system_lookup(host: str, port: int) -> list[str]:
    """The addresses of a name, as this system knows them."""
    found = await asyncio.get_running_loop().run_in_executor(
        _LOOKUPS, partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    )
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class CheckedResolver(AbstractResolver):
    """Gives aiohttp addresses, not the name again: whoever answers differently next time is not asked."""

    def __init__(self, lookup: Lookup, policy: Policy) -> None:
        self._lookup = lookup
        self._policy = policy

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        addresses = await self._lookup(host, port)
        if not addresses:
            raise OSError(f"{host} has no address")
        for address in addresses:  # one that is not public among others is an attempt
            refuse_address(address, self._policy)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """There is nothing to close."""


def refuse_address(address: str, policy: Policy) -> None:
    """Raises WebRefused. The address is not told: it may be one of a network that nobody should learn of."""
    if (why := policy(address)) is not None:
        raise WebRefused(f"the host has an address that is not asked: {why}")


def refuse_literal(url: URL, policy: Policy) -> None:
    """For hosts that are addresses: nobody looks them up, so nobody else would check them."""
    host = url.raw_host or ""
    if is_literal(host):
        refuse_address(host, policy)


def open_session(lookup: Lookup = system_lookup, policy: Policy = why_not_public) -> aiohttp.ClientSession:
    """For one fetch: no cookies, no proxies, no credentials of this machine, no connection used again."""
    connector = aiohttp.TCPConnector(
        resolver=CheckedResolver(lookup, policy), use_dns_cache=False, force_close=True, limit=4
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,  # done where its size is watched
        timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_S, sock_read=CONNECT_S),
        requote_redirect_url=False,
    )
