"""Calls of a running simulator through the official client, and what its ledger says of them."""

import asyncio
from typing import Any, Literal

from openai import AsyncOpenAI

from app.simulator import ledger
from app.simulator.server import RunningSimulator

Api = Literal["responses", "chat"]


async def ask(client: AsyncOpenAI, api: Api, text: str, *, streamed: bool = False, **more: Any) -> str:
    """The answer's text, put together from the deltas where it is streamed."""
    if api == "responses":
        if not streamed:
            return str((await client.responses.create(model="m", input=text, **more)).output_text)
        events = await client.responses.create(model="m", input=text, stream=True, **more)
        return "".join([event.delta async for event in events if event.type == "response.output_text.delta"])
    messages: list[Any] = [{"role": "user", "content": text}]
    if not streamed:
        completion = await client.chat.completions.create(model="m", messages=messages, **more)
        return completion.choices[0].message.content or ""
    chunks = await client.chat.completions.create(model="m", messages=messages, stream=True, **more)
    return "".join([chunk.choices[0].delta.content or "" async for chunk in chunks])


def entries(simulator: RunningSimulator) -> list[dict[str, Any]]:
    assert simulator.ledger_path is not None
    return ledger.read(simulator.ledger_path)


def outcomes(simulator: RunningSimulator) -> list[tuple[str, bool]]:
    return [(entry["outcome"], entry["billed"]) for entry in entries(simulator)]


async def settled(simulator: RunningSimulator) -> None:
    async with asyncio.timeout(5):
        while simulator.in_flight:
            await asyncio.sleep(0.01)
