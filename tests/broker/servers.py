"""Starts the servers that broker tests need, or says why it cannot."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from app.brokers import jars, redis
from app.brokers.broker import BrokerError, BrokerHandle
from app.brokers.kafka import KafkaBroker, KafkaOptions
from app.brokers.redis import RedisOptions, RedisServer
from benchmarks import postgres
from benchmarks.worker_process import BenchFailed

# Shared by all runs from this checkout, so that the jars are fetched once.
CACHE = Path(__file__).parents[2] / ".penstock"


def unavailable(reason: str) -> NoReturn:
    """Skip where a person works, fail in CI: there a missing server must not look like a pass."""
    if os.environ.get("CI"):
        pytest.fail(f"a server is missing and CI is set: {reason}", pytrace=False)
    pytest.skip(reason)


def require_kafka() -> None:
    """Everything that a real Kafka needs, fetched if need be."""
    try:
        jars.java()
        jars.fetched(CACHE)
    except BrokerError as missing:
        unavailable(str(missing))


def require_redis() -> None:
    """A redis-server to run."""
    try:
        redis.find_binary()
    except BrokerError as missing:
        unavailable(str(missing))


def kafka_node(data_dir: Path) -> KafkaBroker:
    """A node on a free port, tuned to start fast; not started yet."""
    return KafkaBroker(KafkaOptions(data_dir=data_dir, cache=CACHE, short_lived=True))


def redis_node(data_dir: Path) -> RedisServer:
    """A server on a free port that loses nothing it acknowledged; not started yet."""
    return RedisServer(RedisOptions(data_dir=data_dir, fsync="always"))


@contextmanager
def running_kafka(data_dir: Path) -> Iterator[BrokerHandle]:
    """The Kafka that PENSTOCK_TEST_KAFKA names, or one of our own."""
    named = os.environ.get("PENSTOCK_TEST_KAFKA")
    if named:
        yield BrokerHandle(kind="external", bootstrap=named, version="unknown")
        return
    require_kafka()
    node = kafka_node(data_dir)
    try:
        yield node.start()
    finally:
        node.stop()


@contextmanager
def running_redis(data_dir: Path) -> Iterator[str]:
    """The Redis that PENSTOCK_TEST_REDIS names (emptied before each test), or one of our own."""
    named = os.environ.get("PENSTOCK_TEST_REDIS")
    if named:
        yield named
        return
    require_redis()
    node = redis_node(data_dir)
    try:
        yield node.start().url
    finally:
        node.stop()


@contextmanager
def running_postgresql() -> Iterator[str]:
    """The URL of an empty database, on a server of our own."""
    try:
        postgres.find_binaries()
    except BenchFailed as missing:
        unavailable(str(missing))
    with postgres.running() as url:
        yield url
