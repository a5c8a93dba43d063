"""Keys in words and as JSON, never with a secret in them. No I/O."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from rich.table import Table

from app.terminal.listing import listing
from schemas.keyring import KeyEntry
from schemas.times import format_at

HEADINGS = ("key", "state", "roles", "tenants", "algorithm", "created", "fingerprint")


def state(entry: KeyEntry, at: datetime) -> str:
    """Whether what it signs counts."""
    if entry.compromised:
        return "compromised"
    if entry.revoked_at is None:
        return "active"
    return f"{'active until' if at < entry.revoked_at else 'revoked'} {_moment(entry.revoked_at)}"


def table(entries: Iterable[KeyEntry], at: datetime) -> Table:
    """One row for each."""
    return listing(
        HEADINGS,
        (
            (
                entry.kid,
                state(entry, at),
                ", ".join(sorted(entry.roles)),
                tenants(entry),
                entry.algorithm,
                "-" if entry.created_at is None else _moment(entry.created_at),
                entry.fingerprint,
            )
            for entry in entries
        ),
    )


def document(entry: KeyEntry, at: datetime) -> dict[str, Any]:
    """What may be shown of it."""
    return {
        "kid": entry.kid,
        "algorithm": entry.algorithm,
        "active": entry.key().active(at),
        "roles": sorted(entry.roles),
        "tenants": list(entry.tenants),
        "created_at": None if entry.created_at is None else format_at(entry.created_at),
        "revoked_at": None if entry.revoked_at is None else format_at(entry.revoked_at),
        "compromised": entry.compromised,
        "fingerprint": entry.fingerprint,
    }


def tenants(entry: KeyEntry) -> str:
    """Whose records it may sign."""
    return "all" if "*" in entry.tenants else ", ".join(entry.tenants)


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%SZ}"
