"""Stops a Kafka consumer, also while Kafka is away."""

import asyncio

from aiokafka import AIOKafkaConsumer


async def stop(consumer: AIOKafkaConsumer) -> None:
    """aiokafka's own stop ends in a cancellation that nobody asked for where a fetch has just failed.

    It would end the task that stops the consumer, in silence: a cancelled task is taken for one that was
    told to end.
    """
    try:
        await consumer.stop()
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        await consumer._client.close()  # noqa: SLF001  what aiokafka did not come to
