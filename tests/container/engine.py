"""Whether a Docker engine answers, asked once.

Asked by a plain socket: the docker package leaves one open when there is nobody to connect to.
"""

import os
import socket
from functools import cache
from urllib.parse import SplitResult, urlsplit

USUAL = "unix:///var/run/docker.sock"
ASK_S = 5.0
PING = b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n"


@cache
def missing() -> str | None:
    """Why there is none; None when one answers."""
    address = os.environ.get("DOCKER_HOST") or USUAL
    try:
        with _connected(urlsplit(address)) as connection:
            if connection.family == socket.AF_UNIX:  # elsewhere TLS comes first, and connecting must do
                connection.sendall(PING)
                if not connection.recv(1):
                    return f"{address} does not speak"
    except (OSError, ValueError) as error:
        return f"{address}: {error}"
    return None


def _connected(url: SplitResult) -> socket.socket:
    if url.scheme in ("tcp", "http", "https"):
        return socket.create_connection((url.hostname or "localhost", url.port or 2375), ASK_S)
    if url.scheme != "unix":
        raise ValueError("neither a socket nor a TCP address")
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(ASK_S)
    try:
        connection.connect(url.path)
    except OSError:
        connection.close()
        raise
    return connection
