"""`penstock keys`: the keys that signatures are checked with: makes, lists, rotates and revokes them."""

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from app.adapters.clock import SystemClock
from app.client.durations import parse_duration
from app.commands.options import AsJson, DryRun, Yes
from app.operators import key_cabinet, key_text
from app.operators.flags import is_tenant_id
from app.operators.key_cabinet import Cabinet, Made, Wish
from app.settings import load
from app.terminal import consent, exits, screen
from app.terminal.exits import Exit, Trouble
from schemas.keyring import EVERY_TENANT, KID_PATTERN, Algorithm, KeyEntry, Role

keys = typer.Typer(no_args_is_help=True, help="Keys for signatures: make, list, rotate and revoke them.")

Kid = Annotated[str, typer.Argument(help="The key's name: 1 to 64 characters out of A-Z a-z 0-9 . _ -")]
KeysFile = Annotated[
    Path | None, typer.Option("--keys-file", help="The file of keys; default: PENSTOCK_KEYS_FILE.")
]
PrivateKeyFile = Annotated[
    Path | None,
    typer.Option(help="Where the private key is written, for its owner; default: KID.key.json."),
]


@dataclass(frozen=True, slots=True)
class Manner:
    """How to do it."""

    dry_run: bool
    as_json: bool


@keys.command()
def create(
    kid: Kid,
    role: Annotated[list[Role], typer.Option("--role", "-r", help="What it may sign; may be repeated.")],
    tenant: Annotated[
        list[str] | None, typer.Option("--tenant", "-t", help="Whose records; may be repeated.")
    ] = None,
    all_tenants: Annotated[bool, typer.Option("--all-tenants", help="Records of every tenant.")] = False,
    algorithm: Annotated[
        Algorithm, typer.Option(help="hs256 shares a secret with the workers.")
    ] = Algorithm.ED25519,
    public_key: Annotated[
        Path | None, typer.Option(help="The owner made the key: PEM or base64 of the public half.")
    ] = None,
    private_key_file: PrivateKeyFile = None,
    keys_file: KeysFile = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Make a key: the workers' half goes into the file of keys, the private half into a file for its owner.

    Neither is printed, and no file is written over.
    """
    with exits.told("keys create"):
        cabinet = Cabinet(_keys_path(keys_file), must_exist=False)
        _must_be_a_kid(kid)
        cabinet.require_free(kid)
        at = SystemClock.at()
        wish = Wish(kid, algorithm, _tenants(tenant, all_tenants), frozenset(role))
        made = key_cabinet.make(wish, at) if public_key is None else key_cabinet.take(wish, public_key, at)
        private = _private_path(made, private_key_file)
        if not dry_run:
            cabinet.add(made, private)
        _tell_made(cabinet, made, private, Manner(dry_run, as_json))


@keys.command("list")
def list_keys(
    active: Annotated[bool, typer.Option("--active", help="Only those whose signatures count.")] = False,
    keys_file: KeysFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per key.")] = False,
) -> None:
    """Show the keys: whose they are, what they may sign, and until when. Never a secret."""
    with exits.told("keys list"):
        cabinet, at = Cabinet(_keys_path(keys_file)), SystemClock.at()
        shown = [entry for entry in cabinet.file.keys if not active or entry.key().active(at)]
        if as_json:
            for entry in shown:
                typer.echo(orjson.dumps(key_text.document(entry, at)))
        elif shown:
            screen.out().print(key_text.table(shown, at))
        else:
            typer.echo(f"no {'active ' if active else ''}key in {cabinet.path}", err=True)


@keys.command()
def rotate(
    kid: Kid,
    to: Annotated[str | None, typer.Option(help="The new key's name; default: acme-2 after acme-1.")] = None,
    retire_in: Annotated[
        str | None, typer.Option(help="Revoke the old one so long from now: 7d. Default: not yet.")
    ] = None,
    private_key_file: PrivateKeyFile = None,
    keys_file: KeysFile = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Make a successor with the same tenants and roles. Both are active until the old one is revoked."""
    with exits.told("keys rotate"):
        cabinet, at = Cabinet(_keys_path(keys_file)), SystemClock.at()
        old = cabinet.entry(kid)
        if not old.key().active(at):
            raise Trouble(f"{kid} is {key_text.state(old, at)}: make a new key with `penstock keys create`")
        name = to or cabinet.next_kid(kid)
        _must_be_a_kid(name)
        cabinet.require_free(name)
        retired = None
        if retire_in is not None:
            retired = key_cabinet.revoked(old, at + _duration(retire_in, "--retire-in"), compromised=False)
        made = key_cabinet.make(Wish(name, old.algorithm, old.tenants, old.roles), at)
        private = _private_path(made, private_key_file)
        if not dry_run:
            cabinet.add(made, private, retired)
        _tell_made(cabinet, made, private, Manner(dry_run, as_json), retired or old)


@keys.command()
def revoke(
    kid: Kid,
    after: Annotated[str | None, typer.Option("--in", help="So long from now: 24h. Default: now.")] = None,
    compromised: Annotated[
        bool,
        typer.Option("--compromised", help="Nothing that it ever signed counts, also unread records."),
    ] = False,
    keys_file: KeysFile = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Let a key's signatures not count any more. It stays in the file, and its name is not used again."""
    with exits.told("keys revoke"):
        if compromised and after is not None:
            raise Trouble("--compromised holds at once: leave --in out")
        cabinet, at = Cabinet(_keys_path(keys_file)), SystemClock.at()
        old = cabinet.entry(kid)
        when = at if after is None else at + _duration(after, "--in")
        entry = key_cabinet.revoked(old, when, compromised=compromised)
        if entry != old and not dry_run:
            _agree(cabinet, entry, at, yes=yes)
            cabinet.change(entry)
        _tell_revoked(cabinet, old, entry, at, Manner(dry_run, as_json))


def _keys_path(given: Path | None) -> Path:
    path = load(keys_file=given).keys_file
    if path is None:
        raise Trouble("say where the keys are: --keys-file keys.json, or set PENSTOCK_KEYS_FILE")
    return path


def _must_be_a_kid(kid: str) -> None:
    if re.fullmatch(KID_PATTERN, kid, re.ASCII) is None:
        raise Trouble(f"{kid!r} is no key's name: it has 1 to 64 characters out of A-Z a-z 0-9 . _ -")


def _tenants(named: list[str] | None, everyone: bool) -> list[str]:
    if bool(named) == everyone:
        raise Trouble("say whose records it may sign: --tenant acme (may be repeated), or --all-tenants")
    for tenant in named or ():
        if not is_tenant_id(tenant):
            raise Trouble(f"--tenant {tenant!r}: must be 1 to 128 characters out of A-Z a-z 0-9 . _ : -")
    return [EVERY_TENANT] if everyone else list(dict.fromkeys(named or ()))


def _duration(text: str, flag: str) -> Any:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise Trouble(f"{flag}: {error}") from None


def _private_path(made: Made, given: Path | None) -> Path | None:
    if made.private is None:
        if given is not None:
            raise Trouble("--private-key-file: there is none to write, the key's owner has it")
        return None
    path = given or Path(f"{made.entry.kid}.key.json")
    if path.exists():
        raise Trouble(
            f"{path} exists, and a private key is never written over: name another with --private-key-file"
        )
    return path


def _tell_made(
    cabinet: Cabinet, made: Made, private: Path | None, manner: Manner, old: KeyEntry | None = None
) -> None:
    at, entry = SystemClock.at(), made.entry
    if manner.as_json:
        typer.echo(
            orjson.dumps(
                {
                    **key_text.document(entry, at),
                    "private_key_file": private and str(private),
                    "keys_file": str(cabinet.path),
                    "done": not manner.dry_run,
                    **({} if old is None else {"replaces": key_text.document(old, at)}),
                }
            )
        )
        return
    verb = "would be made" if manner.dry_run else "made"
    whose = "every tenant" if EVERY_TENANT in entry.tenants else f"tenant {key_text.tenants(entry)}"
    typer.echo(
        f"{entry.kid} {verb}: {entry.algorithm}, {', '.join(sorted(entry.roles))} of {whose}, "
        f"fingerprint {entry.fingerprint}"
    )
    if private is not None:
        typer.echo(f"private key: {private}. Bring it to its owner safely; it is told nowhere else.")
    typer.echo(f"file of keys: {cabinet.path}. A worker that has it believes the key within a second.")
    if old is not None:
        until = "until you revoke it" if old.revoked_at is None else key_text.state(old, at)
        typer.echo(f"{old.kid} stays good ({until}): have its owner sign with {entry.kid} first.")


def _agree(cabinet: Cabinet, entry: KeyEntry, at: datetime, *, yes: bool) -> None:
    for lost in key_cabinet.left_alone(cabinet.file, entry, at):
        typer.echo(f"no other active key is left for {lost}: what they sign will be refused", err=True)
    if not consent.given(f"Revoke {entry.kid}?", yes=yes):
        typer.echo("nothing was done", err=True)
        raise typer.Exit(Exit.NOT_ALL)


def _tell_revoked(cabinet: Cabinet, old: KeyEntry, entry: KeyEntry, at: datetime, manner: Manner) -> None:
    lost = key_cabinet.left_alone(cabinet.file, entry, at)
    changed = entry != old
    if manner.as_json:
        typer.echo(
            orjson.dumps(
                {
                    **key_text.document(entry, at),
                    "keys_file": str(cabinet.path),
                    "changed": changed,
                    "done": not manner.dry_run,
                    "left_without": lost,
                }
            )
        )
        return
    if not changed:
        typer.echo(f"{entry.kid} was so before: {key_text.state(entry, at)}")
        return
    if manner.dry_run:
        for line in lost:
            typer.echo(f"no other active key would be left for {line}")
    typer.echo(f"{entry.kid} {'would be' if manner.dry_run else 'is'} {key_text.state(entry, at)}")
