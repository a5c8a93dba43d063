"""No test of the agents reaches the network: one that tries fails, even where the error is swallowed."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    tried: list[Any] = []

    def refuse(self: socket.socket, address: Any) -> int:
        tried.append(address)
        raise OSError(f"a unit test tried to connect to {address}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    yield
    assert not tried, f"a unit test tried to connect to {tried}"
