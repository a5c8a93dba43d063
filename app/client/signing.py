"""Signs what commands write, where a private key is configured."""

from dataclasses import dataclass
from pathlib import Path

from app.adapters import secret_files
from app.adapters.clock import SystemClock
from app.settings import Settings
from app.startup import CannotStart
from schemas.keyring import BadKeys
from schemas.private_keys import parse_private_key
from schemas.signatures import Content, SigningKey, sign

Header = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs with one key, or does not sign where there is none."""

    key: SigningKey | None = None

    def headers(self, topic: str, key: bytes | None, value: bytes | None) -> list[Header]:
        """The header to add to a record that is written now."""
        if self.key is None:
            return []
        return [sign(self.key, Content(topic, key, value), SystemClock.at())]


def signer_of(settings: Settings) -> Signer:
    """By PENSTOCK_SIGNING_KEY_FILE. CannotStart where it names no usable key."""
    path = settings.signing_key_file
    return Signer() if path is None else Signer(read_private_key(path))


def read_private_key(path: Path) -> SigningKey:
    """CannotStart says what is wrong with the file, never what stands in it."""
    try:
        found = secret_files.read(path)
        found.require_secrecy(path)
        try:
            return parse_private_key(found.data)
        except BadKeys as error:
            raise BadKeys(f"{path} is no private key of `penstock keys create`: {error}") from None
    except BadKeys as error:
        raise CannotStart(f"nothing can be signed (PENSTOCK_SIGNING_KEY_FILE): {error}") from None
