"""Versions, metadata, and the making, changing and describing of topics."""

from typing import Any

from app.brokers.node.log_requests import Row
from app.brokers.node.refusals import Code, Refused
from app.brokers.node.state import CLUSTER_ID, NODE_ID, Node
from app.brokers.node.topics import Topic

TOPIC_RESOURCE = 2
SET_ON_TOPIC, DEFAULT_CONFIG = 1, 5
ONE_REPLICA = (-1, 1)


async def metadata(node: Node, request: Any) -> Row:
    """The node itself and the topics asked for; all of them where none is named."""
    version = request.API_VERSION
    names = node.topics.names() if request.topics is None else request.topics
    broker = (NODE_ID, node.host, node.port, None)
    topics = [_described(node, name, version) for name in names]
    fields: list[Any] = [[broker], NODE_ID, topics]
    if version >= 2:  # cluster id came with version 2
        fields.insert(1, CLUSTER_ID)
    if version >= 3:  # throttle time came with version 3
        fields.insert(0, 0)
    return tuple(fields)


def _described(node: Node, name: str, version: int) -> Row:
    try:
        count = len(node.topics.topic(name).partitions)
    except Refused as refused:
        return refused.code, name, False, []
    nobody_offline: Row = ([],) if version >= 5 else ()  # offline replicas came with version 5
    partitions = [
        (Code.NONE, number, NODE_ID, [NODE_ID], [NODE_ID], *nobody_offline) for number in range(count)
    ]
    return Code.NONE, name, False, partitions


async def create_topics(node: Node, request: Any) -> Row:
    """Make topics with a chosen number of partitions."""
    only_check = getattr(request, "validate_only", False)
    rows: list[Row] = []
    for name, count, replicas, assignment, settings in request.create_topic_requests:
        try:
            if replicas not in ONE_REPLICA and not assignment:
                raise Refused(Code.INVALID_REPLICATION_FACTOR)
            wanted = len(assignment) if assignment else count
            node.topics.create(name, wanted, dict(settings), only_check=only_check)
            rows.append(_outcome(name))
        except Refused as refused:
            rows.append(_outcome(name, refused))
    version = request.API_VERSION
    rows = rows if version else [row[:2] for row in rows]
    return (0, rows) if version >= 2 else (rows,)  # throttle time came with version 2


async def delete_topics(node: Node, request: Any) -> Row:
    """Forget topics and their records."""
    rows: list[Row] = []
    for name in request.topics:
        try:
            node.topics.delete(name)
            rows.append((name, Code.NONE))
        except Refused as refused:
            rows.append((name, refused.code))
    return (0, rows) if request.API_VERSION else (rows,)


async def create_partitions(node: Node, request: Any) -> Row:
    """Have topics grow."""
    rows: list[Row] = []
    for name, (count, _) in request.topic_partitions:
        try:
            node.topics.topic(name).grow(count)
            rows.append(_outcome(name))
        except Refused as refused:
            rows.append(_outcome(name, refused))
    return 0, rows


async def describe_configs(node: Node, request: Any) -> Row:
    """The settings of topics; the node has none of its own."""
    rows: list[Row] = []
    for kind, name, wanted in request.resources:
        try:
            entries = (
                _entries(node.topics.topic(name), wanted, request.API_VERSION)
                if kind == TOPIC_RESOURCE
                else []
            )
            rows.append((Code.NONE, None, kind, name, entries))
        except Refused as refused:
            rows.append((refused.code, refused.code.name, kind, name, []))
    return 0, rows


def _entries(topic: Topic, wanted: list[str] | None, version: int) -> list[Row]:
    entries: list[Row] = []
    for setting, value in topic.configuration().items():
        if wanted and setting not in wanted:
            continue
        is_set = setting in topic.settings
        if version:
            source = SET_ON_TOPIC if is_set else DEFAULT_CONFIG
            entries.append((setting, value, False, source, False, []))
        else:
            entries.append((setting, value, False, not is_set, False))
    return entries


async def alter_configs(node: Node, request: Any) -> Row:
    """Replace the settings of topics, as Kafka does: what is not named falls back to its default."""
    rows: list[Row] = []
    for kind, name, settings in request.resources:
        try:
            if kind != TOPIC_RESOURCE:
                raise Refused(Code.INVALID_REQUEST)
            topic = node.topics.topic(name)
            if not request.validate_only:
                topic.configure(dict(settings))
            rows.append((Code.NONE, None, kind, name))
        except Refused as refused:
            rows.append((refused.code, refused.code.name, kind, name))
    return 0, rows


def _outcome(name: str, refused: Refused | None = None) -> Row:
    return (name, refused.code, refused.code.name) if refused else (name, Code.NONE, None)
