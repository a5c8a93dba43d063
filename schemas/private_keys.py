"""What a producer keeps to sign with: the file with the secret half of one key."""

from typing import Literal, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from schemas.keyring import (
    KEY_BYTES,
    SHORTEST_SECRET,
    Algorithm,
    BadKeys,
    Kid,
    explain,
    from_base64,
    rendered,
    to_base64,
)
from schemas.signatures import SigningKey


class PrivateKeyFile(BaseModel):
    """What a producer keeps: the secret half of one key."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    version: Literal[1]
    kid: Kid
    algorithm: Algorithm
    private_key: str | None = Field(default=None, repr=False)
    """Base64 of the 32 bytes; of ed25519."""
    secret: str | None = Field(default=None, repr=False)
    """Base64; of hs256."""

    @model_validator(mode="after")
    def _fits_its_algorithm(self) -> Self:
        asymmetric = self.algorithm is Algorithm.ED25519
        wanted, other = (self.private_key, self.secret) if asymmetric else (self.secret, self.private_key)
        if wanted is None or other is not None:
            has = "private_key" if asymmetric else "secret"
            raise ValueError(f"a key for {self.algorithm} has a {has}, and nothing else")
        size = len(self.material)
        if size != KEY_BYTES if asymmetric else size < SHORTEST_SECRET:
            raise ValueError(f"it must be base64 of {'' if asymmetric else 'at least '}{KEY_BYTES} bytes")
        return self

    @property
    def material(self) -> bytes:
        """What is signed with."""
        return from_base64(self.private_key or self.secret or "")

    def signing_key(self) -> SigningKey:
        """As it is signed with."""
        return SigningKey(self.kid, self.algorithm, self.material)


def parse_private_key(data: bytes) -> SigningKey:
    """BadKeys where it is no such file; its content is never part of the message."""
    try:
        return PrivateKeyFile.model_validate(orjson.loads(data)).signing_key()
    except orjson.JSONDecodeError:
        raise BadKeys("it is no JSON") from None
    except ValidationError as error:
        raise BadKeys(explain(error)) from None


def render_private_key(kid: str, algorithm: Algorithm, material: bytes) -> bytes:
    """The producer's file."""
    name = "private_key" if algorithm is Algorithm.ED25519 else "secret"
    return rendered({"version": 1, "kid": kid, "algorithm": algorithm, name: to_base64(material)})
