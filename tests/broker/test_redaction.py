"""Real workers, one of which is killed: a provider gets placeholders, requesters and tools the data."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import redis
from aiohttp import web

from app.simulator.server import RunningSimulator
from tests.broker.crew import Crew, request
from tests.broker.simulator_calls import entries
from tests.broker.test_plans import plan, write

MAIL, PHONE = "lena@fernhill.example", "+49 30 5550 1729"
REMEMBER = f'[[sim: tool=remember args={{"text":"{MAIL} likes trains"}}]]'
RECALL = f'[[sim: tool=recall args={{"words":"train"}}]] I am {MAIL}'
SAY = f'I am {MAIL}, my phone is {PHONE} [[sim: deltas=40 text="{MAIL} is to be called at {PHONE}"]]'
OTHER = '[[sim: text="<EMAIL_1>"]]'


class Wire:
    """Stands before the simulator and keeps all that is sent to it."""

    def __init__(self, behind: str) -> None:
        self._behind = behind.removesuffix("/v1")
        self.bodies: list[str] = []
        self.address = ""

    async def pass_on(self, asked: web.Request) -> web.StreamResponse:
        body = await asked.read()
        self.bodies.append(body.decode())
        headers = {
            name: one for name, one in asked.headers.items() if name.lower() not in {"host", "content-length"}
        }
        async with (
            aiohttp.ClientSession(auto_decompress=False) as client,
            client.request(asked.method, self._behind + asked.path, data=body, headers=headers) as found,
        ):
            kept = {name: found.headers[name] for name in ("Content-Type",) if name in found.headers}
            return web.Response(status=found.status, body=await found.read(), headers=kept)


@pytest.fixture
async def wire(models: RunningSimulator) -> AsyncIterator[Wire]:
    made = Wire(models.base_url)
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", made.pass_on)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    made.address = f"http://{host}:{port}/v1"
    yield made
    await runner.cleanup()


def everything_in(url: str) -> bytes:
    """Of Redis: names and values."""
    with redis.Redis.from_url(url) as client:
        return b"".join(key + _value(client, key) for key in client.scan_iter())


def _value(client: Any, key: bytes) -> bytes:
    match client.type(key):
        case b"hash":
            return b"".join(one for pair in client.hgetall(key).items() for one in pair)
        case b"list":
            return b"".join(client.lrange(key, 0, -1))
        case b"string":
            return bytes(client.get(key))
        case b"zset":
            return b"".join(client.zrange(key, 0, -1))
        case kind:
            raise AssertionError(f"{key!r} is a {kind!r}")


async def test_no_provider_and_no_store_sees_personal_data_and_the_requester_misses_none(
    crew: Crew, wire: Wire, models: RunningSimulator, tmp_path: Path
) -> None:
    keys = tmp_path / "keys"
    keys.write_text("A" * 43 + "=\n")
    crew.settings |= {
        "OPENAI_BASE_URL": wire.address,
        "PENSTOCK_SESSIONS_URL": f"sqlite:///{tmp_path / 'sessions.db'}",
        "PENSTOCK_MEMORY_KEYS_FILE": str(keys),
    }
    redacted = {"redaction": {"kinds": ["EMAIL", "PHONE"]}}
    await write(crew.kafka, *((tenant, plan(tenant, privacy=redacted)) for tenant in ("acme", "globex")))
    doomed = crew.start("dies_before_deciding")
    await crew.send(asks("r-1", REMEMBER), asks("r-2", SAY, stream=True))
    await doomed.ended(60)

    crew.start()
    await crew.answered(2)
    await crew.send(asks("r-3", RECALL), request("r-4", "globex", OTHER, agent="diarist", session_id="s"))
    answered = await crew.answered(4)

    assert {one["status"] for one in answered.values()} == {"completed"}
    assert f"{MAIL} likes trains" in str(answered["r-3"]["output"])
    assert answered["r-2"]["output"] == f"{MAIL} is to be called at {PHONE}"
    assert answered["r-4"]["output"] == "<EMAIL_1>"
    assert assembled(await crew.deltas(), "r-2") == answered["r-2"]["output"]
    assert len(wire.bodies) == len(entries(models))
    sent = "\n".join(wire.bodies)
    assert "<EMAIL_1>" in sent or "\\u003cEMAIL_1" in sent
    assert MAIL not in sent
    assert PHONE not in sent
    assert MAIL.encode() not in everything_in(crew.redis_url) + (tmp_path / "sessions.db").read_bytes()


def asks(request_id: str, text: str, **more: Any) -> Any:
    return request(request_id, text=text, agent="diarist", session_id="s", user_id="anne", **more)


def assembled(deltas: list[dict[str, Any]], request_id: str) -> str:
    """The text as a reader of the last attempt puts it together."""
    mine = [one for one in deltas if one["request_id"] == request_id and one["kind"] == "text"]
    last = max(one["attempt"] for one in mine)
    return "".join(one["data"]["text"] for one in mine if one["attempt"] == last)
