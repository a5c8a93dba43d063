"""What holds for every test: no model is really called, and properties are not judged by their speed."""

import ipaddress
import os
import signal
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

# A shell that runs the tests in the background has Ctrl-C ignored, and so would what the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# For the contracts, too: their real halves run on the same servers.
pytest_plugins = ("tests.broker.fixtures",)

settings.register_profile("penstock", deadline=None)
settings.load_profile("penstock")

# Brokers that somebody named for a test run may stand anywhere.
NAMED_BY = ("PENSTOCK_TEST_KAFKA", "PENSTOCK_TEST_REDIS", "DOCKER_HOST")


@pytest.fixture(autouse=True)
def no_real_model(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test that looks up or connects to a host beyond this machine, also where it hides the error."""
    if request.node.get_closest_marker("live"):
        yield
        return
    reached: list[str] = []
    monkeypatch.setattr(socket, "getaddrinfo", _guarded(socket.getaddrinfo, 0, reached))
    monkeypatch.setattr(socket.socket, "connect", _guarded(socket.socket.connect, 1, reached))
    monkeypatch.setattr(socket.socket, "connect_ex", _guarded(socket.socket.connect_ex, 1, reached))
    yield
    if reached:
        pytest.fail(
            f"the test reached for {reached[0]}: models are scripted or simulated here", pytrace=False
        )


def _guarded(call: Any, at: int, reached: list[str]) -> Any:
    """The call, for addresses of this machine; the address stands at this place of its arguments."""

    def guarded(*arguments: Any, **named: Any) -> Any:
        address = arguments[at] if len(arguments) > at else named.get("host")
        host = address[0] if isinstance(address, tuple) else address
        if _is_elsewhere(host):
            reached.append(str(host))
            raise ConnectionRefusedError(f"tests reach nothing beyond this machine, not {host!r}")
        return call(*arguments, **named)

    return guarded


def _is_elsewhere(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if not isinstance(host, str) or host in ("", "localhost", socket.gethostname()) or "/" in host:
        return False  # a Unix socket, or any address of this machine
    if any(host in os.environ.get(name, "") for name in NAMED_BY):
        return False
    try:
        return not (ipaddress.ip_address(host).is_loopback or ipaddress.ip_address(host).is_unspecified)
    except ValueError:
        return True
