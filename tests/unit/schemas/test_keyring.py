"""A file of keys is taken whole or not at all, and what is wrong with it is said without what is secret."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from schemas.keyring import (
    Algorithm,
    BadKeys,
    KeyFile,
    Role,
    keys_of,
    parse_key_file,
    render_key_file,
    to_base64,
)
from schemas.private_keys import parse_private_key, render_private_key
from schemas.signatures import SigningKey
from tests.doubles.memory_verifier import entry_of, signing_key

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
ED, HS = signing_key("ed-1"), signing_key("hs-1", Algorithm.HS256)
PUBLIC = to_base64(b"p" * 32)
SECRET = to_base64(b"VERY-SECRET-VERY-SECRET-VERY-SECRET")


def entry(**changes: Any) -> dict[str, Any]:
    """A key as it stands in a file; None takes a field away."""
    fields = {
        "kid": "acme-1",
        "algorithm": "ed25519",
        "public_key": PUBLIC,
        "tenants": ["acme"],
        "roles": ["producer"],
    }
    return {name: value for name, value in (fields | changes).items() if value is not None}


def read(*entries: dict[str, Any], **more: Any) -> KeyFile:
    return parse_key_file(orjson.dumps({"version": 1, "keys": list(entries)} | more))


def test_what_is_written_is_read_again() -> None:
    later = AT + timedelta(days=7)
    entries = (
        entry_of(
            ED, Role.PRODUCER, Role.APPROVER, tenants=("acme", "globex"), created_at=AT, revoked_at=later
        ),
        entry_of(HS, Role.OPERATOR, tenants=("*",), compromised=True),
    )
    file = KeyFile(version=1, keys=entries)

    assert parse_key_file(render_key_file(file)) == file


def test_a_key_speaks_for_its_tenants_byte_by_byte() -> None:
    some = entry_of(ED, tenants=("acme", "globex")).key()
    everyone = entry_of(ED, tenants=("*",)).key()

    assert [some.speaks_for(key) for key in (b"acme", b"globex", b"acm", b"ACME", b"*", b"", None)] == [
        *(True, True),
        *(False, False, False, False, False),
    ]
    assert (everyone.speaks_for(b"anybody"), everyone.speaks_for(None)) == (True, False)


def test_a_key_is_active_until_it_is_revoked() -> None:
    key = entry_of(ED, revoked_at=AT).key()

    assert (key.active(AT - timedelta(seconds=1)), key.active(AT)) == (True, False)
    assert not entry_of(ED, compromised=True).key().active(AT)


def test_several_keys_of_a_tenant_are_known_at_a_time() -> None:
    file = read(entry(), entry(kid="acme-2"))

    assert list(keys_of(file)) == ["acme-1", "acme-2"]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (entry(kid=None), "keys.0.kid: Field required"),
        (entry(kid="a;b"), "keys.0.kid"),
        (entry(kid=""), "keys.0.kid"),
        (entry(algorithm="none"), "keys.0.algorithm"),
        (entry(public_key=None), "has a public_key and no secret"),
        (entry(secret=SECRET), "has a public_key and no secret"),
        (entry(algorithm="hs256"), "has a secret and no public_key"),
        (entry(algorithm="hs256", public_key=None, secret="c2hvcnQ="), "at least 32 bytes"),
        (entry(public_key="not base64"), "base64 of 32 bytes"),
        (entry(public_key=to_base64(b"p" * 31)), "base64 of 32 bytes"),
        (entry(tenants=[]), "keys.0.tenants"),
        (entry(tenants=["ac me"]), "keys.0.tenants.0"),
        (entry(tenants="acme"), "keys.0.tenants"),
        (entry(roles=[]), "keys.0.roles"),
        (entry(roles=["boss"]), "keys.0.roles"),
        (entry(role="producer"), "keys.0.role: Extra inputs"),
        (entry(revoked_at="yesterday"), "keys.0.revoked_at"),
        (entry(compromised="maybe"), "keys.0.compromised"),
    ],
)
def test_a_wrong_entry_is_named(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(BadKeys) as told:
        read(wrong)

    assert says in str(told.value)
    assert SECRET not in str(told.value)


def test_no_two_keys_have_the_same_name() -> None:
    with pytest.raises(BadKeys, match="the kid acme-1 stands there twice"):
        read(entry(), entry(tenants=["globex"]))


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b'{"keys": []}', b'{"version": 2, "keys": []}'])
def test_what_is_no_file_of_keys_is_refused(data: bytes) -> None:
    with pytest.raises(BadKeys):
        parse_key_file(data)


@pytest.mark.parametrize("misplaced", ["secrets", "Secret", "private_key"])
def test_a_secret_in_the_wrong_place_is_not_repeated(misplaced: str) -> None:
    with pytest.raises(BadKeys) as told:
        read(entry(algorithm="hs256", public_key=None, **{misplaced: SECRET}))

    assert misplaced in str(told.value)
    assert SECRET not in str(told.value)


@pytest.mark.parametrize("key", [ED, HS], ids=["ed25519", "hs256"])
def test_a_private_key_is_read_as_it_was_written(key: SigningKey) -> None:
    assert parse_private_key(render_private_key(key.kid, key.algorithm, key.secret)) == key


@pytest.mark.parametrize(
    "fields",
    [
        {"algorithm": "ed25519", "secret": SECRET},
        {"algorithm": "hs256", "private_key": SECRET},
        {"algorithm": "ed25519", "private_key": SECRET},
        {"algorithm": "hs256", "secret": "c2hvcnQ="},
        {"algorithm": "hs256", "secret": SECRET, "public_key": SECRET},
        {"algorithm": "hs256", "secret": [SECRET]},
    ],
)
def test_a_wrong_private_key_is_refused_without_being_shown(fields: dict[str, Any]) -> None:
    data = orjson.dumps({"version": 1, "kid": "acme-1"} | fields)

    with pytest.raises(BadKeys) as told:
        parse_private_key(data)
    assert SECRET not in str(told.value)


def test_what_is_no_json_is_not_shown_either() -> None:
    with pytest.raises(BadKeys, match=r"^it is no JSON$"):
        parse_private_key(SECRET.encode())
