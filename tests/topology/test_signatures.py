"""Where signatures are required, nothing is done for a record without one; what was believed stays so."""

from dataclasses import replace
from typing import Any

import pytest

from schemas.keyring import Algorithm, KeyEntry, Role
from schemas.signatures import SIGNATURE_HEADER, SigningKey
from streams.flow import Record
from streams.observations import CommandDistrusted
from tests.doubles.flume import Flume, World
from tests.doubles.held_runs import HeldRuns
from tests.doubles.memory_outbox import NAMES
from tests.doubles.memory_verifier import entry_of, signed, signing_key
from tests.doubles.requests import body, record
from tests.topology.test_control import needs
from tests.topology.test_parking import until_parked

ACME, ACME_2 = signing_key("acme-1"), signing_key("acme-2", Algorithm.HS256)
GLOBEX, OPS, BOSS = signing_key("globex-1"), signing_key("ops"), signing_key("boss")
DAY = 86_400


def world(*entries: KeyEntry) -> World:
    """Where requests and commands have to be signed."""
    made = World()
    made.signed_requests = made.signed_commands = True
    known = entries or (
        entry_of(ACME),
        entry_of(ACME_2),
        entry_of(GLOBEX, tenants=("globex",)),
        entry_of(OPS, Role.OPERATOR, tenants=("*",)),
        entry_of(BOSS, Role.APPROVER),
    )
    made.keys.update({entry.kid: entry.key() for entry in known})
    return made


def flume_in(there: World, *, instant: bool = True) -> Flume:
    return Flume(there, HeldRuns(instant=instant))


def put(flume: Flume, written: Record, **changes: Any) -> Record:
    """Append a record as it is, behind those that are there."""
    stood = flume.world.requests[written.partition]
    stood.append(replace(written, offset=len(stood), **changes))
    flume.pump()
    return stood[-1]


def ask(flume: Flume, request_id: str, key: SigningKey = ACME, **fields: Any) -> Record:
    """Send a request that is signed now."""
    return put(flume, signed(record(0, body(request_id, **fields)), key, flume.clock.at()))


def codes(flume: Flume) -> list[str]:
    """Of the dead letters."""
    return [letter["code"] for letter in flume.world.dead_letters()]


async def test_signed_requests_are_run_whichever_key_of_the_tenant_signed() -> None:
    async with flume_in(world()) as flume:
        ask(flume, "r-1", ACME)
        ask(flume, "r-2", ACME_2)
        await flume.settle()

        assert flume.world.statuses() == {"r-1": "completed", "r-2": "completed"}
        assert codes(flume) == []


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (None, "its header `signature` is missing"),
        (signing_key("nobody"), "is not known here"),
        (SigningKey("acme-1", Algorithm.ED25519, b"x" * 32), "is not that of this topic, key and value"),
        (GLOBEX, "may not sign for the tenant"),
        (OPS, "has not the role producer"),
        (BOSS, "has not the role producer"),
    ],
    ids=["unsigned", "unknown kid", "forged", "another tenant's", "operator", "approver"],
)
async def test_a_request_without_a_good_signature_is_one_dead_letter(
    key: SigningKey | None, why: str
) -> None:
    async with flume_in(world()) as flume:
        written = record(0, body("r-1"))
        put(flume, written if key is None else signed(written, key, flume.clock.at()))
        await flume.settle()

        (letter,) = flume.world.dead_letters()
        assert (letter["code"], letter["stage"], letter["retriable"]) == ("bad_signature", "intake", False)
        assert why in letter["message"]
        assert "request_id" not in letter
        assert flume.world.responses() == []
        assert flume.runs.started == []
        assert flume.lag() == 0


async def test_it_is_checked_before_the_bytes_are_parsed() -> None:
    async with flume_in(world()) as flume:
        put(flume, record(0, b"{ no json"))
        put(flume, signed(record(0, b"{ no json"), ACME, flume.clock.at()))
        put(flume, replace(record(0, body("r-1")), partition=(record(0).partition + 1) % 4))
        await flume.settle()

        assert sorted(codes(flume)) == ["bad_signature", "bad_signature", "undecodable"]


async def test_a_signature_cannot_be_moved() -> None:
    async with flume_in(world()) as flume:
        good = signed(record(0, body("r-1")), ACME, flume.clock.at())
        put(flume, replace(record(0, body("r-2")), headers=good.headers))
        put(flume, good, value=(good.value or b"") + b" ")
        put(
            flume,
            signed(replace(record(0, body("r-3")), topic="agent.control"), ACME, flume.clock.at()),
            topic="agent.requests",
        )
        put(flume, good, headers=(*good.headers, *good.headers))
        await flume.settle()

        assert codes(flume) == ["bad_signature"] * 4


async def test_a_request_that_is_replayed_an_hour_later_is_a_duplicate() -> None:
    async with flume_in(world()) as flume:
        written = ask(flume, "r-1")
        await flume.settle()

        flume.clock.advance(3600)
        put(flume, written)
        await flume.settle()

        assert (len(flume.world.responses()), codes(flume)) == (1, [])
        assert flume.runs.started == ["r-1"]
        assert flume.lag() == 0


async def test_a_request_that_is_replayed_after_a_day_has_no_good_signature() -> None:
    async with flume_in(world()) as flume:
        written = ask(flume, "r-1")
        await flume.settle()

        flume.clock.advance(DAY + 1)
        put(flume, written)
        put(flume, written, stamped=True, timestamp_ms=flume.world.now_ms())
        await flume.settle()

        assert (len(flume.world.responses()), codes(flume)) == (1, ["bad_signature"] * 2)
        assert flume.runs.started == ["r-1"]


async def test_a_record_that_waited_for_two_days_is_judged_from_when_the_broker_wrote_it() -> None:
    there = world()
    at = there.clock.at()
    stamp = round(at.timestamp() * 1000)
    by_broker = replace(signed(record(0, body("r-1")), ACME, at), stamped=True, timestamp_ms=stamp)
    by_producer = replace(signed(record(0, body("r-2")), ACME, at), timestamp_ms=stamp)
    there.clock.advance(2 * DAY)

    async with flume_in(there) as flume:
        put(flume, by_broker)
        put(flume, by_producer)
        await flume.settle()

        assert flume.world.statuses() == {"r-1": "completed"}
        assert codes(flume) == ["bad_signature"]


async def test_what_was_believed_is_not_judged_again_when_it_comes_back() -> None:
    """A parked request outlives its signature's window, and the key that signed it."""
    async with flume_in(world(), instant=False) as flume:
        ask(flume, "r-1")
        await flume.finish("r-1", verdict=needs("a"))
        await until_parked(flume, "r-1")

        flume.clock.advance(3000)
        del flume.world.keys["acme-1"]
        flume.signed_command(BOSS, command="approve", approval_id="a", arguments_digest="digest-a")
        await flume.finish("r-1")
        await flume.settle()

        assert flume.world.statuses() == {"r-1": "completed"}
        assert codes(flume) == []


async def test_a_failed_request_is_replayed_after_its_signature_ran_out() -> None:
    async with flume_in(world(), instant=False) as flume:
        ask(flume, "r-1")
        await flume.finish("r-1", verdict=RuntimeError("boom"))
        await flume.settle()
        (letter,) = flume.world.dead_letters()

        flume.clock.advance(2 * DAY)
        flume.signed_command(OPS, command="replay", dead_letter_id=letter["dead_letter_id"])
        await flume.finish("r-1")
        await flume.settle()

        assert [one["status"] for one in flume.world.responses()] == ["failed", "completed"]


async def test_a_key_may_be_revoked_and_another_added_while_a_worker_runs() -> None:
    async with flume_in(world()) as flume:
        ask(flume, "r-1")
        await flume.settle()
        flume.clock.advance(10)
        flume.world.keys["acme-1"] = entry_of(ACME, revoked_at=flume.clock.at()).key()
        newest = signing_key("acme-3")
        flume.world.keys["acme-3"] = entry_of(newest).key()

        ask(flume, "r-2")
        ask(flume, "r-3", newest)
        await flume.settle()

        assert flume.world.statuses() == {"r-1": "completed", "r-3": "completed"}
        assert "was revoked" in flume.world.dead_letters()[0]["message"]


async def test_a_bad_record_that_is_read_again_is_one_dead_letter() -> None:
    there = world()
    async with flume_in(there) as flume:
        put(flume, record(0, body("r-1")))
        await flume.settle()
    there.committed.clear()

    async with flume_in(there) as other:
        other.pump()
        await other.settle()

        assert codes(other) == ["bad_signature"]
        assert other.lag() == 0


async def test_nobody_has_to_sign_where_it_is_not_required() -> None:
    there = world()
    there.signed_requests = there.signed_commands = False
    async with flume_in(there) as flume:
        put(flume, record(0, body("r-1")))
        put(flume, record(0, body("r-2"), headers=[(SIGNATURE_HEADER, b"nonsense")]))
        flume.command(command="pause")
        await flume.until(flume.world.audits)
        await flume.settle()

        assert flume.world.statuses() == {"r-1": "completed", "r-2": "completed"}
        assert flume.world.audits() == [("pause", "done", None)]


# -- commands


def audits(flume: Flume) -> list[dict[str, Any]]:
    """Of commands."""
    return [one for one in flume.world.log.read(NAMES.audit) if one["audit_id"].startswith("control-")]


async def heard(flume: Flume, number: int = 1) -> list[dict[str, Any]]:
    await flume.until(lambda: len(audits(flume)) == number)
    return audits(flume)


@pytest.mark.parametrize("command", ["pause", "resume"])
async def test_an_operators_key_is_told_in_the_audit(command: str) -> None:
    async with flume_in(world()) as flume:
        flume.signed_command(OPS, command=command, actor="ann@desk")

        (audit,) = await heard(flume)

        assert (audit["outcome"], audit["actor"], audit["role"]) == ("done", "ops (ann@desk)", "operator")


@pytest.mark.parametrize(
    ("command", "right"),
    [
        ({"command": "approve", "approval_id": "a", "arguments_digest": "digest-a"}, "boss"),
        ({"command": "reject", "approval_id": "a"}, "boss"),
        ({"command": "pause"}, "ops"),
        ({"command": "resume"}, "ops"),
        ({"command": "replay", "dead_letter_id": "dl_1"}, "ops"),
    ],
    ids=lambda value: value if isinstance(value, str) else value["command"],
)
async def test_a_command_needs_a_key_with_its_role(command: dict[str, Any], right: str) -> None:
    wrong = {"boss": OPS, "ops": BOSS}[right]
    async with flume_in(world()) as flume:
        flume.command(**command, actor="ops (ann)")
        flume.signed_command(wrong, **command)
        flume.signed_command(ACME, **command)
        flume.signed_command(signing_key("nobody"), **command)

        told = await heard(flume, 4)

        assert {(one["outcome"], one["code"]) for one in told} == {("refused", "bad_signature")}
        assert [one.get("role") for one in told] == [None] * 4
        assert {one["action"] for one in told} == {command["command"]}
        assert not flume.world.plans.paused("acme")
        assert len(flume.observed.of(CommandDistrusted)) == 4

        flume.signed_command({"boss": BOSS, "ops": OPS}[right], **command)
        (*_, last) = await heard(flume, 5)

        assert last.get("code") != "bad_signature"


async def test_an_approvers_key_decides_and_others_do_not() -> None:
    async with flume_in(world(), instant=False) as flume:
        ask(flume, "r-1")
        await flume.finish("r-1", verdict=needs("a"))
        await until_parked(flume, "r-1")
        approve: dict[str, Any] = {"command": "approve", "approval_id": "a", "arguments_digest": "digest-a"}

        flume.command(**approve)
        flume.signed_command(ACME, **approve)
        refused = await heard(flume, 2)
        await flume.rest()
        still_waits = not flume.runs.running
        flume.signed_command(BOSS, **approve, actor="ann")
        await flume.finish("r-1")
        await flume.settle()

        assert {(one["code"], one["subject"]) for one in refused} == {("bad_signature", "a")}
        assert still_waits
        assert flume.world.statuses() == {"r-1": "completed"}
        assert audits(flume)[-1]["actor"] == "boss (ann)"


async def test_a_key_commands_only_for_its_tenants() -> None:
    keys = (entry_of(ACME), entry_of(OPS, Role.OPERATOR, tenants=("acme",)))
    async with flume_in(world(*keys)) as flume:
        flume.signed_command(OPS, "acme", command="pause")
        flume.signed_command(OPS, "globex", command="pause")
        await heard(flume, 2)

        assert [flume.world.plans.paused(one) for one in ("acme", "globex")] == [True, False]


async def test_a_command_is_not_obeyed_a_day_later() -> None:
    async with flume_in(world()) as flume:
        written = flume.world.commands.write("acme", command="pause")
        written = signed(written, OPS, flume.clock.at())
        flume.clock.advance(DAY + 1)

        flume.desk.take(written.partition, written.offset, written, effective=True)

        assert (await heard(flume))[0]["code"] == "bad_signature"


async def test_a_cancel_needs_no_signature() -> None:
    async with flume_in(world(), instant=False) as flume:
        ask(flume, "r-1")
        await flume.running("r-1")

        flume.command(command="cancel", request_id="r-1", actor="ada")
        (audit,) = await heard(flume)
        await flume.settle()

        assert flume.world.statuses() == {"r-1": "cancelled"}
        assert (audit["actor"], audit.get("role")) == ("ada", None)


async def test_topic_acls_may_decide_about_commands_alone() -> None:
    there = world()
    there.signed_commands = False
    async with flume_in(there) as flume:
        flume.command(command="pause", actor="ann")
        put(flume, record(0, body("r-1")))
        (audit,) = await heard(flume)
        await flume.settle()

        assert (audit["outcome"], audit["actor"]) == ("done", "ann")
        assert codes(flume) == ["bad_signature"]
