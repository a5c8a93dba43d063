"""Runs a private PostgreSQL on a free port, empty: for tests, and a contestant that keeps its state there."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from app.brokers import children, ports
from app.brokers.broker import BrokerError
from benchmarks.worker_process import BenchFailed

DEBIANS = Path("/usr/lib/postgresql")  # one folder for each version; they are not on the PATH
SETTINGS = {"listen_addresses": ports.LOOPBACK, "max_connections": "200", "logging_collector": "off"}
UNPRIVILEGED = ("postgres", "nobody")  # the server refuses to run as root
OWNER = "postgres"  # whose database of this name is there from the start
READY_S = 30.0
POLL_S = 0.1


def find_binaries(places: Sequence[Path] | None = None) -> Path:
    """The folder with `postgres` and `initdb`; BenchFailed names the package to install."""
    for folder in places if places is not None else _places():
        if all(os.access(folder / name, os.X_OK) for name in ("postgres", "initdb", "pg_isready")):
            return folder
    raise BenchFailed("PostgreSQL's server is missing: install it (Debian's package: postgresql)")


def _places() -> list[Path]:
    on_path = shutil.which("postgres")
    installed = sorted(DEBIANS.glob("*/bin"), key=lambda folder: _number(folder.parent.name), reverse=True)
    return [*([Path(on_path).resolve().parent] if on_path else []), *installed]


def _number(version: str) -> int:
    return int(version) if version.isdigit() else 0


@contextmanager
def running() -> Iterator[str]:
    """The address of an empty database; the server and its folder are gone afterwards."""
    binaries = find_binaries()
    with tempfile.TemporaryDirectory(prefix="penstock-pg-", ignore_cleanup_errors=True) as folder:
        home, port = Path(folder), ports.free_port()
        disguise = _disguise(home)
        data = home / "data"
        made = ("-D", str(data), "-U", OWNER, "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8")
        _run(*disguise, str(binaries / "initdb"), *made)
        chosen = {**SETTINGS, "port": str(port), "unix_socket_directories": str(home)}
        flags = [part for name, value in chosen.items() for part in ("-c", f"{name}={value}")]
        command = [*disguise, str(binaries / "postgres"), "-D", str(data), *flags]
        try:
            server = children.spawn("postgres", command, log=home / "postgres.log", detach=False)
        except BrokerError as error:
            raise BenchFailed(str(error)) from None
        try:
            _wait(binaries, port, server)
            yield f"postgresql://{OWNER}@{ports.LOOPBACK}:{port}/{OWNER}"
        finally:
            server.stop()


def _disguise(home: Path) -> list[str]:
    """What to put before a command so that it does not run as root, who gives the folder away for it."""
    if os.geteuid():
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise BenchFailed("PostgreSQL does not run as root, and setpriv is missing: run this as a user")
    user = _unprivileged()
    os.chown(home, user.pw_uid, user.pw_gid)
    return [setpriv, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def _unprivileged() -> pwd.struct_passwd:
    for name in UNPRIVILEGED:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise BenchFailed("PostgreSQL does not run as root, and there is no other user: run this as one")


def _run(*command: str) -> None:
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False
    )
    if done.returncode:
        last = done.stdout.strip().splitlines()[-1:] or ["it said nothing"]
        raise BenchFailed(f"PostgreSQL cannot be started: {last[0]}")


def _wait(binaries: Path, port: int, server: children.Child) -> None:
    asked = [str(binaries / "pg_isready"), "-q", "-h", ports.LOOPBACK, "-p", str(port)]
    until = time.monotonic() + READY_S
    while subprocess.run(asked, check=False).returncode:
        if not server.runs():
            raise BenchFailed(f"PostgreSQL ended while starting: {server.last_words()}")
        if time.monotonic() > until:
            raise BenchFailed(f"PostgreSQL did not answer within {READY_S:g} s: {server.last_words()}")
        time.sleep(POLL_S)
