"""Plays one pattern: sends its example, tells what is streamed, approves what waits, shows the response."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel

from app import closing
from app.demo.patterns import Example
from app.settings import Settings
from schemas.partitions import partition_for
from streams.topics import topic_names

POLL_MS = 50
TENANT = b"acme"
USER = "ada"
SUMMARY_CHARS = 160


@dataclass(frozen=True, slots=True)
class Wires:
    """A reader of responses and deltas, and a producer."""

    reader: AIOKafkaConsumer
    producer: AIOKafkaProducer


class Recital:
    """Everything that is shown of one pattern."""

    def __init__(self, settings: Settings, console: Console, run: str, now: Callable[[], float]) -> None:
        self._settings: Final = settings
        self._console: Final = console
        self._run: Final = run
        self._now: Final = now
        self._topics: Final = topic_names(settings.topic_prefix, settings.app_id)

    async def play(self, name: str, example: Example, timeout_s: float) -> bool:
        """Whether all was completed."""
        asked = [example.asks, *([example.follow_up] if example.follow_up else [])]
        completed = []
        async with self._wired() as wires, asyncio.timeout(timeout_s):
            for number, text in enumerate(asked):
                document = self._document(name, f"{self._run}-{number}", text, example)
                self._console.print(Panel(escape(text), title=f"request to {name}", title_align="left"))
                sent = self._now()
                await self._put(wires, self._topics.requests, document)
                response = await self._told(wires, document["request_id"])
                self._show(response, self._now() - sent)
                completed.append(response["status"] == "completed")
        return all(completed)

    @asynccontextmanager
    async def _wired(self) -> AsyncIterator[Wires]:
        bootstrap = self._settings.kafka_bootstrap
        reader = AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_committed")
        producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
        await reader.start()
        try:
            await producer.start()
            read = (self._topics.responses, self._topics.deltas)
            reader.assign(
                [TopicPartition(topic, n) for topic in read for n in range(self._settings.partitions)]
            )
            await reader.seek_to_end()
            yield Wires(reader, producer)
        finally:
            await producer.stop()
            await closing.stop(reader)

    def _document(self, name: str, request_id: str, text: str, example: Example) -> dict[str, Any]:
        return {
            "request_id": request_id,
            "tenant_id": TENANT.decode(),
            "user_id": USER,
            "agent": name,
            "input": text,
            "stream": True,
            "metadata": dict(example.metadata),
        }

    async def _put(self, wires: Wires, topic: str, document: dict[str, Any]) -> None:
        partition = partition_for(TENANT, self._settings.partitions)
        await wires.producer.send_and_wait(topic, orjson.dumps(document), key=TENANT, partition=partition)

    async def _told(self, wires: Wires, request_id: str) -> dict[str, Any]:
        """Tells all deltas; gives back the response when its last delta was told, too."""
        response: dict[str, Any] | None = None
        ended = False
        while response is None or not ended:
            for records in (await wires.reader.getmany(timeout_ms=POLL_MS)).values():
                for record in records:
                    told = orjson.loads(record.value)
                    if told["request_id"] != request_id:
                        continue
                    if record.topic == self._topics.responses:
                        response = told
                        continue
                    ended = ended or told["kind"] == "end"
                    await self._tell(wires, told["kind"], told["data"])
        return response

    async def _tell(self, wires: Wires, kind: str, data: dict[str, Any]) -> None:
        say = self._console.print
        match kind:
            case "text":
                say(escape(data["text"]), end="", highlight=False)
            case "agent_changed":
                say(f"\n[magenta]→ {escape(data['to'])}[/]", highlight=False)
            case "tool_called":
                say(f"\n[cyan]{data['name']}[/] {escape(str(data['arguments']))}", highlight=False)
            case "tool_returned":
                say(f"  [cyan]=[/] {escape(data['summary'][:SUMMARY_CHARS])}", highlight=False)
            case "approval_required":
                say(f"\n[yellow]waits for a person:[/] {data['tool']} {escape(str(data['arguments']))}")
                await self._approve(wires, data)

    async def _approve(self, wires: Wires, asked: dict[str, Any]) -> None:
        """As `penstock approvals approve` does it."""
        self._console.print(f"[yellow]{USER} approves[/] (penstock approvals approve {asked['approval_id']})")
        told = {name: asked[name] for name in ("approval_id", "arguments_digest")}
        await self._put(wires, self._topics.control, {"command": "approve", "actor": USER, **told})

    def _show(self, response: dict[str, Any], took_s: float) -> None:
        output = response.get("output")
        shown = (
            output if isinstance(output, str) else orjson.dumps(output, option=orjson.OPT_INDENT_2).decode()
        )
        problem = response.get("error")
        if problem:
            shown = f"{problem['code']}: {problem['message']}"
        usage = response["usage"]
        tokens = usage["input_tokens"] + usage["output_tokens"]
        cost = f"{usage['model_calls']} model calls, {tokens} tokens, {usage['cost_usd']} USD, {took_s:.1f} s"
        self._console.print()
        title = f"response: {response['status']}, last agent {response.get('last_agent')}"
        self._console.print(Panel(escape(shown), title=title, subtitle=cost, title_align="left"))
