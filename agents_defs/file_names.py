"""Names of files as a model may write them: relative, plain, in one spelling."""

from __future__ import annotations

import re
import unicodedata
from hashlib import sha256

EXTENSIONS = frozenset(
    {"txt", "md", "csv", "tsv", "json", "jsonl", "yaml", "yml", "xml", "html", "css", "log", "ini", "toml"}
)
MOST_PARTS = 8
LONGEST_PART = 120  # bytes: names of our own are added to it
_PLAIN_TENANT = re.compile(r"(?!x-)[a-z0-9][a-z0-9-]{0,39}")
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", *(f"{name}{number}" for name in ("com", "lpt") for number in range(10))}
)


class FileRefused(Exception):
    """What is not done with a file; the message says why, to whoever asked for it."""


def parts_of(path: str) -> tuple[str, ...]:
    """The folders and the name; none for the root itself. Raises FileRefused."""
    if path in {"", "."}:
        return ()
    if path.startswith(("/", "~")) or "\\" in path or re.match(r"[A-Za-z]:", path):
        raise FileRefused("name a file relative to the root, with / between folders")
    parts = tuple(path.removesuffix("/").split("/"))
    if len(parts) > MOST_PARTS:
        raise FileRefused(f"no more than {MOST_PARTS} folders deep")
    for part in parts:
        _check(part)
    return parts


def check_type(name: str) -> None:
    """Raises FileRefused for what is no text by its name."""
    extension = name.rpartition(".")[2].lower() if "." in name else ""
    if extension not in EXTENSIONS:
        raise FileRefused(f"only texts: {', '.join(sorted(EXTENSIONS))}")


def text_in(raw: bytes) -> str:
    """Raises FileRefused for what is no text by what it holds."""
    if b"\0" in raw:
        raise FileRefused("this is no text")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise FileRefused("this is no text in UTF-8") from None


def alike(name: str) -> str:
    """The same for names that people, and some file systems, take for one."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def room_name(tenant_id: str) -> str:
    """A tenant's own folder: ids may hold anything, names of folders may not."""
    if _PLAIN_TENANT.fullmatch(tenant_id):
        return tenant_id
    return f"x-{sha256(tenant_id.encode('utf-8', 'surrogatepass')).hexdigest()[:40]}"


def _check(part: str) -> None:
    if not part or part.startswith("."):
        raise FileRefused("names of files and folders do not begin with a dot, nor are they empty")
    if part[-1] in " ." or part[0] == " ":
        raise FileRefused("names of files do not begin with a space, nor end with a space or a dot")
    if any(unicodedata.category(letter)[0] == "C" or letter in ':*?"<>|' for letter in part):
        raise FileRefused('names of files hold no control characters, nor any of : * ? " < > |')
    if any(unicodedata.category(letter) in {"Zl", "Zp"} for letter in part):
        raise FileRefused("names of files are one line")
    if unicodedata.normalize("NFC", part) != part:
        raise FileRefused("write the name with composed letters (Unicode NFC)")
    if part.partition(".")[0].casefold() in _DEVICES:
        raise FileRefused("this is the name of a device")
    if len(part.encode()) > LONGEST_PART:
        raise FileRefused(f"a name is longer than {LONGEST_PART} bytes")
