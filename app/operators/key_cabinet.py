"""Changes the file of keys: makes new ones with their private halves, rotates and revokes them."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from app.adapters import secret_files
from app.terminal.exits import Trouble
from schemas.keyring import (
    KEY_BYTES,
    Algorithm,
    BadKeys,
    KeyEntry,
    KeyFile,
    Role,
    from_base64,
    parse_key_file,
    render_key_file,
    to_base64,
)
from schemas.private_keys import render_private_key


@dataclass(frozen=True, slots=True)
class Wish:
    """Whose a new key is, and what it may sign."""

    kid: str
    algorithm: Algorithm
    tenants: Sequence[str]
    roles: frozenset[Role]


@dataclass(frozen=True, slots=True)
class Made:
    """A new key: what the workers know of it, and what only its owner has (None: the owner made it)."""

    entry: KeyEntry
    private: bytes | None = field(repr=False)


class Cabinet:
    """One file of keys, as it was when it was opened."""

    def __init__(self, path: Path, *, must_exist: bool = True) -> None:
        self.path: Final = path
        self._seen = secret_files.identity(path)
        if self._seen is None and must_exist:
            raise Trouble(f"there is no file of keys at {path}: `penstock keys create` makes it")
        self.file = KeyFile(version=1) if self._seen is None else _read(path)

    def entry(self, kid: str) -> KeyEntry:
        """The key of this name."""
        found = self.file.find(kid)
        if found is None:
            raise Trouble(f"there is no key {kid} in {self.path}: `penstock keys list` shows them")
        return found

    def require_free(self, kid: str) -> None:
        """No key has this name, nor had it: a name is not used twice."""
        if self.file.find(kid) is not None:
            raise Trouble(
                f"a key {kid} stands in {self.path} already: choose another name, or use "
                f"`penstock keys rotate {kid}`"
            )

    def next_kid(self, kid: str) -> str:
        """acme-2 after acme-1, or the next that is free."""
        stem, dash, number = kid.rpartition("-")
        if not dash or not number.isdigit():
            stem, number = kid, "1"
        count = int(number) + 1
        while self.file.find(f"{stem}-{count}") is not None:
            count += 1
        return f"{stem}-{count}"

    def add(self, made: Made, private_file: Path | None, retired: KeyEntry | None = None) -> None:
        """The private half first: a key that nobody could sign with helps nobody."""
        if made.private is not None and private_file is not None:
            _create(private_file, made.private)
        try:
            changed = self.file.having(made.entry)
            self._save(changed if retired is None else changed.having(retired))
        except BaseException:
            if made.private is not None and private_file is not None:
                private_file.unlink()
            raise

    def change(self, entry: KeyEntry) -> None:
        """This key is so from now on."""
        self._save(self.file.having(entry))

    def _save(self, file: KeyFile) -> None:
        if secret_files.identity(self.path) != self._seen:
            raise Trouble(f"{self.path} was changed by somebody else just now: look at it, then try again")
        try:
            secret_files.replace(self.path, render_key_file(file))
        except OSError as error:
            raise Trouble(f"{self.path} cannot be written: {error.strerror or error}") from None
        self.file = file


def make(wish: Wish, at: datetime) -> Made:
    """A new key with a private half that nobody has seen."""
    secret = secrets.token_bytes(KEY_BYTES)
    if wish.algorithm is Algorithm.HS256:
        entry = _entry(wish, at, secret=to_base64(secret))
    else:
        public = Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
        entry = _entry(wish, at, public_key=to_base64(public))
    return Made(entry, render_private_key(wish.kid, wish.algorithm, secret))


def take(wish: Wish, public_key_file: Path, at: datetime) -> Made:
    """A key whose owner made it and keeps the private half: PEM, or base64 of the 32 bytes."""
    if wish.algorithm is not Algorithm.ED25519:
        raise Trouble("--public-key is for ed25519: hs256 has only a secret, which both sides share")
    try:
        data = public_key_file.read_bytes()
    except OSError as error:
        raise Trouble(f"{public_key_file} cannot be read: {error.strerror or error}") from None
    public = _public_bytes(data)
    if len(public) != KEY_BYTES:
        raise Trouble(f"{public_key_file} holds no public key of ed25519: PEM, or base64 of 32 bytes")
    return Made(_entry(wish, at, public_key=to_base64(public)), None)


def revoked(entry: KeyEntry, when: datetime, *, compromised: bool) -> KeyEntry:
    """What is written from then on does not count; an earlier revocation stands."""
    earlier = when if entry.revoked_at is None else min(when, entry.revoked_at)
    return entry.model_copy(update={"revoked_at": earlier, "compromised": entry.compromised or compromised})


def left_alone(file: KeyFile, entry: KeyEntry, at: datetime) -> list[str]:
    """For which tenants and roles no other key is active: what they send will be refused."""
    others = [one for one in file.keys if one.kid != entry.kid and one.key().active(at)]
    lost = []
    for role in sorted(entry.roles):
        having = [one for one in others if role in one.roles]
        tenants = [tenant for tenant in entry.tenants if not any(_covers(one, tenant) for one in having)]
        if tenants:
            named = "every tenant" if "*" in tenants else f"tenant {', '.join(tenants)}"
            lost.append(f"{role} of {named}")
    return lost


def _covers(entry: KeyEntry, tenant: str) -> bool:
    return "*" in entry.tenants or tenant in entry.tenants


def _entry(wish: Wish, at: datetime, **material: str) -> KeyEntry:
    return KeyEntry(
        kid=wish.kid,
        algorithm=wish.algorithm,
        tenants=tuple(wish.tenants),
        roles=wish.roles,
        created_at=at,
        **material,
    )


def _public_bytes(data: bytes) -> bytes:
    if not data.lstrip().startswith(b"-----BEGIN"):
        return from_base64(data.decode("ascii", "replace").strip())
    try:
        key = load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        return b""
    return key.public_bytes_raw() if isinstance(key, Ed25519PublicKey) else b""


def _read(path: Path) -> KeyFile:
    try:
        return parse_key_file(secret_files.read(path).data)
    except BadKeys as error:
        said = str(error)
        raise Trouble(said if said.startswith(str(path)) else f"{path}: {said}") from None


def _create(path: Path, data: bytes) -> None:
    try:
        secret_files.create(path, data)
    except FileExistsError:
        raise Trouble(
            f"{path} exists, and a private key is never written over: name another with --private-key-file"
        ) from None
    except OSError as error:
        raise Trouble(f"{path} cannot be written: {error.strerror or error}") from None
