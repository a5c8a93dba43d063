"""The `signature` header: how it is written, what it is made over, and whether it holds for a record."""

import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import ClassVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from schemas.failures import Code
from schemas.keyring import KID_PATTERN, Algorithm, Key, Role
from schemas.times import format_at, parse_at

SIGNATURE_HEADER = "signature"
SIGNATURE_VERSION = "v1"
WINDOW = timedelta(hours=24)  # from `issued_at` on, for so long a signature holds
SKEW = timedelta(minutes=5)  # a producer's clock may be ahead by that much
LONGEST_HEADER = 512

_KID = re.compile(KID_PATTERN, re.ASCII)
_ISSUED_AT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
_BYTES = {Algorithm.ED25519: 64, Algorithm.HS256: 32}

Headers = Sequence[tuple[str, bytes | None]]


class BadSignature(ValueError):
    """The record bears no signature that counts; the message says why, in one sentence."""

    code: ClassVar[Code] = Code.BAD_SIGNATURE


@dataclass(frozen=True, slots=True)
class Content:
    """What a signature is made over, beside its own time."""

    topic: str
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True, slots=True)
class SigningKey:
    """What a producer signs with: a private key of 32 bytes, or a shared secret."""

    kid: str
    algorithm: Algorithm
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Signature:
    """The header, read. `written_at` is its time as it was written, for that is what was signed."""

    kid: str
    algorithm: Algorithm
    written_at: str
    issued_at: datetime
    made: bytes


def sign(key: SigningKey, content: Content, at: datetime) -> tuple[str, bytes]:
    """The header for a record that is written now."""
    written_at = format_at(at)
    signed = signed_bytes(content, written_at)
    if key.algorithm is Algorithm.ED25519:
        made = _private_key(key.secret).sign(signed)
    else:
        made = hmac.digest(key.secret, signed, "sha256")
    fields = (SIGNATURE_VERSION, key.kid, key.algorithm.value, written_at, b64encode(made).decode())
    return SIGNATURE_HEADER, ";".join(fields).encode()


def signed_bytes(content: Content, written_at: str) -> bytes:
    """Topic, key, the value's SHA-256 in hexadecimal digits and the time, on one line each.

    A key may hold a line feed, and it is unambiguous nevertheless: no topic's name does, and what follows the
    key has a fixed length. A value that is null counts as empty.
    """
    digest = sha256(content.value or b"").hexdigest()
    return b"\n".join((content.topic.encode(), content.key or b"", digest.encode(), written_at.encode()))


def read_signature(headers: Headers) -> Signature:
    """The one signature of a record. BadSignature where there is none, more than one, or no proper one."""
    found = [value for name, value in headers if name == SIGNATURE_HEADER]
    if not found:
        raise BadSignature("the record has no signature: its header `signature` is missing")
    if len(found) > 1:
        raise BadSignature(f"the record has {len(found)} headers `signature`: it must have one")
    return parse_signature(found[0] or b"")


@lru_cache(maxsize=256)
def _algorithm(text: str) -> Algorithm | None:
    return Algorithm(text) if text in set(Algorithm) else None


def parse_signature(header: bytes) -> Signature:
    """There is exactly one way to write a signature; all others are refused."""
    fields = header.decode("ascii", "replace").split(";") if len(header) <= LONGEST_HEADER else []
    if len(fields) != 5 or fields[0] != SIGNATURE_VERSION:
        raise BadSignature(
            "the header `signature` must be v1;<kid>;<ed25519 or hs256>;<issued_at>;<base64>, "
            f"not {header[:60]!r}"
        )
    _, kid, named, written_at, encoded = fields
    algorithm = _algorithm(named)
    if algorithm is None:
        raise BadSignature(f"the signature's algorithm must be ed25519 or hs256, not {named[:40]!r}")
    if _KID.fullmatch(kid) is None:
        raise BadSignature(f"the signature's kid {kid[:80]!r} is no key's name")
    return Signature(kid, algorithm, written_at, _issued_at(written_at), _made(encoded, algorithm))


def _issued_at(text: str) -> datetime:
    try:
        if _ISSUED_AT.fullmatch(text) is not None:
            return parse_at(text)
    except ValueError:
        pass
    raise BadSignature(
        f"the signature's time must be in UTC with milliseconds, such as 2026-11-21T07:05:38.123Z, "
        f"not {text[:40]!r}"
    )


def _made(encoded: str, algorithm: Algorithm) -> bytes:
    try:
        made = b64decode(encoded, validate=True)
    except ValueError:
        made = b""
    # Base64 has spare bits, so several texts stand for the same bytes: only the canonical one counts.
    if len(made) != _BYTES[algorithm] or b64encode(made).decode() != encoded:
        raise BadSignature(f"the signature itself must be {_BYTES[algorithm]} bytes in base64 with padding")
    return made


def verify(keys: Mapping[str, Key], content: Content, headers: Headers, at: datetime) -> Key:
    """The key that signed this. BadSignature where none did that may, or not at a time that counts.

    `at` is the moment from which the record is judged: when it was written, where that can be trusted.
    """
    signature = read_signature(headers)
    key = keys.get(signature.kid)
    if key is None:
        raise BadSignature(f"the key {signature.kid} is not known here")
    if signature.algorithm is not key.algorithm:
        raise BadSignature(
            f"the key {key.kid} is for {key.algorithm}, the signature says {signature.algorithm}"
        )
    _check_standing(key, signature, at)
    if not key.speaks_for(content.key):
        raise BadSignature(f"the key {key.kid} may not sign for the tenant in the record's key")
    _check_time(signature, at)
    if not _holds(key, signed_bytes(content, signature.written_at), signature.made):
        raise BadSignature(
            f"the signature by {key.kid} is not that of this topic, key and value: something was changed, or "
            "signed with another key"
        )
    return key


def demand(key: Key, role: Role) -> None:
    """BadSignature where the key has not this role."""
    if role not in key.roles:
        has = ", ".join(sorted(key.roles))
        raise BadSignature(f"the key {key.kid} has not the role {role}: it has {has}")


def _check_standing(key: Key, signature: Signature, at: datetime) -> None:
    if key.compromised:
        raise BadSignature(f"the key {key.kid} was revoked as compromised: nothing that it signed counts")
    if key.revoked_at is not None and max(at, signature.issued_at) >= key.revoked_at:
        raise BadSignature(f"the key {key.kid} was revoked at {format_at(key.revoked_at)}")


def _check_time(signature: Signature, at: datetime) -> None:
    age = at - signature.issued_at
    if age > WINDOW:
        raise BadSignature(
            f"the signature was issued at {signature.written_at} and held for 24 hours, until "
            f"{format_at(signature.issued_at + WINDOW)}"
        )
    if -age > SKEW:
        raise BadSignature(
            f"the signature was issued at {signature.written_at}, more than 5 minutes ahead of "
            f"{format_at(at)}: correct the producer's clock"
        )


def _holds(key: Key, signed: bytes, made: bytes) -> bool:
    """Constant in time: what a wrong signature has right is not to be learnt from how long this takes."""
    if key.algorithm is Algorithm.HS256:
        return hmac.compare_digest(hmac.digest(key.material, signed, "sha256"), made)
    try:
        _public_key(key.material).verify(made, signed)
    except InvalidSignature:
        return False
    return True


@lru_cache(maxsize=4096)
def _public_key(material: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(material)


@lru_cache(maxsize=16)
def _private_key(secret: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(secret)
