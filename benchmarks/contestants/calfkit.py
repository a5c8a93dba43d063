"""Contestant: calfkit, in an environment of its own, with an agent whose model answers at once.

What its documentation recommends for throughput: `max_workers` as large as what may be in flight. It commits
an offset before it runs the agent, so a crash loses what was being run.
"""

import asyncio
import logging
from typing import Any

from calfkit import Agent, Client, ProvisioningConfig, Worker  # type: ignore[import-not-found]  # not in this environment
from calfkit._vendor.pydantic_ai.messages import (  # type: ignore[import-not-found]  # not in this environment
    ModelResponse,
    TextPart,
)
from calfkit._vendor.pydantic_ai.usage import (  # type: ignore[import-not-found]  # not in this environment
    RequestUsage,
)
from calfkit.providers.pydantic_ai.model_client import (  # type: ignore[import-not-found]  # not in this environment
    PydanticModelClient,
)

from app import lifetime
from benchmarks.conversation import AGENT, ANSWER
from benchmarks.terms import Terms, terms_of_this_process


class InstantModel(PydanticModelClient):  # type: ignore[misc]  # its base is unknown here
    """The fixed answer, at once or after a fixed time."""

    def __init__(self, latency_s: float) -> None:
        super().__init__()
        self._latency_s = latency_s

    @property
    def model_name(self) -> str:
        """As it stands in the answer."""
        return "bench-model"

    @property
    def system(self) -> str:
        """Its provider."""
        return "bench"

    async def request(self, *_: Any, **__: Any) -> Any:
        """One model call."""
        if self._latency_s:
            await asyncio.sleep(self._latency_s)
        usage = RequestUsage(input_tokens=24, output_tokens=14)
        return ModelResponse(parts=[TextPart(content=ANSWER)], usage=usage, model_name=self.model_name)


async def _main(terms: Terms) -> int:
    stop = await lifetime.stop_event()
    agent = Agent(name=AGENT, model_client=InstantModel(terms.latency_s))
    client = Client.connect(terms.bootstrap, provisioning=ProvisioningConfig(enabled=True))
    worker = Worker(
        client,
        [agent],
        max_workers=terms.in_flight,
        extra_subscribe_kwargs={"auto_offset_reset": "earliest"},
    )
    await worker.start()
    try:
        await stop.wait()
    finally:
        await worker.stop()
    return 0


if __name__ == "__main__":
    logging.disable(logging.INFO)  # it logs two lines for each message; that is not what is compared
    lifetime.run(lambda: _main(terms_of_this_process()))
