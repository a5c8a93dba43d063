"""What must be true before a worker starts; what is not is said in one line, with what to do."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable

import redis.asyncio as redis
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from redis.exceptions import RedisError

from app import provision
from app.adapters.file_verifier import FileVerifier
from schemas.keyring import BadKeys
from streams.options import KafkaOptions, TrustOptions

PATIENCE_S = 10.0
SPARE_FILES = 256  # beside the connections to models: Kafka, Redis, logs, HTTP


class CannotStart(Exception):
    """The worker cannot start; the message is one line."""


async def check_kafka(kafka: KafkaOptions) -> None:
    """The brokers answer, the topics are there, all with the right number of partitions."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            states = await provision.describe(kafka)
    except (KafkaError, OSError, TimeoutError) as error:
        raise CannotStart(no_kafka(kafka.bootstrap, error)) from error
    missing = [state.name for state in states if state.partitions is None]
    if missing:
        what = (
            f"topic {missing[0]} is" if len(missing) == 1 else f"{len(missing)} topics ({missing[0]}, …) are"
        )
        raise CannotStart(f"{what} missing: run `penstock topics create`")
    for state in states:
        for problem in state.problems:
            raise CannotStart(f"topic {state.name} {problem}")


def no_kafka(bootstrap: str, error: BaseException) -> str:
    """What is said where no broker answers."""
    return (
        f"no Kafka answers at {bootstrap} ({type(error).__name__}): start one "
        "(`penstock broker start`), or set PENSTOCK_KAFKA_BOOTSTRAP"
    )


async def check_transactions(kafka: KafkaOptions) -> None:
    """The broker takes transactional producers."""
    if kafka.delivery != "transactional":
        return
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap, transactional_id=f"{kafka.app_id}-probe-{uuid.uuid4().hex}"
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            await producer.start()
    except (KafkaError, TimeoutError) as error:
        raise CannotStart(
            f"the broker at {kafka.bootstrap} has no transactions ({type(error).__name__}), which one "
            "outcome per request rests on: use Apache Kafka, or accept less with PENSTOCK_DELIVERY=plain"
        ) from error
    finally:
        await _stop(producer)


def read_keys(verifier: FileVerifier | None) -> None:
    """The keys that signatures are checked with are known."""
    if verifier is None:
        return
    try:
        verifier.load()
    except BadKeys as error:
        raise CannotStart(f"no signature could be checked (PENSTOCK_KEYS_FILE): {error}") from error


async def look_at_stamps(kafka: KafkaOptions, trust: TrustOptions, warn: Callable[[str], None]) -> None:
    """Signatures are judged from when a record was written, if the broker says when that was."""
    if not trust.signed:
        return
    names = provision.unstamped(await provision.describe(kafka))
    if names:
        warn(
            f"{' and '.join(names)}: timestamps are the producers' (message.timestamp.type), so a signed "
            "record that stands unread for 24 hours is refused: set it to LogAppendTime"
        )


async def read_plans(start: Callable[[], Awaitable[None]], kafka: KafkaOptions) -> None:
    """All tenants' plans are known, so that nothing of a paused tenant is begun."""
    try:
        await start()
    except (KafkaError, OSError, TimeoutError) as error:
        raise CannotStart(
            f"the tenants' plans cannot be read from Kafka at {kafka.bootstrap} ({error!r}): "
            "`penstock doctor` says what is wrong"
        ) from error


async def check_redis(client: "redis.Redis", url: str) -> None:
    """Redis answers and takes writes."""
    try:
        await client.ping()
        await client.set("penstock:probe", "1", ex=1)
    except (RedisError, OSError) as error:
        raise CannotStart(
            f"no Redis to write to at {_without_password(url)} ({error}): "
            "start one, or set PENSTOCK_REDIS_URL"
        ) from error


def raise_file_limit(max_in_flight: int, warn: Callable[[str], None]) -> None:
    """Each model call in flight has a connection, and each connection needs a file."""
    try:
        import resource  # not on Windows
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max_in_flight + SPARE_FILES
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft < wanted:
        warn(
            f"the limit of open files is {soft}, PENSTOCK_MAX_IN_FLIGHT={max_in_flight} may need {wanted}: "
            "raise it (ulimit -n, LimitNOFILE=), or lower the cap"
        )


def _without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


async def _stop(producer: AIOKafkaProducer) -> None:
    try:
        await asyncio.wait_for(producer.stop(), 2)
    except (KafkaError, TimeoutError):
        return
