"""Files with keys in them: nobody else may have written what is read, nor may read what is written."""

import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from schemas.keyring import BadKeys

OWNER_ONLY = 0o600
LARGEST = 16 * 1024 * 1024

Identity = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Found:
    """What stands in a file, and which file it was."""

    data: bytes
    identity: Identity
    mode: int

    def require_secrecy(self, path: Path) -> None:
        """BadKeys where everybody may read it."""
        if os.name == "posix" and self.mode & stat.S_IROTH:
            raise BadKeys(f"{path} has secrets in it and everybody may read it: chmod 600 {path}")


def identity(path: Path) -> Identity | None:
    """Changes with the file; None where there is none."""
    try:
        return _identity(os.stat(path))
    except OSError:
        return None


def read(path: Path) -> Found:
    """The whole file. BadKeys where that is impossible, or others could have written it."""
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())  # of what is read, should it be replaced just now
            data = file.read(LARGEST)
    except OSError as error:
        raise BadKeys(f"{path} cannot be read: {error.strerror or error}") from None
    if os.name == "posix" and found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise BadKeys(f"{path} may be written by others than its owner: chmod 600 {path}")
    return Found(data, _identity(found), found.st_mode)


def create(path: Path, data: bytes) -> None:
    """A new file. FileExistsError where there is one: keys are never written over."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def replace(path: Path, data: bytes) -> None:
    """A new content in one step: whoever reads sees the old one or this one, never half of it.

    Who may read it stays as it was: a worker that runs as another user must not lose it.
    """
    target = path.resolve()  # where the path is a link, the file behind it is replaced
    before = target.stat() if target.exists() else None
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)  # for its owner alone
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if before is not None and os.name == "posix":
            _as_before(name, before)
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise


def _as_before(name: str, before: os.stat_result) -> None:
    own = os.stat(name)
    if (own.st_uid, own.st_gid) != (before.st_uid, before.st_gid):
        os.chown(name, before.st_uid, before.st_gid)
    os.chmod(name, stat.S_IMODE(before.st_mode) & ~(stat.S_IWGRP | stat.S_IWOTH))


def _identity(found: os.stat_result) -> Identity:
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_dev
