"""Runs the embedded node on a loopback port until it is terminated."""

import argparse
import asyncio
import signal
from functools import partial

from app.brokers.node import connections
from app.brokers.node.state import Node
from app.brokers.ports import LOOPBACK

TICK_S = 0.05


async def run(port: int) -> None:
    """Serve, and let time pass for sessions and transactions."""
    node = Node(LOOPBACK, port)
    stop = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_number, lambda *_: stop.set())
    server = await asyncio.start_server(partial(connections.serve, node), LOOPBACK, port)
    while not stop.is_set():
        await asyncio.sleep(TICK_S)
        node.expire()
    server.close()


def main() -> None:
    """Parse the arguments and run."""
    parser = argparse.ArgumentParser(description="A single Kafka-compatible node in memory.")
    parser.add_argument("--port", type=int, required=True)
    asyncio.run(run(parser.parse_args().port))


if __name__ == "__main__":
    main()
