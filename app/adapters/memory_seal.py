"""Seals what is remembered: AES-GCM under keys from a file, bound to whose it is and where it stands."""

import os
from base64 import b64decode
from binascii import Error
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.adapters.clock import SystemClock

MAGIC: Final = b"\x00PS1"  # no JSON begins like this
ID_BYTES: Final = 8
NONCE_BYTES: Final = 12
KEY_BYTES: Final = 32
HEAD_BYTES: Final = len(MAGIC) + ID_BYTES + NONCE_BYTES
PERSON: Final = b"penstock-memory"
NEEDED_LATELY_S: Final = 60.0  # whoever waits for it asks more often


class BadKeyFile(Exception):
    """The file of keys cannot be used; the message says what to do."""


class Unreadable(Exception):
    """What is stored cannot be opened now: its key is not there, or it was not sealed for this place."""


class Seal:
    """The first key of the file seals, all of them open. Without a file nothing is sealed."""

    def __init__(self, path: Path | None = None, now: Callable[[], float] = SystemClock.now) -> None:
        self._path: Final = path
        self._now: Final = now
        self._stamp: tuple[int, int, int] | None = None
        self._keys: dict[bytes, bytes] = {}
        self._first: tuple[bytes, bytes] | None = None
        self._missing: dict[bytes, float] = {}  # key -> when it was last needed
        self.refresh()

    @property
    def on(self) -> bool:
        """Whether what is written is sealed."""
        return self._first is not None

    def refresh(self) -> None:
        """Read the file again where it has changed. Raises BadKeyFile, and goes on with what it had."""
        if self._path is None:
            return
        try:
            found = self._path.stat()
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            if stamp == self._stamp:
                return
            keys = read_keys(self._path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise BadKeyFile(f"PENSTOCK_MEMORY_KEYS_FILE={self._path} cannot be read: {error}") from error
        self._stamp = stamp
        self._keys = {key_id(key): key for key in keys}
        self._first = next(iter(self._keys.items()))

    def seal(self, plain: bytes, *place: str) -> bytes:
        """As it is stored at this place."""
        if self._first is None:
            return plain
        own_id, key = self._first
        bound, nonce = _bound(place), os.urandom(NONCE_BYTES)
        return MAGIC + own_id + nonce + _cipher(key, bound).encrypt(nonce, plain, bound)

    def open(self, stored: bytes, *place: str) -> bytes:
        """What was stored there. Raises Unreadable."""
        if stored[: len(MAGIC)] != MAGIC:
            return stored  # written before there were keys
        own_id = stored[len(MAGIC) : len(MAGIC) + ID_BYTES]
        nonce = stored[HEAD_BYTES - NONCE_BYTES : HEAD_BYTES]
        key, bound = self._key(own_id), _bound(place)
        try:
            return _cipher(key, bound).decrypt(nonce, stored[HEAD_BYTES:], bound)
        except (InvalidTag, ValueError):
            raise Unreadable("what is stored here was changed, or sealed for another place") from None

    def is_new(self, stored: bytes) -> bool:
        """Whether it is as it would be sealed now."""
        return self._first is None or stored.startswith(MAGIC + self._first[0])

    def trouble(self) -> str | None:
        """What is wrong, and what to do about it; None: nothing. Reads the file again where it changed."""
        try:
            self.refresh()
        except BadKeyFile:
            return "PENSTOCK_MEMORY_KEYS_FILE cannot be used any more: put the file back"
        since = self._now() - NEEDED_LATELY_S
        missing = [one for one, needed in self._missing.items() if needed >= since and one not in self._keys]
        if missing:
            keys = ", ".join(sorted(one.hex() for one in missing))
            return f"PENSTOCK_MEMORY_KEYS_FILE lacks keys that sealed what is remembered, add them: {keys}"
        return None

    def _key(self, own_id: bytes) -> bytes:
        key = self._keys.get(own_id)
        if key is None:
            try:
                self.refresh()  # it may have been added since
            except BadKeyFile as error:
                raise Unreadable(str(error)) from error
            key = self._keys.get(own_id)
        if key is None:
            self._missing[own_id] = self._now()
            raise Unreadable(
                f"it is sealed with the key {own_id.hex()}, which is not in PENSTOCK_MEMORY_KEYS_FILE: add it"
            )
        return key


def read_keys(text: str) -> Sequence[bytes]:
    """One key a line: 32 bytes in base64. Raises BadKeyFile."""
    keys = []
    for number, line in enumerate(text.splitlines(), 1):
        written = line.partition("#")[0].strip()
        if not written:
            continue
        try:
            key = b64decode(written, validate=True)
        except (Error, ValueError):
            key = b""
        if len(key) != KEY_BYTES:
            raise BadKeyFile(
                f"PENSTOCK_MEMORY_KEYS_FILE, line {number}: a key is 32 bytes in base64, such as "
                "`openssl rand -base64 32` makes"
            )
        keys.append(key)
    if not keys:
        raise BadKeyFile("PENSTOCK_MEMORY_KEYS_FILE holds no key: openssl rand -base64 32 makes one")
    return keys


def key_id(key: bytes) -> bytes:
    """What names the key beside what it sealed: a wrong key cannot have the right name."""
    return blake2b(key, digest_size=ID_BYTES, person=b"penstock-key-id").digest()


def _cipher(key: bytes, bound: bytes) -> AESGCM:
    """Each place has a key of its own, so that random nonces last for any number of records."""
    return AESGCM(blake2b(bound, key=key, digest_size=KEY_BYTES, person=PERSON).digest())


def _bound(place: Sequence[str]) -> bytes:
    parts = [part.encode("utf-8", "surrogatepass") for part in place]
    return b"".join(len(part).to_bytes(4) + part for part in parts)
