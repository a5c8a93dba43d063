"""Finds names of files that lead out of the folder which they are meant to be in."""

from __future__ import annotations

import html
import re
import unicodedata
from urllib.parse import unquote

from agents_defs.guardrails.finding import Finding

_SLASHES = str.maketrans("\\\u2215\u2044\u29f8\u29f5\u2216\ufe68\uff0f\uff3c\u3002", "/////////.")
_OVERLONG = (
    ("%c0%af", "/"),
    ("%c0%ae", "."),
    ("%c1%9c", "/"),
    ("%e0%80%af", "/"),
    ("%e0%80%ae", "."),
    ("%c0%2f", "/"),
    ("%c0%5c", "/"),
    ("%c1%1c", "/"),
    ("%u2215", "/"),
    ("%u2216", "/"),
    ("%u002e", "."),
    ("%u002f", "/"),
    ("%uff0e", "."),
    ("%uff0f", "/"),
    ("%u005c", "/"),
)
_ESCAPED = re.compile(r"\\(?:u00|x)([2-7][0-9a-f])|0x(2e|2f|5c)")
_SCHEME = re.compile(
    r"^(?:url:)?[a-z][a-z0-9+.\-]*:/|^(?:file|data|javascript|vbscript|php|jar|smb|ftp|https?|gopher|dict|s3|gs|zip|blob|nfs|ssh|netdoc|expect|phar|view-source|ldap|tftp|unix|res|about|resource|chrome):"
)
_DRIVE = re.compile(r"^[a-z]:|/[a-z]:/")
_HOME = re.compile(r"^~[\w.+-]*(?:/|$)|/~(?:/|$)|\$(?:\{?[a-z_]\w*\}?|\()|%[a-z_()]{3,}%|`")
_DEVICE = re.compile(r"^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|clock\$|conin\$|conout\$)(?:[.:\s].*)?$")
_CONTROL = re.compile("[\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_DOTS = re.compile(r"\.{4,}/")


def path(text: str) -> list[Finding]:
    """Why a name does not stay below its folder."""
    plain, hidden = _undisguised(text)
    kind = _reason(plain)
    if kind is None and hidden and _reason(hidden) is not None:
        kind = "disguised"
    return [] if kind is None else [Finding(f"path_{kind}", 1.0, 0, len(text))]


def _reason(plain: str) -> str | None:
    if _CONTROL.search(plain):
        return "control_character"
    name = plain.strip().strip("'\"").strip()
    if name.startswith("/"):
        return "absolute"
    for kind, pattern in (("scheme", _SCHEME), ("drive", _DRIVE), ("home", _HOME)):
        if pattern.search(name):
            return kind
    if "::$" in name or _DOTS.search(name):
        return "disguised"
    return _leads_out(name)


def _leads_out(name: str) -> str | None:
    depth = 0
    for part in name.split("/"):
        step = part.split(";")[0].strip()
        if _DEVICE.match(step):
            return "device"
        if step in {"", "."}:
            continue
        depth += -1 if step == ".." else 1
        if depth < 0:
            return "climbs"
    return None


def _undisguised(text: str) -> tuple[str, str]:
    """The name as it is meant, and what is left when a filter that deletes `../` has been at it."""
    plain = text.lower()
    for _ in range(3):
        before = plain
        for overlong, meant in _OVERLONG:
            plain = plain.replace(overlong, meant)
        if "%" in plain:
            plain = unquote(plain)
        if "&" in plain:
            plain = html.unescape(plain)
        plain = _ESCAPED.sub(lambda one: chr(int(one[1] or one[2], 16)), plain)
        if plain == before:
            break
    plain = unicodedata.normalize("NFKC", plain.translate(_SLASHES)).translate(_SLASHES)
    return plain, plain.replace("../", "").replace("./", "") if "..." in plain or ".//" in plain else ""
