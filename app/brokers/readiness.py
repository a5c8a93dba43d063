"""Asks a Kafka address for its metadata, to learn whether it serves."""

import socket
import struct
import time
from collections.abc import Callable

from app.brokers.broker import BrokerError

METADATA, VERSION, CORRELATION = 3, 1, 7
ATTEMPT_S = 2.0
POLL_S = 0.1


def brokers_known_to(bootstrap: str) -> int:
    """How many brokers it lists as alive; 0 when it does not answer."""
    host, _, port = bootstrap.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), ATTEMPT_S) as connection:
            connection.settimeout(ATTEMPT_S)
            connection.sendall(_metadata_request())
            with connection.makefile("rb") as answer:
                size, correlation, brokers = struct.unpack(">iii", answer.read(12))
    except (OSError, struct.error):
        return 0
    return brokers if correlation == CORRELATION and size >= 12 else 0


def wait_until_serving(bootstrap: str, within_s: float, still_running: Callable[[], None]) -> None:
    """Return once it lists a broker; `still_running` raises when there is nothing left to wait for."""
    until = time.monotonic() + within_s
    while not brokers_known_to(bootstrap):
        still_running()
        if time.monotonic() > until:
            raise BrokerError(f"no Kafka answers at {bootstrap} within {within_s:.0f} s")
        time.sleep(POLL_S)


def _metadata_request() -> bytes:
    client = b"penstock"
    header = struct.pack(f">hhih{len(client)}s", METADATA, VERSION, CORRELATION, len(client), client)
    no_topics = struct.pack(">i", 0)
    return struct.pack(">i", len(header + no_topics)) + header + no_topics
