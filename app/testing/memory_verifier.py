"""Signatures that are checked with keys in memory, and records that are signed."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from schemas.keyring import Algorithm, Key, KeyEntry, Role, to_base64
from schemas.signatures import Content, SigningKey, sign, verify
from streams.flow import Record
from streams.trust import judged_at


class MemoryVerifier:
    """As the adapter, without its file. Keys may be changed while it is used."""

    def __init__(self, keys: Mapping[str, Key]) -> None:
        self._keys = keys

    def signer(self, record: Record, at: datetime) -> Key:
        """Whose signature it bears."""
        content = Content(record.topic, record.key, record.value)
        return verify(self._keys, content, record.headers, judged_at(record, at))


def signing_key(kid: str = "acme-1", algorithm: Algorithm = Algorithm.ED25519) -> SigningKey:
    """The same for the same name."""
    return SigningKey(kid, algorithm, sha256(kid.encode()).digest())


def entry_of(key: SigningKey, *roles: Role, tenants: tuple[str, ...] = ("acme",), **more: Any) -> KeyEntry:
    """What workers know of it."""
    if key.algorithm is Algorithm.HS256:
        material = {"secret": to_base64(key.secret)}
    else:
        public = Ed25519PrivateKey.from_private_bytes(key.secret).public_key()
        material = {"public_key": to_base64(public.public_bytes_raw())}
    return KeyEntry(
        kid=key.kid,
        algorithm=key.algorithm,
        tenants=tenants,
        roles=frozenset(roles or {Role.PRODUCER}),
        **material,
        **more,
    )


def signed(record: Record, key: SigningKey, at: datetime) -> Record:
    """The record with the signature of this key."""
    header = sign(key, Content(record.topic, record.key, record.value), at)
    return replace(record, headers=(*record.headers, header))
