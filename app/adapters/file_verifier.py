"""Checks signatures with the keys of a file, which is read again when it changes."""

from datetime import datetime
from pathlib import Path
from typing import Final

from app.adapters import secret_files
from app.adapters.secret_files import Identity
from schemas.keyring import Algorithm, BadKeys, Key, Keys, keys_of, parse_key_file
from schemas.signatures import Content, verify
from streams.flow import Record
from streams.observations import KeysRead, KeysUnread, Observer
from streams.ports import Clock
from streams.trust import judged_at

LOOK_S = 1.0  # not for every record: a look costs a call of the system


class FileVerifier:
    """`load` it before the first record. Later a file that cannot be used changes nothing."""

    def __init__(self, path: Path, clock: Clock, observer: Observer) -> None:
        self._path: Final = path
        self._clock: Final = clock
        self._observer: Final = observer
        self._keys: Keys = {}
        self._seen: Identity | None = None
        self._look_at = 0.0

    def load(self) -> None:
        """BadKeys where the file cannot be used."""
        keys, self._seen = read_keys(self._path)
        self._take(keys)
        self._look_at = self._clock.now() + LOOK_S

    def signer(self, record: Record, at: datetime) -> Key:
        """The key that signed it. BadSignature where none did that may."""
        if self._clock.now() >= self._look_at:
            self._look_at = self._clock.now() + LOOK_S
            self._look()
        content = Content(record.topic, record.key, record.value)
        return verify(self._keys, content, record.headers, judged_at(record, at))

    def _look(self) -> None:
        found = secret_files.identity(self._path)
        if found == self._seen:
            return
        self._seen = found  # one that cannot be used is told of once
        try:
            keys, self._seen = read_keys(self._path)
        except BadKeys as error:
            self._observer.observe(KeysUnread(str(error)))
        else:
            self._take(keys)

    def _take(self, keys: Keys) -> None:
        self._keys = keys
        at = self._clock.at()
        self._observer.observe(KeysRead(len(keys), sum(key.active(at) for key in keys.values())))


def read_keys(path: Path) -> tuple[Keys, Identity]:
    """The keys of a file, and which file that was."""
    found = secret_files.read(path)
    try:
        keys = keys_of(parse_key_file(found.data))
    except BadKeys as error:
        raise BadKeys(f"{path}: {error}") from None
    if any(key.algorithm is Algorithm.HS256 for key in keys.values()):
        found.require_secrecy(path)
    return keys, found.identity
