"""Commands sign with the private key that is configured, and say what is wrong with it."""

from pathlib import Path
from typing import Any

import pytest

from app.adapters import secret_files
from app.adapters.clock import SystemClock
from app.client.signing import Signer, signer_of
from app.settings import BadSettings, Settings, load
from app.startup import CannotStart
from schemas.keyring import Algorithm
from schemas.private_keys import render_private_key
from schemas.signatures import Content, verify
from tests.doubles.memory_verifier import entry_of, signing_key

KEY = signing_key("acme-1")


@pytest.fixture(autouse=True)
def _no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("SIGNATURES", "CONTROL_TRUST", "KEYS_FILE", "SIGNING_KEY_FILE"):
        monkeypatch.delenv(f"PENSTOCK_{name}", raising=False)


def configured(path: Path) -> Settings:
    return load(signing_key_file=path)


def test_nothing_is_signed_where_no_key_is_set() -> None:
    assert signer_of(load()).headers("agent.requests", b"acme", b"{}") == []


def test_what_is_signed_is_believed(tmp_path: Path) -> None:
    path = tmp_path / "acme-1.key.json"
    secret_files.create(path, render_private_key(KEY.kid, KEY.algorithm, KEY.secret))

    headers = signer_of(configured(path)).headers("agent.requests", b"acme", b"{}")

    content = Content("agent.requests", b"acme", b"{}")
    assert verify({"acme-1": entry_of(KEY).key()}, content, headers, SystemClock.at()).kid == "acme-1"


def test_a_secret_of_the_signer_is_not_shown() -> None:
    assert KEY.secret.hex() not in repr(Signer(KEY))
    assert repr(KEY.secret) not in repr(Signer(KEY))


@pytest.mark.parametrize(
    ("content", "mode", "says"),
    [
        (None, 0, "cannot be read: No such file"),
        (b"SECRET", 0o600, "is no private key of `penstock keys create`: it is no JSON"),
        (b'{"version": 1, "kid": "SECRET;"}', 0o600, "is no private key"),
        (render_private_key("k", Algorithm.HS256, b"s" * 32), 0o644, "chmod 600"),
        (render_private_key("k", Algorithm.HS256, b"s" * 32), 0o620, "chmod 600"),
    ],
)
def test_a_key_that_cannot_be_used_is_an_error(
    tmp_path: Path, content: bytes | None, mode: int, says: str
) -> None:
    path = tmp_path / "key.json"
    if content is not None:
        path.write_bytes(content)
        path.chmod(mode)

    with pytest.raises(CannotStart) as told:
        signer_of(configured(path))

    assert says in str(told.value)
    assert "PENSTOCK_SIGNING_KEY_FILE" in str(told.value)
    assert "SECRET" not in str(told.value)


@pytest.mark.parametrize(
    ("given", "requests", "commands"),
    [
        ({}, False, False),
        ({"keys_file": "k"}, False, False),
        ({"signatures": "required", "keys_file": "k"}, True, True),
        ({"signatures": "required", "keys_file": "k", "control_trust": "acl"}, True, False),
        ({"signatures": "off", "keys_file": "k", "control_trust": "signature"}, False, True),
        ({"control_trust": "acl"}, False, False),
    ],
)
def test_commands_are_signed_where_requests_are_unless_somebody_says_otherwise(
    given: dict[str, str], requests: bool, commands: bool
) -> None:
    trust = load(**given).stream().trust

    assert (trust.requests_signed, trust.commands_signed) == (requests, commands)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"signatures": "required"}, "PENSTOCK_SIGNATURES=required"),
        ({"control_trust": "signature"}, "PENSTOCK_CONTROL_TRUST=signature"),
    ],
)
def test_signatures_need_a_file_of_keys(given: dict[str, str], named: str) -> None:
    with pytest.raises(BadSettings, match=f"{named} needs PENSTOCK_KEYS_FILE: `penstock keys create`"):
        load(**given)


def test_the_example_in_the_documentation_is_believed(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "how-to" / "signing.md").read_text()
    example = page.partition("```python\n")[2].partition("```")[0]
    secret_files.create(tmp_path / "acme-1.key.json", render_private_key(KEY.kid, KEY.algorithm, KEY.secret))
    names: dict[str, Any] = {}

    exec(example, names)
    header = names["signature"]("agent.requests", b"acme", b"{}")

    content = Content("agent.requests", b"acme", b"{}")
    assert verify({"acme-1": entry_of(KEY).key()}, content, [header], SystemClock.at()).kid == "acme-1"
