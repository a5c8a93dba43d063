"""Which addresses the web tool asks: only public ones, however they are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from agents_defs.web_addresses import WebRefused, checked, is_listed, is_literal, why_not_public

NOT_PUBLIC = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.255.255",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",  # compatible
    "::8.8.8.8",
    "::ffff:127.0.0.1",  # mapped
    "::ffff:169.254.169.254",
    "::ffff:8.8.8.8",
    "::ffff:0:127.0.0.1",  # translated
    "64:ff9b::7f00:1",  # NAT64 of 127.0.0.1
    "64:ff9b::169.254.169.254",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::1",  # a network's own NAT64
    "100::1",  # discard
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",  # Teredo
    "2001:10::1",  # ORCHID
    "2001:db8::1",
    "2002:7f00:1::",  # 6to4 of 127.0.0.1
    "2002:a9fe:a9fe::1",
    "2002:808:808::1",
    "2a00:1450::5efe:a00:1",  # ISATAP of 10.0.0.1
    "2a00:1450::200:5efe:7f00:1",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",  # Amazon's metadata
    "fd20:ce::254",  # Google's
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700::1111%eth0",
    "fec0::1",
    "ff02::1",
    "4000::1",
    "not an address",
    "",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4016:80c::200e",
    "64:ff9b::8.8.8.8",
]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_is_not_public_is_not_asked(address: str) -> None:
    assert why_not_public(address) is not None


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is(address: str) -> None:
    assert why_not_public(address) is None


@given(st.ip_addresses())
def test_what_python_calls_private_is_never_asked(address: object) -> None:
    asked = why_not_public(str(address)) is None

    assert not (asked and getattr(address, "is_private", False) and not str(address).startswith("64:ff9b::"))


REFUSED = [
    ("", "no URL has"),
    ("http://", "name of a host"),
    ("https:///etc/passwd", "name of a host"),
    ("example.org", "only http"),
    ("//example.org/", "only http"),
    ("ftp://example.org/", "only http"),
    ("file:///etc/passwd", "only http"),
    ("gopher://example.org:70/", "only http"),
    ("data:text/html,x", "only http"),
    ("javascript:alert(1)", "only http"),
    ("http://user@example.org/", "a user or a password"),
    ("http://user:secret@example.org/", "a user or a password"),
    ("http://@example.org/", "a user or a password"),
    ("http://example.org@127.0.0.1/", "a user or a password"),
    ("http://:@example.org/", "a user or a password"),
    ("http://example.org:22/", "port 22"),
    ("http://example.org:8080/", "port 8080"),
    ("http://example.org:6379/", "port 6379"),
    ("http://example.org:0/", "port 0"),
    ("http://example.org:65536/", "no URL"),
    ("http://[::1", "no URL"),
    ("http://exam ple.org/", "no URL has"),
    ("http://example.org/\r\nX-Injected: 1", "no URL has"),
    ("http://example.org\\@127.0.0.1/", "no URL has"),
    ("http://example.org/\u2028", "no URL has"),
    ("http://example.org/" + "x" * 2000, "longer than"),
    ("http://2130706433/", "four decimal numbers"),
    ("http://134744072/", "four decimal numbers"),
    ("http://0177.0.0.1/", "four decimal numbers"),
    ("http://0x7f.0.0.1/", "four decimal numbers"),
    ("http://0x7f000001/", "four decimal numbers"),
    ("http://127.1/", "four decimal numbers"),
    ("http://127.0.1/", "four decimal numbers"),
    ("http://10.1/", "four decimal numbers"),
    ("http://0/", "four decimal numbers"),
    ("http://1.2.3.4.5/", "four decimal numbers"),
    ("http://127.0.0.0x1/", "four decimal numbers"),
    ("http://127.0.0.01/", "four decimal numbers"),
    ("http://example.0x/", "four decimal numbers"),
    ("http://%31%32%37.0.0.1/", "four decimal numbers"),
    ("http://localhost/", "local network"),
    ("http://LOCALHOST./", "local network"),
    ("http://foo.localhost/", "local network"),
    ("http://intranet/", "local network"),
    ("http://metadata/", "local network"),
    ("http://metadata.google.internal/", "local network"),
    ("http://metadata.google.internal./computeMetadata/v1/", "local network"),
    ("http://METADATA.GOOGLE.INTERNAL/", "local network"),
    ("http://printer.local/", "local network"),
    ("http://router.lan/", "local network"),
    ("http://1.0.0.127.in-addr.arpa/", "local network"),
    ("http://\u217cocalhost/", "local network"),
    ("http://x.onion/", "local network"),
    ("http://a..example.org/", "name of a host"),
    ("http://-a.example.org/", "name of a host"),
    ("http://x%2eexample.org/", "name of a host"),
    ("http://" + "a" * 64 + ".example.org/", "name of a host"),
    ("http://example.org../", "name of a host"),
]


@pytest.mark.parametrize(("text", "said"), REFUSED, ids=[text[:40] for text, _ in REFUSED])
def test_a_url_that_is_refused_as_it_is_written(text: str, said: str) -> None:
    with pytest.raises(WebRefused, match=said):
        checked(text)


IN_DISGUISE = [
    "http://127.0.0.1/",
    "http://127.0.0.1./",
    "http://\uff11\uff12\uff17.\uff10.\uff10.\uff11/",
    "http://127。0。0。1/",
    "http://①②⑦.⓪.⓪.①/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[0:0:0:0:0:ffff:7f00:1]/",
    "http://[::FFFF:7F00:1]/",
    "http://[fe80::1%25eth0]/",
    "http://[fd00:ec2::254]/",
    "http://169.254.169.254/latest/meta-data/",
]


@pytest.mark.parametrize("text", IN_DISGUISE)
def test_an_address_in_disguise_is_judged_as_an_address(text: str) -> None:
    host = checked(text).raw_host or ""

    assert is_literal(host)
    assert why_not_public(host) is not None


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("https://Docs.Example.ORG./a?b=c#d", "https://docs.example.org/a?b=c"),
        ("http://example.org:80/", "http://example.org/"),
        ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"),
        ("https://8.8.8.8/", "https://8.8.8.8/"),
        ("https://[2606:4700:4700:0:0:0:0:1111]/", "https://[2606:4700:4700::1111]/"),
        ("https://a_b.example.org/@user", "https://a_b.example.org/@user"),
    ],
)
def test_a_url_that_is_asked_has_one_form(text: str, asked: str) -> None:
    assert str(checked(text)) == asked


def test_a_redirect_is_read_beside_where_it_stands() -> None:
    base = URL("https://example.org/a/b")

    assert str(checked("../c?d", base)) == "https://example.org/c?d"
    with pytest.raises(WebRefused, match="a user or a password"):
        checked("//me@example.org/", base)


@pytest.mark.parametrize(
    ("host", "listed", "found"),
    [
        ("a.example", ["a.example"], True),
        ("b.a.example", ["a.example"], False),
        ("b.a.example", [".a.example"], True),
        ("a.example", [".a.example"], True),
        ("nota.example", [".a.example"], False),
        ("a.example", ["A.Example."], True),
        ("a.example", ["*"], True),
        ("a.example", [], False),
        ("xn--bcher-kva.example", ["b\u00fccher.example"], True),  # as it is asked, and as people write it
        ("a.xn--bcher-kva.example", [".B\u00dcCHER.example."], True),
        ("bucher.example", ["b\u00fccher.example"], False),
    ],
)
def test_hosts_are_listed_whole_or_with_all_below(host: str, listed: list[str], found: bool) -> None:
    assert is_listed(host, listed) is found
