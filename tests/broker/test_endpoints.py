"""Calls go to the endpoints that serve a model; another takes over; tenants' keys are theirs alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from agents import Agent
from aiohttp import web

from agents_defs.agent_spec import AgentSpec
from agents_defs.endpoint_access import EndpointAccess
from agents_defs.endpoints import HUNG_CALLS, EndpointOptions
from agents_defs.model_provider import ModelOptions
from agents_defs.prices import PriceList
from agents_defs.provider_client import TINY_TOKENS, ProviderClient
from agents_defs.recovery import Recovery
from agents_defs.registry import Registry
from agents_defs.runner import AgentRunner
from agents_defs.tenant_keys import KeyFolder
from schemas.failures import Code, RunFailure
from tests.doubles.recorded_runs import AT, Recorder, order_for

SPEC = AgentSpec("tested", 1, lambda: Agent(name="tested", instructions="Say hello."))
HASTY = replace(SPEC, call_timeout_s=0.5)
ANSWER = {
    "id": "resp_1",
    "object": "response",
    "created_at": 0,
    "status": "completed",
    "model": "m",
    "output": [
        {
            "id": "m1",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "hello", "annotations": []}],
        }
    ],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "usage": {
        "input_tokens": 3,
        "output_tokens": 2,
        "total_tokens": 5,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    },
}


class Server:
    """A provider on loopback that notes what it is asked."""

    def __init__(self) -> None:
        self.status = 200
        self.described = 404  # what it says of its models: most servers know no page of that
        self.silent = False  # it takes what it is asked, and never answers
        self.asked: list[tuple[str, str, str]] = []  # path with query, model, authorization
        self.looked = self.tiny = 0

    async def start(self) -> str:
        app = web.Application()
        app.router.add_post("/{path:.*}", self._answer)
        app.router.add_get("/{path:.*}", self._look)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}/v1"

    async def stop(self) -> None:
        await self._runner.cleanup()

    @property
    def runs(self) -> int:
        """How often it was asked for more than a tiny answer."""
        return len(self.asked) - self.tiny

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.tiny += body.get("max_output_tokens") == TINY_TOKENS
        key = request.headers.get("Authorization", "") or request.headers.get("api-key", "")
        self.asked.append((str(request.rel_url), body["model"], key))
        if self.silent:
            await asyncio.sleep(60)
        if self.status != 200:
            return web.json_response({"error": {"message": f"no: {key}"}}, status=self.status)
        return web.json_response(ANSWER)

    async def _look(self, _: web.Request) -> web.Response:
        self.looked += 1
        status = self.described if self.status == 200 else self.status
        return web.json_response({"error": {"message": "no"}}, status=status)


@pytest.fixture
async def servers() -> AsyncIterator[list[Server]]:
    found = [Server(), Server()]
    yield found
    for one in found:
        await one.stop()


async def endpoints(servers: list[Server], **more: Any) -> tuple[EndpointOptions, ...]:
    addresses = [await one.start() for one in servers]
    return tuple(
        EndpointOptions(f"e{nth}", base_url=address, api_key=f"key-of-e{nth}", **more)
        for nth, address in enumerate(addresses)
    )


def access(found: tuple[EndpointOptions, ...], **more: Any) -> EndpointAccess:
    options = ModelOptions(endpoints=found, tiers={"standard": "m"}, **more)
    return EndpointAccess(options, PriceList(lambda: 0.0, lambda: AT), options.tenant_keys)


async def run(models: EndpointAccess, spec: AgentSpec = SPEC, **order: Any) -> Any:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    runner = AgentRunner(Registry([spec]), models, recovery=Recovery(sleep=sleep))
    return await runner.run(order_for(spec, **order), Recorder())


async def test_calls_are_spread(servers: list[Server]) -> None:
    models = access(await endpoints(servers))
    for _ in range(4):
        await run(models)

    assert [len(one.asked) for one in servers] == [2, 2]
    assert servers[0].asked[0][2] == "Bearer key-of-e0"
    await models.close()


async def test_another_endpoint_answers_what_one_failed_at(servers: list[Server]) -> None:
    models = access(await endpoints(servers))
    servers[0].status = 503

    outputs = [(await run(models)).output for _ in range(4)]

    assert outputs == ["hello"] * 4
    assert (len(servers[0].asked), len(servers[1].asked)) == (1, 4)
    await models.close()


async def test_one_that_is_left_alone_is_looked_after_and_comes_back(
    servers: list[Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents_defs.endpoints.FIRST_OUT_S", 0.01)
    models = access(await endpoints(servers))
    servers[0].status = 503
    await run(models)
    servers[0].status = 200
    while not servers[0].looked:
        await asyncio.sleep(0.005)
    await asyncio.sleep(0.02)

    for _ in range(4):
        await run(models)

    assert len(servers[0].asked) > 1
    await models.close()


async def test_one_that_never_answers_is_left_alone_until_an_answer_of_its_own_comes(
    servers: list[Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents_defs.endpoints.FIRST_OUT_S", 0.05)
    monkeypatch.setattr("agents_defs.provider_client.ANSWERED_WITHIN_S", 0.5)
    models, silent = access(await endpoints(servers)), servers[0]
    silent.silent, silent.described = True, 200
    for _ in range(2 * HUNG_CALLS):
        await run(models, HASTY)

    for _ in range(6):
        await run(models, HASTY)
    while silent.tiny < 2:  # one of which came to nothing
        await asyncio.sleep(0.01)
    assert (silent.runs, silent.looked) == (HUNG_CALLS, 0)
    silent.silent = False
    async with asyncio.timeout(10):
        while silent.runs == HUNG_CALLS:
            await run(models, HASTY)
            await asyncio.sleep(0.01)

    await models.close()


async def test_a_look_does_not_wait_for_a_server_that_says_nothing(
    servers: list[Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents_defs.provider_client.ANSWERED_WITHIN_S", 0.1)
    (found,) = await endpoints(servers[:1])
    await servers[1].start()
    client, servers[0].silent = ProviderClient(found, 9, 5.0), True

    async with asyncio.timeout(5):
        well = await client.is_well("m", hung=True)

    assert not well
    await client.close()


async def test_a_server_without_descriptions_is_probed_by_a_tiny_answer_everywhere(
    servers: list[Server],
) -> None:
    found = await endpoints(servers)
    address = str(found[0].base_url).removesuffix("/v1")
    azure = EndpointOptions("azure", "azure", address, "azure-key", api_version="2026-01-01")
    models = access((azure, found[1]))
    servers[1].status = 503

    probes = await models.probe()

    assert [(one.model, one.ok) for one in probes] == [("m at azure", True), ("m at e1", False)]
    assert (servers[0].tiny, servers[1].tiny) == (1, 0)
    await models.close()


async def test_an_endpoint_for_tenants_keys_alone_need_not_take_ours(servers: list[Server]) -> None:
    found = await endpoints(servers)
    for one in servers:
        one.status = 401
    theirs = replace(found[0], api_key=None, tenant_key="openai")
    models = access((theirs, found[1]))

    probes = await models.probe()

    assert [one.ok for one in probes] == [True, False]
    await models.close()


async def test_a_wrong_request_leaves_its_endpoint_in_the_round(servers: list[Server]) -> None:
    models = access(await endpoints(servers[:1] + servers[1:]))
    servers[0].status = servers[1].status = 400
    with pytest.raises(RunFailure):
        await run(models)
    with pytest.raises(RunFailure) as failed:
        await run(models)

    assert failed.value.code is Code.MODEL_REJECTED
    assert [len(one.asked) for one in servers] == [1, 1]
    await models.close()


async def test_a_model_is_asked_only_where_it_is_served_and_as_it_is_called_there(
    servers: list[Server],
) -> None:
    first, second = await endpoints(servers)
    here = EndpointOptions("here", base_url=first.base_url, models=("other",))
    there = EndpointOptions("there", base_url=second.base_url, models=("m",), names={"m": "m-eu-2"})
    models = access((here, there))

    await run(models)

    assert (servers[0].asked, servers[1].asked[0][1]) == ([], "m-eu-2")
    with pytest.raises(LookupError, match="no endpoint serves"):
        models.named("nobody's")
    await models.close()


async def test_azure_is_asked_by_its_own_address_and_header(servers: list[Server]) -> None:
    first, _ = await endpoints(servers)
    address = str(first.base_url).removesuffix("/v1")
    azure = EndpointOptions("azure", "azure", address, "azure-key", api_version="2026-01-01")
    models = access((azure,))

    await run(models)

    path, _, key = servers[0].asked[0]
    assert path.startswith("/openai/")
    assert "api-version=2026-01-01" in path
    assert key == "azure-key"
    await models.close()


async def test_a_tenants_own_key_is_used_for_it_alone_and_stands_in_no_message(
    servers: list[Server], tmp_path: Path
) -> None:
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "openai").write_text("acmes-very-own\n")
    found = await endpoints(servers[:1], tenant_key="openai")
    await servers[1].start()
    models = access(found, tenant_keys=KeyFolder(tmp_path))

    await run(models, secrets={"openai": "acme/openai"})
    await run(models)
    servers[0].status = 401
    with pytest.raises(RunFailure) as failed:
        await run(models, secrets={"openai": "acme/openai"})

    assert [key for _, _, key in servers[0].asked[:2]] == ["Bearer acmes-very-own", "Bearer key-of-e0"]
    assert "acmes-very-own" not in failed.value.message
    await models.close()


@pytest.mark.parametrize("reference", ["../secret", "/etc/passwd", "a/../../b", "missing", "out", "empty"])
async def test_a_reference_that_leads_nowhere_ends_the_run_and_asks_with_no_other_key(
    servers: list[Server], tmp_path: Path, reference: str
) -> None:
    keys = tmp_path / "keys"
    keys.mkdir()
    (tmp_path / "secret").write_text("not-yours")
    (keys / "out").symlink_to(tmp_path / "secret")
    (keys / "empty").write_text("\n")
    found = await endpoints(servers[:1], tenant_key="openai")
    await servers[1].start()
    models = access(found, tenant_keys=KeyFolder(keys))

    with pytest.raises(RunFailure) as failed:
        await run(models, secrets={"openai": reference})

    assert failed.value.code is Code.MODEL_REJECTED
    assert "not-yours" not in failed.value.message
    assert servers[0].asked == []
    await models.close()
