"""What is sealed is opened by the keys of the file at its own place, and by nothing else."""

from base64 import b64encode
from pathlib import Path

import pytest

from app.adapters.memory_seal import BadKeyFile, Seal, Unreadable, key_id
from tests.doubles.hand_clock import HandClock

KEYS = [bytes([number]) * 32 for number in range(3)]


def written(path: Path, *keys: bytes) -> Path:
    path.write_text("# newest first\n" + "".join(f"{b64encode(key).decode()}  # a key\n" for key in keys))
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return written(tmp_path / "keys", KEYS[0])


def test_what_is_sealed_cannot_be_read_and_is_opened_at_its_place(path: Path) -> None:
    seal = Seal(path)

    stored = seal.seal(b"a secret", "session", "acme", "s")

    assert b"secret" not in stored
    assert Seal(path).open(stored, "session", "acme", "s") == b"a secret"


def test_the_same_is_never_sealed_alike(path: Path) -> None:
    seal = Seal(path)

    assert seal.seal(b"yes", "s") != seal.seal(b"yes", "s")


@pytest.mark.parametrize(
    "place",
    [
        ("session", "globex", "s"),
        ("session", "acme", "t"),
        ("fact", "acme", "s"),
        ("session", "acm", "es"),
        ("session", "acme:s"),
        ("session", "acme", "s", ""),
    ],
)
def test_what_is_moved_to_another_place_is_not_opened(path: Path, place: tuple[str, ...]) -> None:
    stored = Seal(path).seal(b"a secret", "session", "acme", "s")

    with pytest.raises(Unreadable, match="another place"):
        Seal(path).open(stored, *place)


def test_what_was_changed_is_not_opened(path: Path) -> None:
    stored = bytearray(Seal(path).seal(b"a secret", "s"))
    stored[-1] ^= 1

    with pytest.raises(Unreadable):
        Seal(path).open(bytes(stored), "s")


def test_the_first_key_seals_and_all_of_them_open(path: Path) -> None:
    old = Seal(path).seal(b"old", "s")
    written(path, KEYS[1], KEYS[0])
    seal = Seal(path)

    new = seal.seal(b"new", "s")

    assert seal.open(old, "s") == b"old"
    written(path, KEYS[1])
    assert Seal(path).open(new, "s") == b"new"


def test_a_key_that_is_added_to_the_file_is_found_without_a_restart(path: Path) -> None:
    seal = Seal(path)
    other = Seal(written(path.parent / "other", KEYS[1])).seal(b"theirs", "s")
    with pytest.raises(Unreadable, match=f"key {key_id(KEYS[1]).hex()}, which is not in"):
        seal.open(other, "s")
    assert key_id(KEYS[1]).hex() in (seal.trouble() or "")

    written(path, KEYS[0], KEYS[1])

    assert seal.trouble() is None
    assert seal.open(other, "s") == b"theirs"


def test_without_a_file_nothing_is_sealed_and_what_is_sealed_is_not_taken_for_text(path: Path) -> None:
    stored, seal = Seal(path).seal(b"a secret", "s"), Seal()

    assert seal.seal(b"plain", "s") == b"plain"
    assert seal.open(b"plain", "s") == b"plain"
    with pytest.raises(Unreadable):
        seal.open(stored, "s")
    assert seal.trouble() is not None


def test_what_was_written_before_there_were_keys_is_still_read(path: Path) -> None:
    assert Seal(path).open(b'{"a":1}', "s") == b'{"a":1}'


@pytest.mark.parametrize("text", ["", "# none\n", "c2hvcnQ=\n", "no base64 at all!\n", "\xff"])
def test_a_file_without_usable_keys_is_refused(path: Path, text: str) -> None:
    path.write_text(text)

    with pytest.raises(BadKeyFile, match="PENSTOCK_MEMORY_KEYS_FILE"):
        Seal(path)


def test_a_file_that_goes_bad_is_told_and_its_keys_still_serve(path: Path) -> None:
    seal = Seal(path)
    stored = seal.seal(b"a secret", "s")

    path.unlink()

    assert "put the file back" in (seal.trouble() or "")
    assert seal.open(stored, "s") == b"a secret"


def test_a_key_that_nobody_needs_any_more_is_not_missed(path: Path) -> None:
    clock = HandClock()
    stored, seal = Seal(path).seal(b"a secret", "s"), Seal(now=clock.now)
    with pytest.raises(Unreadable):
        seal.open(stored, "s")
    assert seal.trouble() is not None

    clock.advance(61)

    assert seal.trouble() is None
