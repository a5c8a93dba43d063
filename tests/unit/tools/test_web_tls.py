"""The web tool over TLS: the server is asked for by its name, and has to prove it."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from agents_defs.web_reader import WebLimits, WebReader

OURS = "127.0.0.1"


def certificate(folder: Path, name: str) -> ssl.SSLContext:
    """Of a server that nobody vouches for but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.pem").write_bytes(made.public_bytes(pem) + private)
    (folder / "trusted.pem").write_bytes(made.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context


@asynccontextmanager
async def served(context: ssl.SSLContext) -> AsyncIterator[int]:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text=f"hello from {request.host}")

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.TCPSite(runner, OURS, 0, ssl_context=context).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def reader_for(port: int) -> WebReader:
    async def lookup(_host: str, _port: int) -> list[str]:
        return [OURS]

    limits = WebLimits(ports=frozenset({port}))
    return WebReader(["*"], limits=limits, lookup=lookup, policy=lambda _: None)


async def test_the_handshake_names_the_host_and_a_certificate_of_nobody_is_refused(tmp_path: Path) -> None:
    context, named = certificate(tmp_path, "docs.example"), []
    context.sni_callback = lambda _socket, name, _context: named.append(name)

    async with served(context) as port:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await reader_for(port).read(f"https://docs.example:{port}/")

    assert named == ["docs.example"]


@pytest.mark.parametrize(("host", "trusted"), [("docs.example", True), ("other.example", False)])
async def test_a_certificate_has_to_be_that_of_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, trusted: bool
) -> None:
    context = certificate(tmp_path, "docs.example")
    known = ssl.create_default_context(cafile=str(tmp_path / "trusted.pem"))
    monkeypatch.setattr("aiohttp.connector._SSL_CONTEXT_VERIFIED", known)

    async with served(context) as port:
        asked = reader_for(port).read(f"https://{host}:{port}/")
        if trusted:
            assert (await asked).text == f"hello from docs.example:{port}"
        else:
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await asked
