"""Makes a name in a table from a contestant, what it is told and how much it is to run."""

from dataclasses import replace

from benchmarks import backlog, postgres
from benchmarks.backlog import Plan
from benchmarks.environments import DBOS
from benchmarks.figures import Sample
from benchmarks.lineup import DBOS_MODULE, Contestant
from benchmarks.rounds import Entrant
from benchmarks.terms import Terms

ALONE_TITLE = "bare Runner.run, no Kafka"
DBOS_TITLE = "DBOS 3.4 on PostgreSQL"


def entrant(contestant: Contestant, terms: Terms, plan: Plan, name: str | None = None) -> Entrant:
    """One that works off a backlog in Kafka."""
    return Entrant(
        name or contestant.title,
        lambda: contestant.create_topics(terms),
        lambda: backlog.measure(contestant, terms, plan),
    )


def alone(terms: Terms) -> Entrant:
    """The bare SDK."""

    async def prepare() -> None:
        """Nothing."""

    return Entrant(ALONE_TITLE, prepare, lambda: backlog.measure_alone(terms))


def dbos(terms: Terms) -> Entrant:
    """DBOS, with a PostgreSQL of its own in each round."""

    async def prepare() -> None:
        postgres.find_binaries()
        await DBOS.build()

    async def measure() -> Sample:
        with postgres.running() as url:
            told = replace(terms, postgres_url=url)
            return await backlog.measure_alone(told, DBOS_MODULE, await DBOS.build())

    return Entrant(DBOS_TITLE, prepare, measure)
