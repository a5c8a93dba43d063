"""The version before this one, unpacked from the repository's history, for tests of rolling upgrades.

Which commit that is:

- the one that PENSTOCK_TEST_FORMER names, a tag or a commit, to try an upgrade from just there;
- else the newest release: the newest tag `v*` among the ancestors;
- else, as long as there is no release, the commit before the newest change to what versions share
  (`SHARED`): what stands on topics and in Redis, and how offsets are committed. What is changed and not
  committed yet is the newest change.

The commit directly before this one would mostly be a version that writes and reads the very same. A commit
that is written down here would be gone when the history is rewritten, and nobody would move it on.

A tree without history cannot be tested: that fails and says what to do. Skipped it would look like a pass.
"""

import io
import os
import subprocess
import tarfile
from pathlib import Path
from typing import Final

import pytest

ROOT = Path(__file__).parents[2]
NAMED_BY = "PENSTOCK_TEST_FORMER"
PARTS = ("app", "streams", "agents_defs", "schemas", "tests/broker")  # what a worker of the tests is made of
SHARED = (
    "schemas",
    "agents_defs/journal_entries.py",
    "agents_defs/run_journal.py",
    "agents_defs/run_record.py",
    "streams/answers.py",
    "streams/journal.py",
    "streams/parcel_codec.py",
    "streams/parked.py",
    "streams/topics.py",
    "app/adapters/fenced_producer.py",
    "app/adapters/group_*",
    "app/adapters/kafka_outbox.py",
    "app/adapters/redis_*",
)
GIT_S: Final = 60.0


class NoHistory(Exception):
    """The version before is not to be had; says why, and what to do."""


class Repository:
    """A git checkout."""

    def __init__(self, root: Path) -> None:
        self._root: Final = root

    def former(self, named: str | None = None, shared: tuple[str, ...] = SHARED) -> str:
        """The commit of the version before; raises NoHistory."""
        if named:
            return self._commit(named, f"{NAMED_BY} names {named}, which is not in this clone")
        self._commit("HEAD", "the version before is taken from git's history, and there is none here")
        release = self._git("describe", "--tags", "--abbrev=0", "--match", "v*", "HEAD~1", may_fail=True)
        if release:
            return self._commit(release, f"the release {release} is not in this clone")
        if idle := [path for path in shared if not self._git("ls-files", "--", path)]:
            raise NoHistory(f"SHARED names what does not exist (any more): {', '.join(idle)}")
        if self._git("status", "--porcelain", "--", *shared):
            return self._commit("HEAD", "")
        changed = self._git("log", "-1", "--format=%H", "--", *shared)
        return self._commit(
            f"{changed}~1", f"this clone does not reach back behind {changed[:7]}: git fetch --unshallow"
        )

    def unpack(self, commit: str, target: Path, parts: tuple[str, ...] = PARTS) -> None:
        """These parts of its tree."""
        done = self._run("archive", "--format=tar", commit, "--", *parts)
        if done.returncode:
            raise NoHistory(f"{commit[:7]} cannot be unpacked: {_said(done)}")
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tree:
            tree.extractall(target, filter="data")

    def _commit(self, name: str, otherwise: str) -> str:
        found = self._run("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        if found.returncode:
            raise NoHistory(f"{otherwise} ({_said(found)})" if _said(found) else otherwise)
        return found.stdout.decode().strip()

    def _git(self, *words: str, may_fail: bool = False) -> str:
        done = self._run(*words)
        if done.returncode and not may_fail:
            raise NoHistory(f"git {words[0]}: {_said(done)}")
        return "" if done.returncode else done.stdout.decode().strip()

    def _run(self, *words: str) -> "subprocess.CompletedProcess[bytes]":
        try:
            return subprocess.run(
                ["git", "-C", str(self._root), *words], capture_output=True, timeout=GIT_S, check=False
            )
        except OSError as error:
            raise NoHistory(f"the version before is taken from git's history: {error}") from error


def _said(done: "subprocess.CompletedProcess[bytes]") -> str:
    return done.stderr.decode(errors="replace").strip()


def unpacked(target: Path) -> str:
    """Put the version before this one there; returns its commit. The test fails where that cannot be done."""
    repository = Repository(ROOT)
    try:
        commit = repository.former(os.environ.get(NAMED_BY))
        repository.unpack(commit, target)
    except NoHistory as missing:
        pytest.fail(f"{missing}. Or name a commit: {NAMED_BY}=...", pytrace=False)
    return commit
