"""Looks at signatures, where they are required: the file of keys, and who writes the topics' timestamps."""

from datetime import datetime

from aiokafka.errors import KafkaError

from app import provision
from app.adapters.file_verifier import read_keys
from app.client.reach import reaching
from app.doctor.finding import Finding, fail, ok, warn
from app.startup import CannotStart
from schemas.keyring import BadKeys, Role
from streams.options import KafkaOptions, TrustOptions


async def examine(kafka: KafkaOptions, trust: TrustOptions, at: datetime) -> list[Finding]:
    """Nothing where nobody has to sign."""
    return [*keys(trust, at), *await _stamps(kafka)] if trust.signed else []


def keys(trust: TrustOptions, at: datetime) -> list[Finding]:
    """Whether the file can be used, and somebody can sign what has to be signed."""
    if trust.keys_file is None:
        return []
    try:
        known, _ = read_keys(trust.keys_file)
    except BadKeys as error:
        return [fail("keys", str(error), "see PENSTOCK_KEYS_FILE; `penstock keys create` makes the file")]
    active = [key for key in known.values() if key.active(at)]
    roles = {role for key in active for role in key.roles}
    wanted = ({Role.PRODUCER} if trust.requests_signed else set()) | (
        {Role.APPROVER, Role.OPERATOR} if trust.commands_signed else set()
    )
    lacking = sorted(wanted - roles)
    if lacking:
        found = f"no active key has the role {' or '.join(lacking)}"
        return [
            warn("keys", found, f"`penstock keys create NAME --role {lacking[0]}`: now nobody can sign that")
        ]
    return [ok("keys", f"{len(active)} active of {len(known)}")]


async def _stamps(kafka: KafkaOptions) -> list[Finding]:
    try:
        async with reaching(kafka.bootstrap):
            return stamps(provision.unstamped(await provision.describe(kafka)))
    except (CannotStart, KafkaError):
        return []  # the checks of Kafka tell that


def stamps(unstamped: list[str]) -> list[Finding]:
    """Whether what waits in the log for more than a day is believed."""
    check = "timestamps"
    if unstamped:
        advice = "set message.timestamp.type=LogAppendTime, else what stands unread for 24 hours is refused"
        return [warn(check, f"{' and '.join(unstamped)}: they are the producers'", advice)]
    return [ok(check, "signatures are judged from when the broker wrote the record")]
