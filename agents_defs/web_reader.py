"""Fetches a page of the public web for a tool: checked at each step, bounded in time and size."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
from yarl import URL

from agents_defs.web_addresses import PORTS, WebRefused, checked, is_listed, why_not_public
from agents_defs.web_body import Body, read_capped, readable_type
from agents_defs.web_connection import Lookup, Policy, open_session, refuse_literal, system_lookup
from agents_defs.web_text import text_of, title_of

if TYPE_CHECKING:
    from collections.abc import Iterable

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADERS = {
    "User-Agent": "penstock",
    "Accept": "text/html, text/plain, application/json;q=0.9, text/*;q=0.8",
    "Accept-Encoding": "gzip, deflate",
}


@dataclass(frozen=True, slots=True)
class WebLimits:
    total_s: float = 15.0  # of everything: names, redirects, bodies
    most_bytes: int = 2 * 1024 * 1024  # unpacked
    most_redirects: int = 5
    ports: frozenset[int] = field(default=PORTS)


@dataclass(frozen=True, slots=True)
class Page:
    url: str  # where it was found in the end
    status: int
    title: str | None
    text: str
    cut: bool


class WebReader:
    """`lookup` and `policy`: which addresses names have, and which of those may be asked."""

    def __init__(
        self,
        hosts: Iterable[str],
        denied: Iterable[str] = (),
        limits: WebLimits | None = None,
        lookup: Lookup = system_lookup,
        policy: Policy = why_not_public,
    ) -> None:
        self._hosts, self._denied = tuple(hosts), tuple(denied)
        self._limits = limits or WebLimits()
        self._lookup, self._policy = lookup, policy

    async def read(self, address: str) -> Page:
        """Raises WebRefused, TimeoutError, or what aiohttp raises."""
        async with asyncio.timeout(self._limits.total_s), open_session(self._lookup, self._policy) as session:
            url = self._allowed(address, None)
            for _ in range(self._limits.most_redirects + 1):
                async with session.get(url, allow_redirects=False, headers=_HEADERS) as answer:
                    onward = answer.headers.get("Location")
                    if answer.status not in _REDIRECTS or onward is None:
                        return await self._page(url, answer)
                url = self._allowed(onward, url)
            raise WebRefused(f"the page redirects more than {self._limits.most_redirects} times")

    def _allowed(self, address: str, base: URL | None) -> URL:
        """The next URL to ask; a redirect is looked at like the first."""
        url = checked(address, base, self._limits.ports)
        if base is not None and base.scheme == "https" and url.scheme != "https":
            raise WebRefused("the page redirects from https to http")
        host = url.raw_host or ""
        if not is_listed(host, self._hosts) or is_listed(host, self._denied):
            raise WebRefused(f"the host {host} is not one that may be asked")
        refuse_literal(url, self._policy)
        return url

    async def _page(self, url: URL, answer: aiohttp.ClientResponse) -> Page:
        kind, charset = readable_type(answer.headers.get("Content-Type", ""))
        chunks = answer.content.iter_chunked(64 * 1024)
        encoding = answer.headers.get("Content-Encoding", "")
        body = await read_capped(chunks, encoding, self._limits.most_bytes)
        # A large page takes a while, which is not the event loop's to spend.
        return await asyncio.to_thread(_read, url, answer.status, body, kind, charset)


def _read(url: URL, status: int, body: Body, kind: str, charset: str) -> Page:
    text = body.content.decode(charset, "replace").replace("\x00", "\ufffd")
    written: Any = str(url)
    if kind in {"text/html", "application/xhtml+xml"}:
        return Page(written, status, title_of(text), text_of(text), body.cut)
    return Page(written, status, None, text, body.cut)
