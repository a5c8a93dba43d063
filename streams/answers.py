"""Whose outcome a published record is, told by its headers alone, for the ledger of answered ids."""

from collections.abc import Iterable

from streams.flow import Answered, place_identity

REQUEST_HEADER = "request-id"
SHA_HEADER = "request-sha256"
PLACE_HEADER = "source-place"
GENERATION_HEADER = "generation"  # where it is not 0


def answered_by(
    key: bytes | None, headers: Iterable[tuple[str, bytes | None]], *, letter: bool
) -> Answered | None:
    """None for what is not ours, and for the dead letter of a failed request: its response tells."""
    named = {name: value or b"" for name, value in headers}
    try:
        sha256 = named[SHA_HEADER].decode()
        if letter:
            partition, _, offset = named[PLACE_HEADER].decode().partition(":")
            return Answered(*place_identity(int(partition), int(offset)), sha256)
        generation = int(named.get(GENERATION_HEADER, b"0"))
        return Answered((key or b"").decode(), named[REQUEST_HEADER].decode(), sha256, generation)
    except (KeyError, ValueError):
        return None
