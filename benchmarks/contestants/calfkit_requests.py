"""Fills calfkit's topic with requests, as its own client writes them."""

import asyncio
import itertools
import sys

from calfkit import Client  # type: ignore[import-not-found]  # not in this environment

from app import lifetime
from benchmarks.conversation import AGENT, QUESTION
from benchmarks.terms import Terms, terms_of_this_process

AT_ONCE = 100


async def _main(terms: Terms, count: int) -> int:
    client = Client.connect(terms.bootstrap, inbox_topic=terms.responses)
    async with client:
        gateway = client.agent(AGENT)
        left = itertools.islice(itertools.repeat(None), count)

        async def send() -> None:
            for _ in left:
                await gateway.send(QUESTION)

        await asyncio.gather(*(send() for _ in range(AT_ONCE)))
    return 0


if __name__ == "__main__":
    lifetime.run(lambda: _main(terms_of_this_process(), int(sys.argv[3])))
