"""Who acts on dead letters, why, and with which key."""

from dataclasses import dataclass, field

from app.client.signing import Signer


@dataclass(frozen=True, slots=True)
class Errand:
    """What a person set out to do. `vouches`: what is sent again is signed with the key, whoever wrote it."""

    actor: str
    reason: str | None = None
    signer: Signer = field(default_factory=Signer)
    vouches: bool = False
