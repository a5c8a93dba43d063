"""`penstock dlq` on a real Kafka."""

from typing import Any

from schemas.audit import AuditRecord
from schemas.codec import decode
from schemas.dead_letters import DeadLetterSource, Original
from schemas.failures import Code
from schemas.partitions import partition_for
from streams.topics import AUDIT, DEADLETTER, REQUESTS
from tests.broker.operated_deployment import ANN, PLACE, bury, lines, of_deployment
from tests.broker.stand_in_desk import desk, write, written
from tests.broker.stand_in_worker import PARTITIONS, StandIn


async def test_letters_are_filtered_newest_first_and_told_once(stand_in: StandIn) -> None:
    failed = [of_deployment(stand_in, offset) for offset in range(1, 6)]
    unread = of_deployment(
        stand_in,
        9,
        Code.UNDECODABLE,
        tenant_id=None,
        request_id=None,
        original=Original.of(b"acme", b"\xff", []),
    )
    await bury(stand_in, *failed, failed[0], unread)
    await write(stand_in, DEADLETTER, [(b"acme", b"no letter", 0), (b"acme", None, 1)])

    everything = await stand_in.run("dlq", "list", "--json")
    some = await stand_in.run("dlq", "list", "--limit", "2", "--code", "tool_failed", "--json")
    by_agent = await stand_in.run("dlq", "list", "--agent", "support", "--no-retriable", "--json")
    unreadable = await stand_in.run("dlq", "list", "--no-retriable", "--tenant", "acme", "--stage", "intake")
    shown = await stand_in.run("dlq", "show", failed[2].dead_letter_id[:9])

    ids = [one["dead_letter_id"] for one in lines(everything.out)]
    assert ids == [unread.dead_letter_id, *(one.dead_letter_id for one in reversed(failed))]
    assert everything.err.startswith("2 records cannot be read and were skipped")
    assert [one["request_id"] for one in lines(some.out)] == ["r-5", "r-4"]
    assert "3 older ones are left out: --limit shows more" in some.err
    assert (by_agent.code, by_agent.out) == (0, "")
    assert unread.dead_letter_id in unreadable.out
    assert '"input": "Where is order 7?"' in shown.out
    assert f"source     {stand_in.name(REQUESTS)} {PLACE}@3" in shown.out


async def test_what_is_dropped_is_listed_no_more(stand_in: StandIn) -> None:
    letters = [of_deployment(stand_in, offset) for offset in (1, 2)]
    await bury(stand_in, *letters)
    first = letters[0].dead_letter_id

    unsaid = await stand_in.run("dlq", "drop", "--yes")
    short = await stand_in.run("dlq", "drop", "dl_", "--yes")
    both = await stand_in.run("dlq", "drop", first, "--code", "tool_failed", "--yes")
    dry = await stand_in.run("dlq", "drop", first, "--dry-run")
    before = await written(stand_in, AUDIT)
    dropped = await stand_in.run("dlq", "drop", first, "--yes", *ANN)
    again = await stand_in.run("dlq", "drop", "--code", "tool_failed", "-t", "acme", "--dry-run")
    listed = await stand_in.run("dlq", "list", "--json")
    everything = await stand_in.run("dlq", "list", "--all")

    (record,) = await written(stand_in, AUDIT)
    audit = decode(AuditRecord, record.value)
    assert (unsaid.code, both.code, before) == (2, 2, [])
    assert (short.code, "'dl_' is too short: write at least 6 characters" in short.err) == (2, True)
    assert dry.out == f"{first} would be dropped\n"
    assert (dropped.code, dropped.out) == (0, f"{first} dropped\n")
    assert (audit.action, audit.subject, audit.actor) == ("dlq_drop", first, "ann@desk")
    assert (audit.tenant_id, audit.request_id, audit.outcome) == ("acme", "r-1", "done")
    assert (record.key, record.partition, dict(record.headers)) == (b"acme", PLACE, {"schema": b"audit/1"})
    assert again.out == f"{letters[1].dead_letter_id} would be dropped\n"
    assert [one["request_id"] for one in lines(listed.out)] == ["r-2"]
    assert "1 dropped ones are left out" in listed.err
    assert "dropped" in everything.out


async def test_failed_requests_are_replayed_once_each_by_the_workers(stand_in: StandIn) -> None:
    letters = [of_deployment(stand_in, offset) for offset in range(1, 8)]
    await bury(stand_in, *letters, letters[3])
    refused = letters[4].dead_letter_id

    def ruling(command: Any) -> tuple[str, str | None]:
        return ("refused", "not_replayable") if command.dead_letter_id == refused else ("done", None)

    async with desk(stand_in, ruling) as workers:
        dry = await stand_in.run("dlq", "replay", "--retriable", "--dry-run")
        replayed = await stand_in.run("dlq", "replay", "--retriable", "--yes", "--json", *ANN)
        again = await stand_in.run("dlq", "replay", "--retriable", "--yes")
        one = await stand_in.run("dlq", "replay", letters[0].dead_letter_id[:10], "--yes")

    sent = [command.dead_letter_id for command in workers.commands]
    assert (dry.code, len(dry.out.splitlines())) == (0, 7)
    assert "7 run again as the next generation" in dry.err
    assert sent[:7] == [letter.dead_letter_id for letter in letters]
    assert {record.key for record in workers.records} == {b"acme"}
    assert replayed.code == 1
    assert "6 done, 1 refused not_replayable" in replayed.err
    assert {row["code"] for row in lines(replayed.out)} == {None, "not_replayable"}
    assert sent[7:] == [refused, letters[0].dead_letter_id]
    assert (again.code, "6 left out: replayed or dropped before" in again.err) == (1, True)
    assert (one.code, one.out) == (0, f"{letters[0].dead_letter_id} runs again as the next generation\n")


async def test_what_could_not_be_read_is_sent_again_byte_by_byte(stand_in: StandIn) -> None:
    headers = [("schema", b"agent-request/1"), ("empty", b""), ("none", None)]
    bad = Original.of("käse".encode(), b'{"request_id": 5}\xff', headers)
    keyless = Original.of(None, b"{}", [])
    letters = [
        of_deployment(stand_in, 1, Code.UNDECODABLE, tenant_id=None, request_id=None, original=bad),
        of_deployment(stand_in, 2, Code.KEY_MISMATCH, tenant_id=None, request_id=None, original=keyless),
        of_deployment(
            stand_in, 3, Code.UNDECODABLE, source=DeadLetterSource(topic="x", partition=0, offset=1)
        ),
    ]
    await bury(stand_in, *letters, key=None)

    replayed = await stand_in.run("dlq", "replay", "--since", "2026-01-01T00:00:00Z", "--yes", *ANN)
    again = await stand_in.run("dlq", "replay", "--code", "undecodable", "--yes")

    records = {record.key: record for record in await written(stand_in, REQUESTS)}
    sent = records["käse".encode()]
    assert replayed.code == 1
    assert "is left alone: it comes from x" in replayed.err
    assert "1 letter undecodable: the same bytes are dead-lettered again" in replayed.err
    assert (sent.value, tuple(sent.headers)) == (b'{"request_id": 5}\xff', tuple(headers))
    assert sent.partition == partition_for("käse".encode(), PARTITIONS)
    assert (records[None].value, records[None].partition) == (b"{}", PLACE)
    audits = [decode(AuditRecord, record.value) for record in await written(stand_in, AUDIT)]
    assert {(one.action, one.subject) for one in audits} == {
        ("replay", letters[0].dead_letter_id),
        ("replay", letters[1].dead_letter_id),
    }
    assert len(records) == 2
    assert "1 left out" in again.err


async def test_a_replay_that_nobody_answers_says_how_many_commands_stand(stand_in: StandIn) -> None:
    await bury(stand_in, *(of_deployment(stand_in, offset) for offset in (1, 2)))

    left = await stand_in.run("dlq", "replay", "-t", "acme", "--yes", "--timeout", "1s")

    assert left.code == 3
    assert "no worker answered within 1.0 s; 2 commands stand on the control topic" in left.err
