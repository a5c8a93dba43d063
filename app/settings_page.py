"""The settings as a page: name, default, meaning, from the fields of app/settings.py."""

from typing import Any, get_args

from pydantic.fields import FieldInfo

from app.settings import Settings, variable

HEAD = """\
# Settings

From the environment or a file `.env` in the working directory; flags of a command override both. An
empty variable counts as not set. `penstock config` shows what is in force, and where it comes from.
A worker that cannot start says why in one line.

| setting | default | what it is |
|---|---|---|"""


def page() -> str:
    """All settings."""
    rows = [row(name, field) for name, field in Settings.model_fields.items()]
    return "\n".join([HEAD, *rows])


def row(name: str, field: FieldInfo) -> str:
    """One setting."""
    meaning = " ".join((field.description or "").split())
    choices = choices_of(field.annotation)
    if choices:
        meaning = f"{' or '.join(f'`{choice}`' for choice in choices)}. {meaning}"
    return f"| `{variable(name)}` | {shown(field.default)} | {meaning.replace('|', '/')} |"


def shown(default: object) -> str:
    """A default as it would be written into the environment."""
    if default is None:
        return "none"
    if isinstance(default, bool):
        default = str(default).lower()
    if isinstance(default, float) and default.is_integer():
        default = int(default)
    return f"`{default}`"


def choices_of(annotation: Any) -> list[str]:
    """The words that a setting may be, where they are counted."""
    arguments = get_args(annotation)
    return list(arguments) if arguments and all(isinstance(word, str) for word in arguments) else []
