"""The books' own pages: where they are served, and that a port that is taken keeps nobody from the books."""

import asyncio
import json
import socket
from urllib.request import urlopen

from app.books import BooksProcess
from app.settings import Settings


async def test_the_books_serve_their_pages_before_they_are_ready() -> None:
    process = BooksProcess(Settings(books_http_bind="127.0.0.1:0", redis_url="redis://127.0.0.1:1/0"))

    address = await process.serve_pages()
    try:
        metrics = await asyncio.to_thread(lambda: urlopen(f"http://{address}/metrics").read().decode())
        version = await asyncio.to_thread(lambda: json.load(urlopen(f"http://{address}/version")))
    finally:
        await process.close_pages()

    assert "penstock_books_partitions 0.0" in metrics
    assert "penstock_drift_tenants 0.0" in metrics
    assert version["name"] == "penstock"


async def test_where_the_port_is_taken_they_do_without() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = BooksProcess(Settings(books_http_bind=f"127.0.0.1:{port}"))

        assert await process.serve_pages() is None
