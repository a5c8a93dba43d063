"""Which addresses and names of the web may be asked: public ones, written in the plain way."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING

from yarl import URL

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST_URL = 2000
PORTS = frozenset({80, 443})
_UNSAID = re.compile(r"[\x00-\x20\x7f-\xa0\\<>\"^`{|}\u2028\u2029]")
_WITH_USER = re.compile(r"[^/?#]*//[^/?#]*@")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PLAIN_V4 = re.compile(r"(?:(?:0|[1-9][0-9]{0,2})\.){3}(?:0|[1-9][0-9]{0,2})")

# IANA's registry of special-purpose addresses, without those that anybody on the internet may reach.
_NOT_PUBLIC_V4 = tuple(
    IPv4Network(net)
    for net in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers' NAT; Alibaba's metadata, 100.100.100.200
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's wire server
        "169.254.0.0/16",  # link-local; the metadata of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata, 192.0.0.192
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
_GLOBAL_V6 = IPv6Network("2000::/3")
_NOT_PUBLIC_V6 = tuple(
    IPv6Network(net)
    for net in (
        "2001::/23",  # protocol assignments, among them Teredo
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address in disguise
        "3fff::/20",  # documentation
        "3ffe::/16",  # was the 6bone
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})
_LOCAL_NAMES = (
    "localhost",
    "localdomain",
    "local",
    "internal",  # metadata.google.internal
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "arpa",
    "onion",
    "invalid",
    "test",
    "alt",
)


class WebRefused(Exception):
    """An address that is not asked; the message says why, to whoever named it."""


def why_not_public(address: str) -> str | None:
    """Why an address is not to be connected to; None: it is a public one."""
    try:
        found = ip_address(address)
    except ValueError:
        return "no IP address"
    if isinstance(found, IPv4Address):
        return "not a public address" if any(found in net for net in _NOT_PUBLIC_V4) else None
    return _why_not_v6(found)


def checked(text: str, base: URL | None = None, ports: Iterable[int] = PORTS) -> URL:
    """The URL as it is asked, with its host in the one form that is compared. Raises WebRefused."""
    if len(text) > LONGEST_URL:
        raise WebRefused(f"the URL is longer than {LONGEST_URL} characters")
    if not text or _UNSAID.search(text):
        raise WebRefused("the URL holds characters that no URL has")
    try:
        url = URL(text) if base is None else base.join(URL(text))
        port = url.port
    except ValueError:
        raise WebRefused("this is no URL") from None
    if url.scheme not in {"http", "https"}:
        raise WebRefused("only http and https are asked")
    if _WITH_USER.match(text) or url.raw_user is not None:
        raise WebRefused("a URL with a user or a password is not asked")
    if port not in set(ports):
        raise WebRefused(f"port {port} is not asked")
    return _with_host(url, plain_host(url.raw_host or ""))


def plain_host(host: str) -> str:
    """A name, or a whole address, in lower case and without the dot at its end. Raises WebRefused."""
    plain = host.lower().removesuffix(".")
    if ":" in plain:
        return _v6(plain)
    labels = plain.split(".")
    if _NUMBER.fullmatch(labels[-1]):  # systems take 127.1, 0177.0.0.1 and 2130706433 for addresses, too
        if not _PLAIN_V4.fullmatch(plain):
            raise WebRefused("an address has to be written as four decimal numbers")
        return plain
    if len(plain) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise WebRefused("this is no name of a host")
    if len(labels) < 2 or labels[-1] in _LOCAL_NAMES:
        raise WebRefused("names of a local network are not asked")
    return plain


def is_literal(host: str) -> bool:
    """Whether a plain host is an address itself."""
    return ":" in host or _PLAIN_V4.fullmatch(host) is not None


def is_listed(host: str, listed: Iterable[str]) -> bool:
    """Whether a plain host is one of these: `a.example`; `.example` and all below it; `*`."""
    for one in listed:
        wanted = _as_asked(one)
        if wanted == "*" or host == wanted.removeprefix("."):
            return True
        if wanted.startswith(".") and host.endswith(wanted):
            return True
    return False


def _as_asked(listed: str) -> str:
    """A listed host as hosts are asked: other letters than ASCII's in the form that name servers know."""
    plain = listed.lower().removesuffix(".")
    if plain.isascii():
        return plain
    name = plain.removeprefix(".")
    return plain.removesuffix(name) + (URL.build(scheme="http", host=name).raw_host or name)


def _why_not_v6(address: IPv6Address) -> str | None:
    if address.scope_id is not None:
        return "not a public address"
    if address in _NAT64:  # what a network without IPv4 makes of a public name
        return why_not_public(str(IPv4Address(int(address) & 0xFFFFFFFF)))
    if address not in _GLOBAL_V6 or any(address in net for net in _NOT_PUBLIC_V6):
        return "not a public address"
    if (int(address) >> 32) & 0xFFFFFFFF in _ISATAP:
        return "not a public address"
    return None


def _v6(host: str) -> str:
    try:
        return IPv6Address(host).compressed
    except ValueError:
        raise WebRefused("this is no name of a host") from None


def _with_host(url: URL, host: str) -> URL:
    """Without its fragment, which is nobody's business but the reader's."""
    plain = url.with_fragment(None)
    return plain if plain.raw_host == host else plain.with_host(host)
