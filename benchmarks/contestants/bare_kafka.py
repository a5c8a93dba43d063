"""Contestant: what one writes by hand: aiokafka, one shared agent, a semaphore, an idempotent producer.

No limits, no order, no guarantees: offsets are committed by time, so a crash loses what was being run.
"""

import asyncio
from typing import Any

import orjson
from agents import RunConfig, Runner, set_tracing_disabled
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from app import lifetime
from benchmarks import sampling
from benchmarks.bench_agent import make_agent, make_model
from benchmarks.terms import Terms, terms_of_this_process

POLL_MS = 200


class BareLoop:
    """Reads, runs, answers."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._agent = make_agent(terms, make_model(terms))
        self._config = RunConfig(tracing_disabled=True)
        self._free = asyncio.Semaphore(terms.in_flight)
        self._running: set[asyncio.Task[None]] = set()
        self._producer = AIOKafkaProducer(
            bootstrap_servers=terms.bootstrap, enable_idempotence=True, acks="all", linger_ms=0
        )

    async def read(self) -> None:
        """Until it is cancelled."""
        consumer = AIOKafkaConsumer(
            self._terms.requests,
            bootstrap_servers=self._terms.bootstrap,
            group_id=self._terms.name,
            enable_auto_commit=True,
            auto_offset_reset="earliest",
        )
        await self._producer.start()
        await consumer.start()
        try:
            while True:
                for records in (await consumer.getmany(timeout_ms=POLL_MS)).values():
                    for record in records:
                        await self._free.acquire()
                        task = asyncio.create_task(self._answer(record))
                        self._running.add(task)
                        task.add_done_callback(self._running.discard)
        finally:
            await consumer.stop()
            await self._producer.stop()

    async def _answer(self, record: Any) -> None:
        try:
            request = orjson.loads(record.value)
            result = await Runner.run(self._agent, request["input"], run_config=self._config)
            response = {
                "request_id": request["request_id"],
                "tenant_id": request["tenant_id"],
                "status": "completed",
                "output": result.final_output,
            }
            await self._producer.send_and_wait(
                self._terms.responses,
                orjson.dumps(response),
                key=record.key,
                partition=record.partition,
                headers=[("request-id", request["request_id"].encode()), ("status", b"completed")],
            )
        finally:
            self._free.release()


async def _main(terms: Terms) -> int:
    set_tracing_disabled(True)
    stop = await lifetime.stop_event()
    if terms.sampled:
        sampling.offer()
    reading = asyncio.create_task(BareLoop(terms).read())
    await asyncio.wait({reading, asyncio.create_task(stop.wait())}, return_when=asyncio.FIRST_COMPLETED)
    if reading.done():
        reading.result()
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    return 0


if __name__ == "__main__":
    lifetime.run(lambda: _main(terms_of_this_process()))
