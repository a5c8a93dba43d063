"""Producer ids and transactions."""

from collections.abc import Callable
from typing import Any

from app.brokers.node.groups import NO_GENERATION, Committed, Place
from app.brokers.node.log_requests import Row
from app.brokers.node.refusals import Code, Refused
from app.brokers.node.state import Node, now


async def init_producer_id(node: Node, request: Any) -> Row:
    """A producer id; with a transactional id, its former holder is fenced."""
    timeout_s = request.transaction_timeout_ms / 1000
    return 0, Code.NONE, *node.transactions.producer_id(request.transactional_id, timeout_s)


async def add_partitions(node: Node, request: Any) -> Row:
    """The transaction will write there."""
    places = [Place(topic, number) for topic, numbers in request.topics for number in numbers]
    name, identity = request.transactional_id, _identity(request)
    code = _code_of(lambda: node.transactions.add_partitions(name, identity, places, now()))
    return 0, [(topic, [(number, code) for number in numbers]) for topic, numbers in request.topics]


async def add_offsets(node: Node, request: Any) -> Row:
    """The transaction will commit offsets of that group."""
    name, identity, group = request.transactional_id, _identity(request), request.group_id
    return 0, _code_of(lambda: node.transactions.add_group(name, identity, group, now()))


async def commit_offsets(node: Node, request: Any) -> Row:
    """Offsets that count once the transaction commits; from version 3 on their committer may be a member."""
    offsets = {
        Place(topic, number): Committed(offset, metadata)
        for topic, partitions, *_ in request.topics
        for number, offset, metadata in map(_offset, partitions)
    }
    code = _code_of(lambda: _commit(node, request, offsets))
    if request.FLEXIBLE_VERSION:
        return 0, [(topic, [(row[0], code, {}) for row in rows], {}) for topic, rows, _ in request.topics], {}
    return 0, [(topic, [(row[0], code) for row in rows]) for topic, rows in request.topics]


def _offset(row: Row) -> tuple[int, int, str | None]:
    # Version 3 names the leader's epoch before the metadata.
    return (row[0], row[1], row[3]) if len(row) > 3 else (row[0], row[1], row[2])


def _commit(node: Node, request: Any, offsets: dict[Place, Committed]) -> None:
    generation = getattr(request, "generation_id", NO_GENERATION)
    if generation != NO_GENERATION or getattr(request, "member_id", ""):
        group = node.groups.group(request.group_id)
        group.check_commit(request.member_id, generation, request.group_instance_id)
    node.transactions.commit_offsets(request.transactional_id, _identity(request), request.group_id, offsets)


async def end_transaction(node: Node, request: Any) -> Row:
    """Commit or abort."""
    name, identity, commit = request.transactional_id, _identity(request), request.transaction_result
    return 0, _code_of(lambda: node.transactions.end(name, identity, commit=commit))


def _identity(request: Any) -> tuple[int, int]:
    return request.producer_id, request.producer_epoch


def _code_of(action: Callable[[], None]) -> Code:
    try:
        action()
    except Refused as refused:
        return refused.code
    return Code.NONE
