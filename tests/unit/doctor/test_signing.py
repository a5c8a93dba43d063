"""The doctor looks at keys and timestamps only where somebody has to sign."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.adapters import secret_files
from app.doctor import signing
from schemas.keyring import KeyEntry, KeyFile, Role, render_key_file
from streams.options import KafkaOptions, TrustOptions
from tests.doubles.memory_verifier import entry_of, signing_key

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
ALL_ROLES = entry_of(signing_key("all"), *Role)


def judged(path: Path, *entries: KeyEntry, commands: bool = True) -> tuple[str, str]:
    secret_files.replace(path, render_key_file(KeyFile(version=1, keys=entries)))
    (found,) = signing.keys(TrustOptions(True, commands, path), AT)
    return found.verdict, found.found


async def test_nothing_is_said_where_nobody_has_to_sign() -> None:
    assert await signing.examine(KafkaOptions("127.0.0.1:1"), TrustOptions(), AT) == []


def test_active_keys_are_counted(tmp_path: Path) -> None:
    old = entry_of(signing_key("old"), revoked_at=AT)

    assert judged(tmp_path / "keys", ALL_ROLES, old) == ("ok", "1 active of 2")


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        (entry_of(signing_key("a"), Role.PRODUCER), "no active key has the role approver or operator"),
        (entry_of(signing_key("a"), Role.APPROVER, Role.OPERATOR), "no active key has the role producer"),
        (entry_of(signing_key("a"), *Role, revoked_at=AT), "the role approver or operator or producer"),
    ],
)
def test_a_role_that_nobody_has_is_told(tmp_path: Path, entry: KeyEntry, found: str) -> None:
    verdict, said = judged(tmp_path / "keys", entry)

    assert verdict == "warn"
    assert found in said


def test_roles_of_commands_do_not_matter_where_acls_decide(tmp_path: Path) -> None:
    assert judged(tmp_path / "keys", entry_of(signing_key("a")), commands=False)[0] == "ok"


def test_a_file_that_cannot_be_used_is_a_failure(tmp_path: Path) -> None:
    (found,) = signing.keys(TrustOptions(True, True, tmp_path / "none"), AT)

    assert (found.verdict, "cannot be read" in found.found) == ("fail", True)


def test_timestamps_of_producers_are_told() -> None:
    assert [found.verdict for found in signing.stamps([])] == ["ok"]
    (found,) = signing.stamps(["agent.requests", "agent.control"])
    assert (found.verdict, found.found) == (
        "warn",
        "agent.requests and agent.control: they are the producers'",
    )
