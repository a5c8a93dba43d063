"""What a flow does once: beside its questions, never around them."""

from __future__ import annotations

from typing import Any

import pytest

from agents_defs.flow_run import FlowRun
from schemas.failures import RunFailure
from tests.unit.agents_defs.test_flows import run as carried_out


@pytest.mark.parametrize("way", ["ask", "ask_all", "once"])
async def test_what_is_done_once_asks_no_agent(way: str) -> None:
    async def steps(run: FlowRun, question: str) -> Any:
        async def call() -> Any:
            if way == "ask_all":
                return await run.ask_all([("one", question)])
            return await (run.ask("one", question) if way == "ask" else run.once("inner", call))

        return await run.once("outer", call)

    with pytest.raises(RunFailure, match="ask before it or after it"):
        await carried_out(steps)


async def test_after_what_is_done_once_a_flow_may_ask_also_where_it_failed() -> None:
    async def steps(run: FlowRun, question: str) -> Any:
        async def call() -> Any:
            raise LookupError

        with pytest.raises(LookupError):
            await run.once("look", call)
        return await run.ask("one", question)

    assert (await carried_out(steps)).output == "1(hello)"
