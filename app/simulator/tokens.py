"""A deterministic estimate of the tokens in a text, with no vocabulary to download."""

BYTES_PER_TOKEN = 4
TOKENS_PER_ITEM = 4
"""What wraps each message or tool result in the provider's own format."""
CACHE_FROM, CACHE_STEP = 1024, 128
"""A provider caches prompts from 1024 tokens, in steps of 128."""


def estimate(text: str | bytes) -> int:
    size = len(text) if isinstance(text, bytes) or text.isascii() else len(text.encode())
    return (size + BYTES_PER_TOKEN - 1) // BYTES_PER_TOKEN


def cached(prefix_tokens: int) -> int:
    """How much of a prompt's unchanged beginning comes from the provider's cache."""
    return prefix_tokens - prefix_tokens % CACHE_STEP if prefix_tokens >= CACHE_FROM else 0


def cut(text: str, tokens: int) -> str:
    """The longest beginning of `text` that is estimated at `tokens` or less."""
    return text.encode()[: max(0, tokens) * BYTES_PER_TOKEN].decode(errors="ignore")
