"""Keys come from a file, which is looked at once a second at most and read again when it changed."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from app.adapters import secret_files
from app.adapters.file_verifier import FileVerifier
from schemas.keyring import Algorithm, BadKeys, KeyEntry, KeyFile, render_key_file
from schemas.signatures import BadSignature
from streams.flow import Record
from streams.observations import KeysRead, KeysUnread
from tests.doubles.hand_clock import HandClock
from tests.doubles.memory_verifier import entry_of, signed, signing_key
from tests.doubles.observed import Observed
from tests.doubles.requests import record

FIRST, SECOND = signing_key("acme-1"), signing_key("acme-2", Algorithm.HS256)
NOW = 1.01


class Scene:
    """A verifier and its file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = HandClock()
        self.observed = Observed()
        self.verifier = FileVerifier(path, self.clock, self.observed)

    def write(self, *entries: KeyEntry) -> None:
        secret_files.replace(self.path, render_key_file(KeyFile(version=1, keys=entries)))

    def believes(self, written: Record) -> str:
        """The kid, or why not."""
        try:
            return self.verifier.signer(written, self.clock.at()).kid
        except BadSignature as error:
            return str(error)

    def by(self, key: object) -> Record:
        return signed(record(0), key, self.clock.at())  # type: ignore[arg-type]  # one of the two above


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    made = Scene(tmp_path / "keys.json")
    made.write(entry_of(FIRST))
    made.verifier.load()
    return made


def test_a_key_of_the_file_is_believed(scene: Scene) -> None:
    assert scene.believes(scene.by(FIRST)) == "acme-1"
    assert scene.observed.of(KeysRead) == [KeysRead(keys=1, active=1)]


def test_two_keys_are_active_while_one_follows_the_other(scene: Scene) -> None:
    scene.write(entry_of(FIRST), entry_of(SECOND))
    scene.clock.advance(NOW)

    assert [scene.believes(scene.by(key)) for key in (FIRST, SECOND)] == ["acme-1", "acme-2"]

    scene.write(entry_of(FIRST, revoked_at=scene.clock.at()), entry_of(SECOND))
    scene.clock.advance(NOW)

    assert "was revoked" in scene.believes(scene.by(FIRST))
    assert scene.believes(scene.by(SECOND)) == "acme-2"
    assert scene.observed.of(KeysRead)[-1] == KeysRead(keys=2, active=1)


def test_a_change_is_seen_after_a_second(scene: Scene) -> None:
    scene.write(entry_of(SECOND))

    scene.clock.advance(0.99)
    before = scene.believes(scene.by(FIRST))
    scene.clock.advance(0.02)
    after = scene.believes(scene.by(FIRST))

    assert before == "acme-1"
    assert after == "the key acme-1 is not known here"


def test_the_file_is_not_looked_at_for_every_record(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[Path] = []
    identity = secret_files.identity

    def look(path: Path) -> secret_files.Identity | None:
        looks.append(path)
        return identity(path)

    monkeypatch.setattr(secret_files, "identity", look)
    written = scene.by(FIRST)

    for _ in range(100):
        scene.clock.advance(0.025)
        scene.verifier.signer(written, scene.clock.at())

    assert len(looks) == 2
    assert len(scene.observed.of(KeysRead)) == 1


@pytest.mark.parametrize("content", [b"", b"{", b'{"version": 1, "keys": [{}]}'])
def test_a_file_that_cannot_be_used_changes_nothing(scene: Scene, content: bytes) -> None:
    secret_files.replace(scene.path, content)

    scene.clock.advance(NOW)
    told = [scene.believes(scene.by(FIRST))]
    scene.clock.advance(NOW)
    told.append(scene.believes(scene.by(FIRST)))

    assert told == ["acme-1", "acme-1"]
    (unread,) = scene.observed.of(KeysUnread)
    assert str(scene.path) in unread.reason


def test_a_file_that_is_gone_changes_nothing_and_may_come_back(scene: Scene) -> None:
    scene.path.unlink()
    scene.clock.advance(NOW)
    gone = scene.believes(scene.by(FIRST))
    scene.write(entry_of(SECOND))
    scene.clock.advance(NOW)

    assert gone == "acme-1"
    assert scene.believes(scene.by(SECOND)) == "acme-2"
    assert len(scene.observed.of(KeysUnread)) == 1


def test_a_mended_file_is_used(scene: Scene) -> None:
    secret_files.replace(scene.path, b"{")
    scene.clock.advance(NOW)
    scene.believes(scene.by(FIRST))

    scene.write(entry_of(FIRST), entry_of(SECOND))
    scene.clock.advance(NOW)

    assert scene.believes(scene.by(SECOND)) == "acme-2"


def test_rights_that_were_mended_are_seen_too(scene: Scene) -> None:
    scene.write(entry_of(FIRST), entry_of(SECOND))
    scene.path.chmod(0o644)
    scene.clock.advance(NOW)
    refused = scene.believes(scene.by(SECOND))

    scene.path.chmod(0o600)
    scene.clock.advance(NOW)

    assert refused == "the key acme-2 is not known here"
    assert scene.believes(scene.by(SECOND)) == "acme-2"


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "cannot be read: No such file"), (b"{", "it is no JSON"), (b'{"version": 3}', "version")],
)
def test_a_file_that_cannot_be_used_at_the_start_is_an_error(
    tmp_path: Path, content: bytes | None, says: str
) -> None:
    scene = Scene(tmp_path / "keys.json")
    if content is not None:
        secret_files.create(scene.path, content)

    with pytest.raises(BadKeys) as told:
        scene.verifier.load()

    assert str(scene.path) in str(told.value)
    assert says in str(told.value)


@pytest.mark.parametrize(
    ("mode", "says"), [(0o644, "everybody may read it"), (0o660, "may be written by others")]
)
def test_secrets_that_others_can_read_or_write_are_not_used(tmp_path: Path, mode: int, says: str) -> None:
    scene = Scene(tmp_path / "keys.json")
    scene.write(entry_of(SECOND))
    scene.path.chmod(mode)

    with pytest.raises(BadKeys, match=says):
        scene.verifier.load()


def test_public_keys_may_be_read_by_everybody(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "keys.json")
    scene.write(entry_of(FIRST))
    scene.path.chmod(0o644)

    scene.verifier.load()

    assert scene.believes(scene.by(FIRST)) == "acme-1"


def test_a_record_is_judged_from_when_the_broker_wrote_it(scene: Scene) -> None:
    """It stood in the log for two days: it was good when it was written."""
    written = scene.by(FIRST)
    at_ms = round(scene.clock.at().timestamp() * 1000)
    scene.clock.advance(2 * 86_400)

    by_broker = replace(written, timestamp_ms=at_ms + 500, stamped=True)
    by_producer = replace(written, timestamp_ms=at_ms + 500, stamped=False)

    assert scene.believes(by_broker) == "acme-1"
    assert "held for 24 hours" in scene.believes(by_producer)


def test_what_is_written_anew_a_day_later_is_refused_whatever_it_says(scene: Scene) -> None:
    written = scene.by(FIRST)
    later_ms = round(scene.clock.at().timestamp() * 1000) + 86_400_001

    replayed = replace(written, timestamp_ms=later_ms, stamped=True)

    assert "held for 24 hours" in scene.believes(replayed)


def test_a_key_that_is_retired_counts_for_what_was_written_before(scene: Scene) -> None:
    written = scene.by(FIRST)
    at_ms = round(scene.clock.at().timestamp() * 1000)
    scene.clock.advance(3600)
    scene.write(entry_of(FIRST, revoked_at=scene.clock.at()))
    scene.clock.advance(NOW)

    assert scene.believes(replace(written, timestamp_ms=at_ms, stamped=True)) == "acme-1"
    assert "was revoked" in scene.believes(written)


def test_nothing_is_written_over(tmp_path: Path) -> None:
    secret_files.create(tmp_path / "key", b"first")

    with pytest.raises(FileExistsError):
        secret_files.create(tmp_path / "key", b"second")
    assert (tmp_path / "key").read_bytes() == b"first"
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


def test_a_link_stays_one_when_its_file_is_replaced(tmp_path: Path) -> None:
    secret_files.create(tmp_path / "real", b"old")
    (tmp_path / "link").symlink_to("real")

    secret_files.replace(tmp_path / "link", b"new")

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"
    assert os.stat(tmp_path / "real").st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "real"]


@pytest.mark.parametrize(("before", "after"), [(0o640, 0o640), (0o600, 0o600), (0o664, 0o644)])
def test_who_may_read_a_file_stays_as_it_was(tmp_path: Path, before: int, after: int) -> None:
    """A worker of another user reads it by its group; nobody else may write it."""
    path = tmp_path / "keys.json"
    secret_files.replace(path, b"old")
    first = path.stat().st_mode & 0o777
    path.chmod(before)

    secret_files.replace(path, b"new")

    assert (first, path.stat().st_mode & 0o777, path.read_bytes()) == (0o600, after, b"new")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_file_of_another_user_stays_his(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    secret_files.replace(path, b"old")
    os.chown(path, 1234, 1235)

    secret_files.replace(path, b"new")

    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 1235)
