"""Free text that others wrote (messages, stacks) made fit for UTF-8 records."""

from typing import Annotated, Any

from pydantic import BeforeValidator

STACK_LIMIT_BYTES = 8 * 1024
_CUT_MARK = "[... cut ...]\n"


def writable(text: str) -> str:
    """Half a surrogate pair, as a broken provider may send, has no UTF-8 form: it becomes U+FFFD."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= letter <= "\udfff" else letter for letter in text)
    return text


def writable_json(value: Any) -> Any:
    """The same for every string inside a JSON value."""
    if isinstance(value, str):
        return writable(value)
    if isinstance(value, dict):
        return {writable_json(key): writable_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [writable_json(item) for item in value]
    return value


def cut_stack(stack: str, limit_bytes: int = STACK_LIMIT_BYTES) -> str:
    """The end of a long stack trace: there stands what was raised."""
    encoded = writable(stack).encode()
    if len(encoded) <= limit_bytes:
        return encoded.decode()
    return _CUT_MARK + encoded[len(encoded) - limit_bytes + len(_CUT_MARK) :].decode(errors="ignore")


def _validate_prose(value: object) -> object:
    return writable(value) if isinstance(value, str) else value


def _validate_stack(value: object) -> object:
    return cut_stack(value) if isinstance(value, str) else value


Prose = Annotated[str, BeforeValidator(_validate_prose)]
Stack = Annotated[str, BeforeValidator(_validate_stack)]
