"""Finds and checks loopback ports."""

import random
import socket

from app.brokers.broker import BrokerError

LOOPBACK = "127.0.0.1"
# Below what systems hand out to outgoing connections: a client that retries a dead server's port could
# otherwise be given that very port as its own, connect to itself and keep the server from coming back.
CANDIDATES = range(10_000, 32_768)
TRIES = 100


def free_port() -> int:
    """A port that nobody listens on now, and that stays with us over a restart."""
    tried = random.Random().sample(CANDIDATES, TRIES)  # noqa: S311  no secret, only spread
    return next(port for port in tried if is_free(port))


def chosen_port(wanted: int | None, option: str) -> int:
    """The wanted port if it can be listened on, any free one if none is wanted."""
    if not wanted:
        return free_port()
    if not is_free(wanted):
        raise BrokerError(f"port {wanted} is taken: stop what listens there, or choose another with {option}")
    return wanted


def is_free(port: int) -> bool:
    """Whether a server could listen there."""
    with socket.socket() as probe:
        # As servers do: a port whose last connections are still closing is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
