"""The file of keys that signatures are checked with: whose each key is, and what it may sign."""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from types import MappingProxyType
from typing import Annotated, Literal, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from schemas.times import At

KID_PATTERN = r"^[A-Za-z0-9._-]{1,64}$"
KEY_BYTES = 32  # of a public or private key of ed25519
SHORTEST_SECRET = 32
EVERY_TENANT = "*"
MOST_TOLD = 5

Kid = Annotated[str, Field(pattern=KID_PATTERN)]
Tenant = Annotated[str, Field(pattern=r"^(\*|[A-Za-z0-9._:-]{1,128})$")]


class Algorithm(StrEnum):
    ED25519 = "ed25519"
    """A key pair: Penstock knows only the public half, so nobody here could sign for a producer."""
    HS256 = "hs256"
    """HMAC-SHA-256 with a secret that producer and workers share."""


class Role(StrEnum):
    PRODUCER = "producer"
    """Writes requests."""
    APPROVER = "approver"
    """Approves and rejects tool calls."""
    OPERATOR = "operator"
    """Pauses, resumes and replays."""


class BadKeys(ValueError):
    """The file cannot be used; the message says why, in one sentence."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key: whose it is, what it may sign, and what to check with."""

    kid: str
    algorithm: Algorithm
    material: bytes = field(repr=False)
    """Of ed25519 the public key, of hs256 the shared secret."""
    tenants: frozenset[bytes] | None  # as they stand in a record's key; None: all
    roles: frozenset[Role]
    revoked_at: datetime | None = None
    compromised: bool = False

    def speaks_for(self, record_key: bytes | None) -> bool:
        """Whether it may sign for the tenant of this record."""
        return record_key is not None and (self.tenants is None or record_key in self.tenants)

    def active(self, at: datetime) -> bool:
        """Whether what it signs now counts."""
        return not self.compromised and (self.revoked_at is None or at < self.revoked_at)


Keys = Mapping[str, Key]


class KeyEntry(BaseModel):
    """One key as it stands in the file. Unknown fields are mistakes: nothing here may be passed over."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    kid: Kid
    algorithm: Algorithm
    public_key: str | None = None
    """Base64 of the 32 bytes; of ed25519."""
    secret: str | None = Field(default=None, repr=False)
    """Base64 of at least 32 bytes; of hs256."""
    tenants: Annotated[tuple[Tenant, ...], Field(min_length=1)]
    """Whose records it may sign; `*` is every tenant."""
    roles: Annotated[frozenset[Role], Field(min_length=1)]
    created_at: At | None = None
    revoked_at: At | None = None
    """What was written from then on does not count; it may lie in the future."""
    compromised: bool = False
    """Nothing that it ever signed counts."""

    @model_validator(mode="after")
    def _fits_its_algorithm(self) -> Self:
        asymmetric = self.algorithm is Algorithm.ED25519
        wanted, other = (self.public_key, self.secret) if asymmetric else (self.secret, self.public_key)
        if wanted is None or other is not None:
            has, lacks = ("public_key", "secret") if asymmetric else ("secret", "public_key")
            raise ValueError(f"a key for {self.algorithm} has a {has} and no {lacks}")
        size = len(self.material)
        if asymmetric and size != KEY_BYTES:
            raise ValueError(f"public_key must be base64 of {KEY_BYTES} bytes")
        if not asymmetric and size < SHORTEST_SECRET:
            raise ValueError(f"secret must be base64 of at least {SHORTEST_SECRET} bytes")
        return self

    @property
    def material(self) -> bytes:
        """What signatures are checked with."""
        return from_base64(self.public_key or self.secret or "")

    @property
    def fingerprint(self) -> str:
        """Tells keys apart without showing them."""
        return sha256(self.material).hexdigest()[:16]

    def key(self) -> Key:
        """As it is checked with."""
        named = frozenset(tenant.encode() for tenant in self.tenants)
        tenants = None if EVERY_TENANT in self.tenants else named
        return Key(
            self.kid, self.algorithm, self.material, tenants, self.roles, self.revoked_at, self.compromised
        )


class KeyFile(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    version: Literal[1]
    keys: tuple[KeyEntry, ...] = ()

    @model_validator(mode="after")
    def _each_kid_once(self) -> Self:
        kids = [entry.kid for entry in self.keys]
        twice = sorted({kid for kid in kids if kids.count(kid) > 1})
        if twice:
            raise ValueError(f"the kid {twice[0]} stands there twice")
        return self

    def find(self, kid: str) -> KeyEntry | None:
        """The entry of this name."""
        return next((entry for entry in self.keys if entry.kid == kid), None)

    def having(self, entry: KeyEntry) -> "KeyFile":
        """With this entry, in the place of the one of its name or behind all others."""
        if self.find(entry.kid) is None:
            return KeyFile(version=1, keys=(*self.keys, entry))
        return KeyFile(version=1, keys=tuple(entry if one.kid == entry.kid else one for one in self.keys))


def explain(error: ValidationError) -> str:
    """Where and what, never the value: it may be a secret."""
    details = error.errors(include_url=False, include_context=False, include_input=False)
    told = [(".".join(map(str, one["loc"])), one["msg"].removeprefix("Value error, ")) for one in details]
    return "; ".join(f"{where}: {what}" if where else what for where, what in told[:MOST_TOLD])


def parse_key_file(data: bytes) -> KeyFile:
    """BadKeys where it is no such file."""
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise BadKeys(f"it is no JSON ({error})") from None
    try:
        return KeyFile.model_validate(document)
    except ValidationError as error:
        raise BadKeys(explain(error)) from None


def keys_of(file: KeyFile) -> Keys:
    """By name, as signatures are checked with them."""
    return MappingProxyType({entry.kid: entry.key() for entry in file.keys})


def render_key_file(file: KeyFile) -> bytes:
    """For people to read, too."""
    return rendered({"version": 1, "keys": [_written(entry) for entry in file.keys]})


def _written(entry: KeyEntry) -> dict[str, object]:
    document = entry.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    return document | {"roles": sorted(entry.roles)}


def rendered(document: object) -> bytes:
    """JSON that a person can read."""
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def to_base64(raw: bytes) -> str:
    """As keys are written in files."""
    return b64encode(raw).decode()


def from_base64(text: str) -> bytes:
    """Nothing where it is no base64: the length is looked at anyway."""
    try:
        return b64decode(text, validate=True)
    except ValueError:
        return b""
