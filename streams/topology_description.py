"""The graph as data: topics, who writes and reads them, the groups and the tables; as text, Mermaid and JSON.

Edges come from streams/topics.py, tables from streams/tables.py. Here stands only what neither says: how each
of our own parties takes part. A party that is named there and not here is a ValueError, which a test meets.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, Literal

from streams.tables import TABLES, Table, books_app_id
from streams.topics import NOBODY, TOPICS, Topic

Process = Literal["worker", "books", "command line"]
Reading = Literal["group", "own partitions", "whole", "nothing"]

HOW: Mapping[Reading, str] = MappingProxyType(
    {
        "group": "in the consumer group {group}",
        "own partitions": "without a group: exactly the partitions that intake owns",
        "whole": "without a group: every worker reads all of it before it is ready",
        "nothing": "reads no topic",
    }
)


@dataclass(frozen=True, slots=True)
class Role:
    """How one of our own parties takes part."""

    process: Process
    reading: Reading
    what: str


ROLES: Mapping[str, Role] = MappingProxyType(
    {
        "intake": Role("worker", "group", "decodes, checks and admits; its offsets follow the outcomes"),
        "execution": Role("worker", "nothing", "runs agents and tells what they say as they say it"),
        "emission": Role("worker", "nothing", "publishes what an ended request comes to, in one transaction"),
        "the ledger of answered ids": Role(
            "worker", "own partitions", "knows which requests have their outcome before intake opens"
        ),
        "parking": Role("worker", "own partitions", "reads what waits again, when it is due"),
        "plans": Role(
            "worker", "whole", "has every tenant's plan in force; pausing a tenant rewrites its plan"
        ),
        "the control desk": Role(
            "worker", "own partitions", "acts on commands, each with its audit in one transaction"
        ),
        "books": Role(
            "books", "group", "keeps windows per tenant and agent and months of quotas, and publishes metrics"
        ),
    }
)
OUTSIDE = frozenset({"users", "operators", "billing", "dashboards", "compliance", NOBODY})


@dataclass(frozen=True, slots=True)
class TopicNode:
    """A topic, with its full name."""

    name: str
    schema: str
    what: str
    key: str
    compacted: bool
    written_by: tuple[str, ...]
    read_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TableNode:
    """A table, and the topic from which it is rebuilt."""

    name: str
    key: str
    value: str
    window_s: int
    changelog: str


@dataclass(frozen=True, slots=True)
class PartyNode:
    """One of our own parties: what it reads and writes, and as whom."""

    name: str
    process: Process
    what: str
    group: str | None
    how: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    tables: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Topology:
    """The whole graph."""

    topics: tuple[TopicNode, ...]
    processors: tuple[PartyNode, ...]
    tables: tuple[TableNode, ...]
    outside: tuple[str, ...]

    def as_document(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def describe(
    prefix: str,
    app_id: str,
    topics: Iterable[Topic] = TOPICS,
    tables: Iterable[Table] = TABLES,
) -> Topology:
    """The graph of one deployment."""
    nodes = tuple(_topic(topic, topic.full_name(prefix, app_id)) for topic in topics)
    tables = tuple(tables)
    owners = {table.name: parties(table.changelog.written_by) for table in tables}
    named = [party for node in nodes for party in (*node.written_by, *node.read_by)]
    inside = [party for party in dict.fromkeys(named) if party not in OUTSIDE]
    table_nodes = tuple(
        TableNode(
            table.name, table.key, table.value, table.window_s, table.changelog.full_name(prefix, app_id)
        )
        for table in tables
    )
    changelogs = {table.changelog for table in table_nodes}
    streams = [node for node in nodes if node.name not in changelogs]
    processors = tuple(
        _processor(party, streams, app_id, tuple(name for name, those in owners.items() if party in those))
        for party in sorted(inside, key=list(ROLES).index)
    )
    return Topology(nodes, processors, table_nodes, tuple(sorted(OUTSIDE.intersection(named))))


def parties(text: str) -> tuple[str, ...]:
    """Those that a topic names, one by one."""
    return tuple(part.strip() for part in text.split(","))


def _topic(topic: Topic, name: str) -> TopicNode:
    return TopicNode(
        name,
        topic.schema,
        topic.what,
        topic.key,
        topic.compacted,
        parties(topic.written_by),
        parties(topic.read_by),
    )


def _processor(party: str, topics: Iterable[TopicNode], app_id: str, tables: tuple[str, ...]) -> PartyNode:
    role = ROLES[party]
    group = None
    if role.reading == "group":
        group = books_app_id(app_id) if role.process == "books" else app_id
    return PartyNode(
        party,
        role.process,
        role.what,
        group,
        HOW[role.reading].format(group=group),
        tuple(topic.name for topic in topics if party in topic.read_by),
        tuple(topic.name for topic in topics if party in topic.written_by),
        tables,
    )


def as_text(topology: Topology) -> str:
    """For a terminal."""
    width = max(len(topic.name) for topic in topology.topics)
    lines = ["Topics"]
    for topic in topology.topics:
        kept = ", compacted" if topic.compacted else ""
        lines += [
            f"  {topic.name:<{width}}  {topic.what} ({topic.schema}, keyed by {topic.key}{kept})",
            f"  {'':<{width}}    {', '.join(topic.written_by)} -> {', '.join(topic.read_by)}",
        ]
    lines += ["", "Processors"]
    for processor in topology.processors:
        lines += _processor_lines(processor)
    lines += ["", "Tables"]
    for table in topology.tables:
        lines += [
            f"  {table.name}: windows of {table.window_s} s, rebuilt from {table.changelog}",
            f"    key: {table.key}",
            f"    value: {table.value}",
        ]
    lines += ["", f"Outside: {', '.join(topology.outside)}"]
    return "\n".join(lines) + "\n"


def _processor_lines(processor: PartyNode) -> list[str]:
    lines = [f"  {processor.name} ({processor.process}): {processor.what}"]
    if processor.reads:
        lines.append(f"    reads {', '.join(processor.reads)}, {processor.how}")
    if processor.writes:
        lines.append(f"    writes {', '.join(processor.writes)}")
    if processor.tables:
        lines.append(f"    keeps the table {', '.join(processor.tables)}")
    return lines


def as_mermaid(topology: Topology) -> str:
    """For Markdown that is rendered."""
    names = [node.name for node in topology.processors] + list(topology.outside)
    ids = {name: f"p{number}" for number, name in enumerate(names)}
    lines = ["flowchart LR"]
    for process in dict.fromkeys(processor.process for processor in topology.processors):
        lines.append(f'  subgraph {process.replace(" ", "_")} ["{process}"]')
        lines += [
            f'    {ids[one.name]}["{one.name}"]' for one in topology.processors if one.process == process
        ]
        lines.append("  end")
    lines += [f'  {ids[name]}(["{name}"])' for name in topology.outside]
    for number, topic in enumerate(topology.topics):
        lines.append(f'  t{number}[/"{topic.name}"/]')
        lines += [f"  {ids[party]} --> t{number}" for party in topic.written_by]
        lines += [f"  t{number} --> {ids[party]}" for party in topic.read_by]
    return "\n".join(lines) + "\n"
