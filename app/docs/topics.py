"""The topics as a page, from streams/topics.py."""

from streams.topics import TOPICS, Topic

HEAD = """\
# Topics

Named with `PENSTOCK_TOPIC_PREFIX` (default `agent.`) in front; internal ones with
`PENSTOCK_APP_ID`. All have `PENSTOCK_PARTITIONS` partitions, fixed for their life. The key is the
tenant's id; the partition is `murmur2(key) & 0x7fffffff mod N`, Java's default (librdkafka clients
set `partitioner=murmur2_random`). `penstock topics create` makes them, `penstock topics check`
compares them.

What cannot finish soon waits on `penstock-parked`, on the partition number that its request came
from: one record per request (its exact bytes, why it waits and until when), written anew when that
changes and taken away by a tombstone, in one transaction with the outcome. Whoever owns the
partition next reads all of it before it admits a request, so it is compacted often and nothing on it
expires: leave its `cleanup.policy` as it is. How far the commands on `agent.control` are dealt with
is an offset of the consumer group `PENSTOCK_APP_ID`, committed together with what each came to.

| topic | cleanup | largest record | record | what | written by | read by |
|---|---|---|---|---|---|---|"""
DAY_MS = 86_400_000
MIB = 1024 * 1024


def page() -> str:
    """All topics."""
    return "\n".join([HEAD, *(row(topic) for topic in TOPICS)])


def row(topic: Topic) -> str:
    """One topic."""
    name = topic.full_name("agent.", "penstock")
    kept = "compact" if topic.compacted else "delete"
    if topic.retention_ms is not None:
        kept = f"{kept} {topic.retention_ms // DAY_MS}d"
    return (
        f"| `{name}` | {kept} | {topic.max_message_bytes // MIB} MiB | `{topic.schema}` | {topic.what} "
        f"| {topic.written_by} | {topic.read_by} |"
    )
