"""The marker of a request: `A<attempt>.<token>:<sha>` admitted, `O...` decided, `D:<sha>` answered.

The token is written in digits, as the fraction of the attempt: so the version before, which only knows
`A<attempt>:<sha>` , takes all of these for admitted and counts the attempt up. Both may run in one group.
"""

from functools import lru_cache
from hashlib import blake2b

SHA_LETTERS = 32


@lru_cache(maxsize=8192)
def token_digits(token: str) -> str:
    """Of a length that a number read and written by Lua does not keep: what 0.1 wrote is nobody's."""
    if not token:
        return ""
    return f"{int.from_bytes(blake2b(token.encode('utf-8', 'surrogatepass'), digest_size=8).digest()):020d}"


def held_by(attempt: int, token: str) -> str:
    """What stands between the first letter and the sha, where this attempt holds the request."""
    digits = token_digits(token)
    return f"{attempt}.{digits}:" if digits else f"{attempt}:"
