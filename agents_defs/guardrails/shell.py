"""Finds shell syntax in what should be a value: commands, alone or chained, substituted or redirected to."""

from __future__ import annotations

import re
from functools import lru_cache
from html import unescape
from urllib.parse import unquote

from agents_defs.guardrails.finding import Finding
from agents_defs.guardrails.lexicon import read_words
from agents_defs.guardrails.pieces import first

_VARIABLE = (
    r"(?:HOME|USER|USERNAME|LOGNAME|PATH|PWD|OLDPWD|SHELL|RANDOM|HOSTNAME|IFS|UID|EUID|PPID|PS[14]|EDITOR|PAGER|MAIL|TERM|LANG|ENV|"
    r"BASH\w*|LD_\w+|DYLD_\w+|GIT_\w+|PYTHON\w+|PERL5\w+|NODE_\w+|RUBY\w+|[A-Z]\w*_(?:KEY|TOKEN|SECRET|PASSWORD|PASS|URL|PATH|HOME|DIR|OPTIONS|COMMAND|ENV|OPTS))"
)
_WINDOWS_VARIABLE = (
    r"%(?:comspec|path|pathext|temp|tmp|windir|systemroot|systemdrive|userprofile|username|userdomain|appdata|localappdata|programdata|"
    r"programfiles|public|allusersprofile|computername|homepath|homedrive|os|cd|random|errorlevel)(?:\([^)%]{1,9}\))?(?::[^%\n]{1,30})?%"
)
_FILE = r"(?:\.{0,2}/|~|\$|\\\\|[A-Za-z]:\\|[\w-]{1,60}\.[A-Za-z]{2,6}\b)"
_OPTIONS = (
    r"exec|execdir|eval|checkpoint-action|upload-pack|receive-pack|use-askpass|to-command|rsh|post-file|upload-file|config|output|output-file|"
    r"load|command|import|require|interpreter|init-file|rcfile|proxy|unix-socket|privileged|no-check-certificate|use-compress-program|delete|force"
)
_PATTERNS = tuple(
    (kind, re.compile(pattern, flags))
    for kind, flags, pattern in (
        ("substitution", 0, r"\$\(|`[^`\n]{1,300}`|<\(\s*[\w/]|>\(\s*\w"),
        (
            "substitution",
            re.IGNORECASE | re.MULTILINE,
            r"\$\{[\w!#@*?-]+(?:[:}/%#^,@\[-]|$)|\$ifs\b|\$['\"]\\|\$'[^\s']|\$\w+\$\w|\$@|\$\*|\$\[|%\w+:~|!\w+!|" + _WINDOWS_VARIABLE,
        ),
        ("variable", 0, rf"\${_VARIABLE}\b|\$env:\w|\$[a-z_]\w*/"),
        ("variable", re.MULTILINE, rf"(?:^|[;&|]\s*)(?:export\s+|set\s+|env\s+)?{_VARIABLE}=\S"),
        (
            "redirect",
            re.IGNORECASE,
            rf"(?:^|[\s\w'\"])\d?(?<![-=<])>{{1,2}}[|&]?\s*['\"]?(?:{_FILE}|&\d)|&>\s*\S|\s[12]>\s?[a-z&]|(?:^|\s)>\|\s?\w|^>[\w.-]+$",
        ),
        ("redirect", re.IGNORECASE, r"\S\s{1,3}>>\s?[\w.-]{1,60}\s*$|[a-z]>>[a-z]|/dev/(?:tcp|udp)/|<{3}\s*\S"),
        (
            "redirect",
            re.IGNORECASE | re.MULTILINE,
            r"<{1,2}\s*(?:/(?![a-z]\w*>)[a-z.]|~/|\$[a-z({]|\.\./)|\w\s+<\s?[\w-]{1,60}\.[a-z]{2,6}\b|<<-?\s*['\"]?[a-z_]+['\"]?\s*$",
        ),
        ("option", re.IGNORECASE, r"^\s*['\"]?-{1,2}[a-z@][\w-]*(?:[=:\s'\"/,]|$)"),
        (
            "option",
            re.IGNORECASE,
            rf"\s--[a-z][\w-]+=\S|\s-o\s?proxycommand|\s--(?:{_OPTIONS})\b|\s-(?:exec|rf|fr)\b|\s--?\s+-{{1,2}}[a-z]|\s-{{1,2}}\w[\w-]*[\s=](?:['\"@]?/|~/|\$|https?:|@\S)",
        ),
        ("option", re.IGNORECASE, r"^\S+(?:\s\S+)?\s--[a-z]{3}[\w-]*$"),
        (
            "disguise",
            re.IGNORECASE,
            r"\{\w+,[^}\s]{1,80}\}|(?:^|[\s;|&])/\w{0,9}[?*]\w{0,9}/|/\?{2,}|(?<![\w:\\])[a-z]{1,3}(?:\\[a-z]{1,2}){2,}(?![\w\\])|"
            r"\b\w+\\\w+\\\w+\s+/|\b\w'{2}\w|\b\w\"{2}\w|\b[a-z]\\[a-z]+\s|'\w'\w+'\w'|\"\w{1,2}\"\w{1,3}\"\w|\^\w\^|\w\^\w\^|base64\s+(?:-d|--decode|-D)\b|\bxxd\s+-r",
        ),
        (
            "file",
            re.IGNORECASE,
            r"/etc/(?:passwd|shadow|hosts|sudoers|cron)|~/\.(?:ssh|bash\w*|aws)|/bin/(?:ba|z|da)?sh\b|/proc/self|\brm\s+-\w*[rf]\w*\s|"
            r"\.ssh/(?:authorized_keys|id_)|\bcmd(?:\.exe)?\s+/[ck]\b|\bpowershell(?:\.exe)?\s+-|\bnew-object\s+(?:system\.)?net|"
            r"\[system\.\w|\bdownload(?:string|file)\(|:\(\)\s*\{|frombase64string",
        ),
        ("control", 0, r"\x00|\x1a"),
        ("chain", 0, r"[;&|]\s{0,3}(?:if|for|while|until|case)\s[^;\n]{1,120};\s*(?:then|do)\b|\A\S{1,100}\s?&\s*\Z|[;&|]\s{0,3}\.\s{1,3}\.?/|[;|&]\s{0,3}:\s{0,3}>"),
        ("cmdlet", re.IGNORECASE, r"(?:^|[;|&({\n])\s*(?:get|set|new|remove|stop|start|invoke|out|add|import|write|copy|move|rename|test|clear|restart|convertto|convertfrom|foreach|where|select|enter|register|disable|enable|unregister|expand|compress)-[a-z]{3,20}(?:\s+[-$'\"\w\\/.*{(]|\s*(?:$|[;|&)}]))"),
    )
)  # fmt: skip
_ENCODED = re.compile(r"%(?:0a|0d|3b|26|7c|60|24|20|00|3e|3c|25|5c|28|29|27|22)", re.IGNORECASE)
_ESCAPED = re.compile(r"\\(?:x|u00)([0-7][0-9a-f])|\\0?([0-7]{2,3})(?![0-9])", re.IGNORECASE)
_WIDE = str.maketrans("；｜＆＄（）｀＞＜", ";|&$()`><")
_LINES = str.maketrans("\u2028\u2029\x0b\x85\r", "\n\n\n\n\n")
_ANY_SIGN = re.compile(r"[^\w\s,.:()@]|\n|_|\.\.")
_SEPARATED = re.compile(r"(?P<sign>^|\|\||&&|[;|&\n])(?P<space>[ \t]*)(?P<rest>[^;|&\n]{0,200})")
_FIRST = re.compile(
    r"(?:[({!'\"\s]|then\s|do\s|else\s)*(?:[A-Z_a-z][A-Z0-9_a-z]*=\S*\s+)*(?P<place>(?:\.{0,2}|~)/(?:[\w.-]+/)*)?(?P<word>[\w.+-]+)"
    r"(?P<rest>.*)",
    re.DOTALL,
)
_ARGUMENT = re.compile(
    r"\s+(?:-{1,2}\w|\+\w|/|~|\.{1,2}(?:/|\s|$)|\$|\*|['\"`<>{(\[#:]|https?://|[a-z]:(?:\\|\s|$)|\d{1,3}(?:\.\d{1,3}){3}|-?\d+\s*(?:$|[)#])|"
    r"[\w.-]+\.(?:sh|txt|conf|cfg|env|log|py|php|pem|key|db|json|ini|exe|ps1|bat|c|zip|gz|sql|csv|html?)\b|\S+[@=:\\/]\S*|(?:[\w-]+\.)+[a-z]{2,}\b|hklm|hkcu)|"
    r"\s*[<>)#'\"`}]|\$",
    re.IGNORECASE,
)
_PROSE = re.compile(
    r"\b(?:the|is|are|was|were|to|and|or|of|for|with|in|it|its|me|my|your|please|be|will|not|that|this|you|we|i|he|she|they|has|have|on|by|from|course|book)\b",
    re.IGNORECASE,
)
_FIELD = re.compile(r"[\w -]{1,40}")
_SECOND_WORD = re.compile(r"\s*\S+\s+\S")
LONGEST_LIST = 400
_PUNCTUATION = re.compile(r"[('\"#<:\[]")
_CLEAR_ARGUMENT = re.compile(r"-[a-z]|-\d+$|/(?:\w|$)|~/|\.\./|\*|\$|https?://\S+$")
FEW_WORDS = 3


def shell(text: str) -> list[Finding]:
    """What a shell would take for something else than a value."""
    plain = _undisguised(text)
    found = [
        Finding(f"shell_{kind}", 1.0, match.start(), match.end())
        for kind, pattern in (_PATTERNS if _ANY_SIGN.search(plain) else ())
        if (match := first(pattern, plain)) is not None
    ]
    return found or _commands(plain)


def _undisguised(text: str) -> str:
    plain = text
    for _ in range(3):
        if not _ENCODED.search(plain):
            break
        plain = unquote(plain)
    if "&#" in plain:
        plain = unescape(plain)
    if "\\" in plain:
        plain = _ESCAPED.sub(lambda one: chr(int(one[1], 16) if one[1] else int(one[2], 8)), plain)
        plain = plain.replace("\\n", "\n")
    if not plain.isascii() or "\x0b" in plain or "\r" in plain:
        plain = plain.translate(_WIDE).translate(_LINES)
    return plain


def _commands(plain: str) -> list[Finding]:
    """Commands at the beginning, and behind what separates them."""
    listing = _is_list(plain)
    for match in _SEPARATED.finditer(plain):
        first = _FIRST.match(match["rest"])
        if first is not None and _commands_here(match, first, listing):
            return [
                Finding("shell_chain" if match["sign"] else "shell_command", 1.0, match.start(), match.end())
            ]
    return []


def _commands_here(match: re.Match[str], first: re.Match[str], listing: bool) -> bool:
    sign, word, rest = match["sign"], first["word"], first["rest"]
    if first["place"] and sign and sign != "\n":
        return not listing
    lower = word.lower().removesuffix(".exe").partition(".")[0]
    clear = lower in _words("clear")
    if word[-1] == "." or not (clear or lower in _words("everyday")):
        return False
    argued = bool(_ARGUMENT.match(rest))
    if not sign:
        return _opens(lower, word, rest, argued)
    if argued:
        return clear or word.islower() or sign in {"&&", "||"}
    before = (sign, not match["space"])
    if not rest.strip():
        return _stands_alone(lower, word, before, clear, listing)
    few = word.islower() and len(rest.split()) <= FEW_WORDS and not _PROSE.search(rest)
    return few and (clear or _follows(lower, match, before))


def _follows(lower: str, match: re.Match[str], before: tuple[str, bool]) -> bool:
    """An everyday word with few others behind a separator: a command where no sentence stands before it."""
    sign, tight = before
    said = lower in _words("says") and not _SECOND_WORD.match(match.string, 0, match.start())
    return said or (tight and sign != "\n") or sign in {"&&", "||"}


def _is_list(plain: str) -> bool:
    """`name; date; type`: words in columns."""
    fields = re.split(r"[;|\n]", plain) if len(plain) <= LONGEST_LIST else []
    return len(fields) > 2 and all(_FIELD.fullmatch(field) for field in fields)


def _stands_alone(lower: str, word: str, before: tuple[str, bool], clear: bool, listing: bool) -> bool:
    """A command without arguments, behind a separator."""
    sign, tight = before
    if clear or lower in _words("behind"):
        return not listing or lower in _words("alone")
    return word.islower() and not listing and (tight or sign in {"&&", "||"}) and sign != "\n"


def _opens(lower: str, word: str, rest: str, argued: bool) -> bool:
    """A command with which the value begins."""
    if lower in _words("alone") and word.islower():
        return argued or not rest.strip()
    first = (rest.split() or [""])[0]
    if argued and (lower in _words("clear") or lower in _words("never_opens_a_sentence")):
        return word.islower() and not _PUNCTUATION.match(first) and not (first.isdigit() and lower != "kill")
    if argued:
        return word.islower() and bool(_CLEAR_ARGUMENT.match(first))
    return (
        lower in _words("clear") and word.islower() and first in _words("takes") and not _PROSE.search(rest)
    )


@lru_cache(maxsize=8)
def _words(kind: str) -> frozenset[str]:
    return frozenset(read_words("commands")[kind])
