"""Coordinators, membership of groups, and the offsets they commit."""

from typing import Any

from app.brokers.node.groups import Committed, Group, Place
from app.brokers.node.log_requests import Row, by_partition
from app.brokers.node.members import Joining
from app.brokers.node.refusals import Code, Refused
from app.brokers.node.state import NODE_ID, Node, now

NO_OFFSET = -1
NAMES_INSTANCES = 5  # the version of JoinGroup that knows static members
TELLS_STABLE = 7  # the version of OffsetFetch that asks for offsets which nothing is about to change


async def find_coordinator(node: Node, request: Any) -> Row:
    """It is always this node."""
    here = (NODE_ID, node.host, node.port)
    return (0, Code.NONE, None, *here) if request.API_VERSION else (Code.NONE, *here)


async def join_group(node: Node, request: Any, client_id: str) -> Row:
    """Wait until the group is complete."""
    static = request.API_VERSION >= NAMES_INSTANCES
    said = Joining(
        member_id=request.member_id,
        instance_id=request.group_instance_id if static else None,
        client_id=client_id,
        session_s=request.session_timeout / 1000,
        rebalance_s=request.rebalance_timeout / 1000,
        protocol_type=request.protocol_type,
        protocols=tuple((name, metadata) for name, metadata in request.group_protocols),
    )
    try:
        joined = await node.groups.group(request.group).join(said, now())
    except Refused as refused:
        return 0, refused.code, -1, "", "", request.member_id, []
    members = [
        (member_id, instance_id, metadata) if static else (member_id, metadata)
        for member_id, instance_id, metadata in joined.members
    ]
    return 0, Code.NONE, joined.generation, joined.protocol, joined.leader_id, joined.member_id, members


async def sync_group(node: Node, request: Any) -> Row:
    """Wait for the leader to share out."""
    throttle = (0,) if request.API_VERSION else ()
    try:
        group = node.groups.group(request.group)
        instance_id = getattr(request, "group_instance_id", None)
        group.check(request.member_id, request.generation_id, instance_id)
        share = await group.sync(request.member_id, request.generation_id, dict(request.group_assignment))
    except Refused as refused:
        return *throttle, refused.code, b""
    return *throttle, Code.NONE, share


async def heartbeat(node: Node, request: Any) -> Row:
    """A member lives."""
    group = node.groups.group(request.group)
    return _simple(request, lambda: group.beat(request.member_id, request.generation_id, now()))


async def leave_group(node: Node, request: Any) -> Row:
    """A member goes."""
    return _simple(request, lambda: node.groups.group(request.group).leave(request.member_id, now()))


def _simple(request: Any, action: Any) -> Row:
    code = Code.NONE
    try:
        action()
    except Refused as refused:
        code = refused.code
    return (0, code) if request.API_VERSION else (code,)


async def offset_commit(node: Node, request: Any) -> Row:
    """Keep the offsets that a member, or nobody's member, has reached."""
    group = node.groups.group(request.consumer_group)
    code = Code.NONE
    try:
        group.check_commit(request.consumer_id, request.consumer_group_generation_id)
    except Refused as refused:
        code = refused.code

    def commit(place: Place, offset: int, metadata: str | None) -> Row:
        if code is Code.NONE:
            group.offsets[place] = Committed(offset, metadata)
        return place.partition, code

    rows = by_partition(request.topics, commit)
    return (0, rows) if request.API_VERSION >= 3 else (rows,)  # throttle time came with version 3


async def offset_fetch(node: Node, request: Any) -> Row:
    """The offsets asked for; all of the group's where none is named."""
    group = node.groups.group(request.consumer_group)
    if request.topics is None:
        topics: dict[str, list[int]] = {}
        for place in group.offsets:
            topics.setdefault(place.topic, []).append(place.partition)
        asked = list(topics.items())
    else:
        asked = [(topic, numbers) for topic, numbers, *_ in request.topics]
    if request.API_VERSION >= TELLS_STABLE:
        return 0, [_stable(node, group, topic, numbers) for topic, numbers in asked], Code.NONE, {}
    rows = [
        (topic, [_committed(group, Place(topic, number)) for number in numbers]) for topic, numbers in asked
    ]
    fields: list[Any] = [rows]
    if request.API_VERSION >= 2:  # the error of the whole came with version 2
        fields.append(Code.NONE)
    if request.API_VERSION >= 3:  # throttle time came with version 3
        fields.insert(0, 0)
    return tuple(fields)


def _committed(group: Group, place: Place) -> Row:
    committed = group.offsets.get(place, Committed(NO_OFFSET, ""))
    return place.partition, committed.offset, committed.metadata, Code.NONE


def _stable(node: Node, group: Group, topic: str, numbers: list[int]) -> Row:
    """What no open transaction is about to change. This version is asked for nothing else here."""
    rows: list[Row] = []
    for place in (Place(topic, number) for number in numbers):
        pending = node.transactions.commits(group.name, place)
        number, offset, metadata, _ = _committed(group, place)
        rows.append((number, offset, -1, metadata, Code.UNSTABLE_OFFSET_COMMIT if pending else Code.NONE, {}))
    return topic, rows, {}


async def list_groups(node: Node, request: Any) -> Row:
    """Every group by name."""
    rows = [(group.name, group.protocol_type) for group in node.groups.by_name.values()]
    return (0, Code.NONE, rows) if request.API_VERSION else (Code.NONE, rows)


async def describe_groups(node: Node, request: Any) -> Row:
    """Who is in a group, and what each one has."""
    rows: list[Row] = []
    for name in request.groups:
        group = node.groups.by_name.get(name)
        if group is None:
            rows.append((Code.NONE, name, "Dead", "", "", []))
            continue
        members = [
            (
                member.member_id,
                member.said.client_id,
                node.host,
                member.subscription(group.protocol),
                member.assignment,
            )
            for member in group.roster.by_id.values()
        ]
        rows.append((Code.NONE, name, group.state.value, group.protocol_type, group.protocol, members))
    return (0, rows) if request.API_VERSION else (rows,)


async def delete_groups(node: Node, request: Any) -> Row:
    """Forget groups without members."""
    rows: list[Row] = []
    for name in request.groups_names:
        try:
            node.groups.delete(name)
            rows.append((name, Code.NONE))
        except Refused as refused:
            rows.append((name, refused.code))
    return 0, rows
