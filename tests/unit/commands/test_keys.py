"""`penstock keys` makes, lists, rotates and revokes keys, tells no secret, and writes over nothing."""

import os
import stat
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from typer.testing import CliRunner, Result

from app import cli
from app.adapters.clock import SystemClock
from app.adapters.file_verifier import read_keys
from app.client.signing import read_private_key
from schemas.signatures import Content, sign, verify

Run = Callable[..., Result]
CONTENT = Content("agent.requests", b"acme", b"{}")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("PENSTOCK_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PENSTOCK_KEYS_FILE", "keys.json")
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *words: CliRunner().invoke(cli.app, ["keys", *words])


def made(run: Run, kid: str = "acme-1", *more: str) -> dict[str, Any]:
    """A key of acme's, made."""
    result = run("create", kid, "--role", "producer", "--tenant", "acme", "--json", *more)
    assert result.exit_code == 0, result.output
    return dict(orjson.loads(result.stdout))


def listed(run: Run, *more: str) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in run("list", "--json", *more).stdout.splitlines()]


def believed(kid: str) -> bool:
    """Whether what is signed with the private key's file holds by the file of keys."""
    at = SystemClock.at()
    header = sign(read_private_key(Path(f"{kid}.key.json")), CONTENT, at)
    keys, _ = read_keys(Path("keys.json"))
    return verify(keys, CONTENT, [header], at).kid == kid


def mode(path: str) -> int:
    return stat.S_IMODE(Path(path).stat().st_mode)


@pytest.mark.parametrize("algorithm", ["ed25519", "hs256"])
def test_what_is_signed_with_a_made_key_is_believed(run: Run, algorithm: str) -> None:
    told = made(run, "acme-1", "--algorithm", algorithm)

    assert believed("acme-1")
    assert (told["algorithm"], told["roles"], told["tenants"]) == (algorithm, ["producer"], ["acme"])
    assert (told["private_key_file"], told["done"], told["active"]) == ("acme-1.key.json", True, True)
    assert (mode("keys.json"), mode("acme-1.key.json")) == (0o600, 0o600)


@pytest.mark.parametrize("algorithm", ["ed25519", "hs256"])
def test_no_secret_is_ever_printed(run: Run, algorithm: str) -> None:
    words = ["--role", "producer", "-t", "acme", "--algorithm", algorithm]
    outputs = [
        run("create", "acme-1", *words).output,
        run("create", "acme-2", *words, "--json").output,
        run("rotate", "acme-1").output,
        run("list").output,
        run("list", "--json").output,
        run("revoke", "acme-2", "--yes", "--json").output,
    ]

    written = [orjson.loads(path.read_bytes()) for path in Path().glob("*.key.json")]
    secrets = [one.get("private_key") or one["secret"] for one in written]
    assert len(secrets) == 3
    assert [secret for secret in secrets for output in outputs if secret in output] == []


def test_ed25519_leaves_no_private_half_with_the_workers(run: Run) -> None:
    made(run)

    private = orjson.loads(Path("acme-1.key.json").read_bytes())["private_key"]
    assert private not in Path("keys.json").read_text()


def test_a_person_is_told_what_to_do_next(run: Run) -> None:
    said = run("create", "ops", "-r", "operator", "-r", "approver", "--all-tenants").stdout

    assert said.startswith("ops made: ed25519, approver, operator of every tenant, fingerprint ")
    assert "private key: ops.key.json. Bring it to its owner" in said
    assert "within a second" in said


def test_a_name_is_not_used_twice(run: Run) -> None:
    made(run)
    before = Path("keys.json").read_bytes()
    run("revoke", "acme-1", "--yes")

    again = run("create", "acme-1", "-r", "producer", "-t", "acme", "--private-key-file", "other.json")

    assert again.exit_code == 2
    assert "a key acme-1 stands in keys.json already" in again.stderr
    assert before != Path("keys.json").read_bytes()
    assert not Path("other.json").exists()


def test_a_private_key_is_not_written_over(run: Run) -> None:
    Path("acme-1.key.json").write_text("precious")

    result = run("create", "acme-1", "-r", "producer", "-t", "acme")

    assert result.exit_code == 2
    assert "never written over: name another with --private-key-file" in result.stderr
    assert Path("acme-1.key.json").read_text() == "precious"
    assert not Path("keys.json").exists()


def test_where_the_file_of_keys_cannot_be_written_no_private_key_is_left(run: Run, tmp_path: Path) -> None:
    nowhere = str(tmp_path / "no" / "such" / "folder" / "keys.json")

    result = run("create", "acme-1", "-r", "producer", "-t", "acme", "--keys-file", nowhere)

    assert result.exit_code == 2
    assert "cannot be written" in result.stderr
    assert not Path("acme-1.key.json").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["create", "a;b", "-r", "producer", "-t", "acme"], "is no key's name"),
        (["create", "a", "-r", "producer"], "say whose records it may sign"),
        (["create", "a", "-r", "producer", "-t", "acme", "--all-tenants"], "say whose records it may sign"),
        (["create", "a", "-r", "producer", "-t", "ac me"], "--tenant 'ac me'"),
        (["create", "a", "-r", "producer", "-t", "acme", "--public-key", "none"], "cannot be read"),
        (["list"], "there is no file of keys at keys.json: `penstock keys create` makes it"),
        (["revoke", "a"], "there is no file of keys at keys.json"),
        (["rotate", "a"], "there is no file of keys at keys.json"),
    ],
)
def test_an_error_says_what_to_do(run: Run, words: list[str], says: str) -> None:
    result = run(*words)

    assert result.exit_code == 2
    assert says in result.stderr
    assert list(Path().iterdir()) == []


def test_the_file_must_be_named_somewhere(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PENSTOCK_KEYS_FILE")

    assert "say where the keys are: --keys-file keys.json, or set PENSTOCK_KEYS_FILE" in run("list").stderr


def test_a_file_that_cannot_be_used_is_left_as_it_is(run: Run) -> None:
    Path("keys.json").write_text("{")

    result = run("create", "acme-1", "-r", "producer", "-t", "acme")

    assert (result.exit_code, Path("keys.json").read_text()) == (2, "{")
    assert "keys.json: it is no JSON" in result.stderr
    assert not Path("acme-1.key.json").exists()


def test_a_dry_run_writes_nothing(run: Run) -> None:
    told = made(run, "acme-1", "--dry-run")
    assert (told["done"], list(Path().iterdir())) == (False, [])

    made(run)
    before = {path.name: path.read_bytes() for path in Path().iterdir()}
    outputs = [run("rotate", "acme-1", "--dry-run"), run("revoke", "acme-1", "--dry-run")]

    assert [output.exit_code for output in outputs] == [0, 0]
    assert "would be made" in outputs[0].stdout
    assert "no other active key would be left for producer of tenant acme" in outputs[1].stdout
    assert {path.name: path.read_bytes() for path in Path().iterdir()} == before


@pytest.mark.parametrize("form", ["pem", "base64"])
def test_an_owner_may_keep_the_private_half(run: Run, form: str) -> None:
    public = Ed25519PrivateKey.generate().public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    raw = b64encode(public.public_bytes_raw())
    Path("owners.pub").write_bytes(pem if form == "pem" else raw + b"\n")

    told = made(run, "acme-1", "--public-key", "owners.pub")

    keys, _ = read_keys(Path("keys.json"))
    assert keys["acme-1"].material == public.public_bytes_raw()
    assert told["private_key_file"] is None
    assert not Path("acme-1.key.json").exists()


@pytest.mark.parametrize(
    "content", [b"", b"c2hvcnQ=", b"-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----\n"]
)
def test_what_is_no_public_key_is_refused(run: Run, content: bytes) -> None:
    Path("owners.pub").write_bytes(content)

    result = run("create", "acme-1", "-r", "producer", "-t", "acme", "--public-key", "owners.pub")

    assert result.exit_code == 2
    assert "holds no public key of ed25519" in result.stderr


def test_both_keys_are_active_while_one_follows_the_other(run: Run) -> None:
    made(run, "acme-1", "--algorithm", "hs256")

    rotated = orjson.loads(run("rotate", "acme-1", "--json").stdout)

    assert (rotated["kid"], rotated["algorithm"], rotated["tenants"]) == ("acme-2", "hs256", ["acme"])
    assert rotated["replaces"]["active"] is True
    assert (believed("acme-1"), believed("acme-2")) == (True, True)


def test_the_old_key_may_retire_by_itself(run: Run) -> None:
    made(run)

    said = run("rotate", "acme-1", "--retire-in", "7d", "--to", "acme-new").stdout

    old, new = listed(run)
    assert (old["active"], old["revoked_at"] is None) == (True, False)
    assert (new["kid"], new["revoked_at"]) == ("acme-new", None)
    assert "acme-1 stays good (active until " in said
    assert believed("acme-1")


def test_a_revoked_key_has_no_successor(run: Run) -> None:
    made(run)
    run("revoke", "acme-1", "--yes")

    result = run("rotate", "acme-1")

    assert result.exit_code == 2
    assert "make a new key with `penstock keys create`" in result.stderr


def test_a_revoked_key_stays_in_the_file_and_counts_no_more(run: Run) -> None:
    made(run)
    made(run, "acme-2")

    result = run("revoke", "acme-1", "--yes")

    assert (result.exit_code, "acme-1 is revoked " in result.stdout) == (0, True)
    assert "no other active key" not in result.stderr
    assert [one["active"] for one in listed(run)] == [False, True]
    assert [one["kid"] for one in listed(run, "--active")] == ["acme-2"]
    with pytest.raises(ValueError, match="was revoked"):
        believed("acme-1")


def test_the_last_key_is_not_revoked_unnoticed(run: Run) -> None:
    made(run)

    asked = run("revoke", "acme-1")
    done = run("revoke", "acme-1", "--yes")

    assert asked.exit_code == 2
    assert "say --yes" in asked.stderr
    assert "no other active key is left for producer of tenant acme" in done.stderr


def test_a_compromised_key_is_marked_also_when_it_was_revoked_before(run: Run) -> None:
    made(run)
    run("revoke", "acme-1", "--yes")

    result = run("revoke", "acme-1", "--compromised", "--yes", "--json")
    again = run("revoke", "acme-1", "--compromised", "--yes")

    assert orjson.loads(result.stdout)["compromised"] is True
    assert again.stdout == "acme-1 was so before: compromised\n"


def test_a_later_revocation_does_not_undo_an_earlier_one(run: Run) -> None:
    made(run)
    run("revoke", "acme-1", "--yes")
    (before,) = listed(run)

    run("revoke", "acme-1", "--in", "30d", "--yes")

    assert listed(run) == [before]


def test_two_who_change_the_file_at_a_time_lose_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    made(run)
    from app.operators import key_cabinet

    make = key_cabinet.make

    def meanwhile(*words: Any) -> Any:
        path = Path("keys.json")
        path.write_bytes(path.read_bytes() + b"\n")
        return make(*words)

    monkeypatch.setattr(key_cabinet, "make", meanwhile)
    result = run("create", "acme-2", "-r", "producer", "-t", "acme")

    assert result.exit_code == 2
    assert "was changed by somebody else just now" in result.stderr
    assert not Path("acme-2.key.json").exists()
