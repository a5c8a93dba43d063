"""Contestant: DBOS with its integration for the Agents SDK, on PostgreSQL, in an environment of its own.

As its documentation has it: the run is a workflow and `DBOSRunner` makes each model call a step. It reads no
topic; whatever would bring its requests is not counted against it.
"""

from agents import RunConfig, set_tracing_disabled
from dbos import DBOS  # type: ignore[import-not-found]  # not in this environment
from dbos_openai_agents import DBOSRunner  # type: ignore[import-not-found]  # not in this environment

from app import lifetime
from benchmarks import without_kafka
from benchmarks.bench_agent import make_agent, make_model
from benchmarks.conversation import QUESTION
from benchmarks.terms import Terms, terms_of_this_process


async def _main(terms: Terms) -> int:
    set_tracing_disabled(True)
    agent, config = make_agent(terms, make_model(terms)), RunConfig(tracing_disabled=True)
    DBOS(
        config={
            "name": "bench",
            "system_database_url": terms.postgres_url,
            "log_level": "WARNING",
            "enable_otlp": False,
        }
    )

    @DBOS.workflow()  # type: ignore[untyped-decorator]  # not in this environment
    async def run(question: str) -> str:
        result = await DBOSRunner.run(agent, question, run_config=config)
        return str(result.final_output)

    DBOS.launch()
    try:
        await without_kafka.measure(lambda: run(QUESTION), terms)
    finally:
        DBOS.destroy()
    return 0


if __name__ == "__main__":
    lifetime.run(lambda: _main(terms_of_this_process()))
