"""Contestant: the Agents SDK alone, without Kafka: `Runner.run` in a loop, so many at once."""

from agents import RunConfig, Runner, set_tracing_disabled

from app import lifetime
from benchmarks import without_kafka
from benchmarks.bench_agent import make_agent, make_model
from benchmarks.conversation import QUESTION
from benchmarks.terms import Terms, terms_of_this_process


async def _main(terms: Terms) -> int:
    set_tracing_disabled(True)
    agent, config = make_agent(terms, make_model(terms)), RunConfig(tracing_disabled=True)

    async def run() -> str:
        return str((await Runner.run(agent, QUESTION, run_config=config)).final_output)

    await without_kafka.measure(run, terms)
    return 0


if __name__ == "__main__":
    lifetime.run(lambda: _main(terms_of_this_process()))
