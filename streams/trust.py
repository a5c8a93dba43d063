"""Whether a command may be obeyed, and from when on a signature is judged. Without a verifier ACLs decide."""

from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

from schemas.control import Command, ControlCommand
from schemas.failures import Code
from schemas.keyring import Key, Role
from schemas.signatures import BadSignature, demand
from streams.flow import Record
from streams.observations import CommandDistrusted, Observer
from streams.ports import Verifier

# A cancel needs none: it takes from a tenant only what that could have withheld.
ROLES = MappingProxyType(
    {
        Command.APPROVE: Role.APPROVER,
        Command.REJECT: Role.APPROVER,
        Command.PAUSE: Role.OPERATOR,
        Command.RESUME: Role.OPERATOR,
        Command.REPLAY: Role.OPERATOR,
    }
)

Seal = Key | BadSignature | None  # who signed a command; that nobody did; or that nobody looked


@dataclass(frozen=True, slots=True)
class Warrant:
    """Who gave a command, and as what. A key's name is proven, what stands behind it in brackets is not."""

    actor: str | None
    role: Role | None = None


NOBODY = Warrant(None)


@dataclass(frozen=True, slots=True)
class Trust:
    """What commands are believed by."""

    verifier: Verifier | None
    observer: Observer

    def examine(self, record: Record, at: datetime) -> Seal:
        """Look at the signature, on the bytes, before anything is made of them."""
        if self.verifier is None:
            return None
        try:
            return self.verifier.signer(record, at)
        except BadSignature as error:
            return error

    def warrant(self, tenant_id: str, command: ControlCommand, seal: Seal) -> tuple[Warrant, Code | None]:
        """Who gave it, and the code with which it is refused."""
        role = ROLES.get(command.command)
        if seal is None or role is None:
            return Warrant(command.actor), None
        try:
            if isinstance(seal, BadSignature):
                raise seal
            demand(seal, role)
        except BadSignature as error:
            self.observer.observe(CommandDistrusted(tenant_id, command.command.value, str(error)))
            return Warrant(command.actor), error.code
        said = f" ({command.actor})" if command.actor else ""
        return Warrant(f"{seal.kid}{said}", role), None


def judged_at(record: Record, at: datetime) -> datetime:
    """When it was written, where the broker says so; else now: what a producer says proves nothing.

    So what was good when it was written stays good, however long it stands in the log unread.
    """
    return datetime.fromtimestamp(record.timestamp_ms / 1000, UTC) if record.stamped else at
