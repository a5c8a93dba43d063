"""Finds credentials that could be used: vendors' keys, private keys, passwords in settings and connection strings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from agents_defs.guardrails.finding import Finding
from agents_defs.guardrails.pieces import each, first

Needed = tuple[tuple[str, ...], ...]
Begins = Callable[[re.Pattern[str], str, str], Iterator[re.Match[str]]]
VARIETY = 5  # different characters that a credential has at least
_PLACEHOLDER = re.compile(
    r"x{4,}|\*{3,}|\.{3}|…|<|>|\$\{|\{\{|\$\(|%\(|example|placeholder|changeme|change_me|change-me|replace|redacted|your[_\- ]?|"
    r"dummy|insert|todo|fixme|sample|foobar|hidden|omitted|masked|secret-?here|key-?here|token-?here|12345678|abcdefgh|"
    r"^(?:password|passwort|passwd|secret|token|pass|pwd|user|username|none|null|true|false|undefined|string|env|prompt|admin|test|root|guest)\d?$|0{8,}|"
    r"^\$\w+$|^%\w+%$|^process\.env|^os\.environ|^env\.|^vault[:.]|^arn:|^ref\+|^\{|^\[|^!|^var\.|^secrets?\.|^config\.|^settings\.|^self\.",
    re.IGNORECASE,
)
_RARE = "_-:/$."
_KEYS = tuple(
    (kind, tuple((sign, next(filter(_RARE.__contains__, sign), "")) for sign in signs.split()), re.compile(pattern))
    for kind, signs, pattern in (
        ("aws_key", "AKIA ASIA ABIA ACCA", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b"),
        ("google_key", "AIza", r"\bAIza[\w-]{33,37}"),
        ("google_secret", "GOCSPX-", r"\bGOCSPX-[\w-]{20,}"),
        ("google_secret", "ya29.", r"\bya29\.[\w-]{20,}"),
        ("google_secret", "1//0", r"\b1//0[\w-]{30,}"),
        ("github_token", "ghp_ gho_ ghu_ ghs_ ghr_", r"\bgh[pousr]_[A-Za-z0-9]{30,}"),
        ("github_token", "github_pat_", r"\bgithub_pat_\w{40,}"),
        ("gitlab_token", "glpat- glptt- gldt- glrt- glcbt- glft- glsoat- glimt- glagent- gloas-", r"\bgl(?:pat|ptt|dt|rt|cbt|ft|soat|imt|agent|oas)-[\w-]{18,}"),
        ("npm_token", "npm_", r"\bnpm_[A-Za-z0-9]{30,}"),
        ("pypi_token", "pypi-AgE", r"\bpypi-AgE[\w-]{40,}"),
        ("docker_token", "dckr_", r"\bdckr_(?:pat|oat)_[\w-]{20,}"),
        ("cloud_token", "dop_v1_ doo_v1_ dor_v1_", r"\bdo[opr]_v1_[a-f0-9]{40,}"),
        ("cloud_token", "dapi", r"\bdapi[a-f0-9]{32}"),
        ("cloud_token", "hvs.", r"\bhvs\.[\w-]{20,}"),
        ("cloud_token", "hvb.", r"\bhvb\.[\w-]{20,}"),
        ("cloud_token", "scw", r"\bscw[\w-]{30,}"),
        ("cloud_token", "v1.0-", r"\bv1\.0-[a-f0-9]{20,}-[a-f0-9]{40,}"),
        ("model_key", "sk-", r"\bsk-(?:ant-|proj-|svcacct-|or-v1-|admin-|live-)?[\w-]{18,}"),
        ("model_key", "hf_", r"\bhf_[A-Za-z0-9]{25,}"),
        ("model_key", "gsk_", r"\bgsk_[A-Za-z0-9]{30,}"),
        ("model_key", "r8_", r"\br8_[A-Za-z0-9]{30,}"),
        ("model_key", "pplx-", r"\bpplx-[A-Za-z0-9]{30,}"),
        ("model_key", "xai-", r"\bxai-[A-Za-z0-9]{40,}"),
        ("model_key", "nvapi-", r"\bnvapi-[\w-]{40,}"),
        ("chat_token", "xox", r"\bxox[abeoprs]-[\w-]{10,}"),
        ("chat_token", "xapp-", r"\bxapp-\d-[\w-]{20,}"),
        ("chat_token", ":A", r"\b\d{8,10}:A[\w-]{32,}"),
        ("chat_token", "M N O", r"[MNO](?<!\w.)[\w-]{22,28}\.[\w-]{6,7}\.[\w-]{25,}"),
        ("webhook", "hooks.slack.com/", r"hooks\.slack\.com/(?:services|workflows)/[\w/]{20,}"),
        ("webhook", "discord", r"discord(?:app)?\.com/api/webhooks/\d{10,}/[\w-]{30,}"),
        ("webhook", "webhook.office.com/webhookb2/", r"webhook\.office\.com/webhookb2/[\w@/-]{30,}"),
        ("payment_key", "_live_", r"\b(?:sk|rk|pk)_live_[A-Za-z0-9]{16,}"),
        ("payment_key", "_test_", r"\b(?:sk|rk)_test_[A-Za-z0-9]{16,}"),
        ("payment_key", "whsec_", r"\bwhsec_[A-Za-z0-9+/=]{20,}"),
        ("payment_key", "sq0", r"\bsq0(?:atp|csp|idp)-[\w-]{20,}"),
        ("payment_key", "EAAA", r"\bEAAA[\w-]{50,}"),
        ("payment_key", "access_token$production$", r"\baccess_token\$production\$\w+\$\w+"),
        ("mail_key", "SG.", r"\bSG\.[\w-]{16,}\.[\w-]{30,}"),
        ("mail_key", "key-", r"\bkey-[a-f0-9]{32}\b"),
        ("mail_key", "xkeysib-", r"\bxkeysib-[a-f0-9]{40,}"),
        ("mail_key", "re_", r"\bre_[A-Za-z0-9]{8,}_[A-Za-z0-9]{20,}"),
        ("mail_key", "-us", r"\b[a-f0-9]{32}-us\d{1,2}\b"),
        ("telephony_key", "SK", r"\bSK[a-f0-9]{32}\b"),
        ("shop_token", "shpat_ shpca_ shppa_ shpss_", r"\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{30,}"),
        ("service_token", "ATATT3", r"\bATATT3[\w=-]{30,}"),
        ("service_token", "ATCTT3", r"\bATCTT3[\w=-]{30,}"),
        ("service_token", "lin_api_", r"\blin_api_\w{30,}"),
        ("service_token", "ntn_ secret_", r"\b(?:ntn|secret)_[A-Za-z0-9]{40,}"),
        ("service_token", "glc_", r"\bglc_[\w=+/]{30,}"),
        ("service_token", "glsa_", r"\bglsa_\w{30,}"),
        ("service_token", "dp.", r"\bdp\.(?:pt|st|ct|sa)\.[\w.-]{30,}"),
        ("service_token", "NRAK-", r"\bNRAK-[A-Z0-9]{20,}"),
        ("service_token", "sntrys_", r"\bsntrys_[\w=+/-]{30,}"),
        ("service_token", "phc_", r"\bphc_\w{30,}"),
        ("service_token", "PMAK-", r"\bPMAK-[\w-]{40,}"),
        ("service_token", "figd_", r"\bfigd_[\w-]{30,}"),
        ("service_token", "pat", r"\bpat[A-Za-z0-9]{14}\.[a-f0-9]{40,}"),
        ("service_token", "secret-token:", r"\bsecret-token:[\w%-]{10,}"),
        ("service_token", "API-", r"\bAPI-[A-Z0-9]{25,}\b"),
        ("service_token", "tskey-", r"\btskey-[\w-]{20,}"),
        ("service_token", "eyJrIjoi", r"\beyJrIjoi[\w=]{40,}"),
        ("service_token", "cio", r"\bcio[a-zA-Z0-9]{32}\b"),
        ("service_token", "oy2", r"\boy2[a-z0-9]{43}\b"),
        ("service_token", "rubygems_", r"\brubygems_[a-f0-9]{40,}"),
        ("service_token", "sbp_", r"\bsbp_[a-f0-9]{30,}"),
        ("service_token", "flo1_ flyo1_", r"\bfly?o1_[\w-]{30,}"),
        ("service_token", "pscale_", r"\bpscale_(?:pw|tkn|oauth)_[\w.-]{30,}"),
        ("service_token", "crateio cratesio", r"\bcrates?io[\w]{30,}"),
        ("service_token", "vercel_", r"\bvercel_[\w]{20,}"),
        ("service_token", "pul-", r"\bpul-[a-f0-9]{40}"),
        ("age_key", "AGE-SECRET-KEY-1", r"\bAGE-SECRET-KEY-1[A-Z0-9]{40,}"),
        ("age_key", "PuTTY-User-Key-File-", r"\bPuTTY-User-Key-File-\d"),
        ("private_key", "PRIVATE", r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:\\n|\\r|\s|[A-Za-z-]+: [^\n]{1,80})*[A-Za-z0-9+/=]{12,}"),
        ("json_web_token", "eyJ", r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{10,}"),
    )
)  # fmt: skip
"""What a key is, signs of which one has to be in the text for it to be looked for, and how it is written."""
_NAMES = (
    r"pass(?:w(?:or)?d|word|wort|phrase|code)?|pwd|secret|token|api[_\-. ]?key|apikey|access[_\-. ]?key(?:[_-]?id)?|private[_\-. ]?key|auth|authtoken|"
    r"credentials?|account[_-]?key|storage[_-]?key|shared[_-]?access[_-]?key|signing[_-]?key|encryption[_-]?key|client[_-]?secret|kennwort|passwort|contraseña|"
    r"mot[ _]de[ _]passe|senha|bearer|webhook[_-]?secret|master[_-]?key|secret[_-]?key|pat|jwt|psk|wpa[_-]?key|wifi[_-]?key|pin|cookie|session(?:[_-]?id)?|key"
)
_ASSIGNED = re.compile(
    rf"(?<![A-Za-z0-9])(?P<name>[\w.\-]{{0,40}}?(?:{_NAMES}))(?:\[\d\])?[\"'`]?\s*(?:=>|:=|={{1,2}}|:|,\s*value\s*[=:])\s*[\"'`]?(?P<value>[^\s\"'`,;&<>|]{{4,300}})",
    re.IGNORECASE,
)
_ASSIGNS = re.compile("[=:]")
_NAMES_END = (
    "pass", "wd", "word", "wort", "phrase", "code", "secret", "token", "key", "id", "auth", "credential", "credentials",
    "contraseña", "passe", "senha", "bearer", "pat", "jwt", "psk", "pin", "cookie", "session",
)  # fmt: skip
_STARTS = re.compile(r"[\w.\-](?<![A-Za-z0-9].)", re.DOTALL)
NAME, WORDS = 64, 3
"""Characters before such a sign in which the name stands, and words that a name has at most."""
_SAID = re.compile(
    r"\b(?:password|passwort|kennwort|passphrase|pwd|pass|token|api[ -]?key|secret|pin|contraseña|mot de passe|senha|wachtwoord|hasło|login data|credentials?)\b"
    r"(?:\s+(?:for|of|to|für|zum|von)\s+[\w\s@.-]{1,40}?)?\s*(?:is|was|are|ist|lautet|est|es|is now|=|:)\s+[\"'`“„]?(?P<value>[^\s\"'`“”,;]{6,200})",
    re.IGNORECASE,
)
_ADDRESS = re.compile(
    r"\b[a-z][a-z0-9+.\-]{1,30}://(?P<user>[^\s:/@\"'<>]{0,80}):(?P<value>[^\s/\"'<>]{3,200})@(?=[\w\[.-])",
    re.IGNORECASE,
)
_PARAMETER = re.compile(
    r"[?&;](?P<name>password|passwd|pwd|pass|token|access_token|auth_token|api_?key|apikey|key|sig|signature|secret|client_secret|X-Amz-Signature|code)=(?P<value>[^\s&\"'<>#]{6,300})",
    re.IGNORECASE,
)
_HEADER = re.compile(
    r"(?:authorization|x-api-key|x-auth-token|private-token|api-key|cookie|proxy-authorization)[\"']?\s*[:=]\s*[\"']?(?:(?P<scheme>bearer|basic|token|digest|apikey)\s+)?(?P<value>[\w.~+/=\-:%]{8,400})",
    re.IGNORECASE,
)
_BEARER = re.compile(r"\bbearer\s+(?P<value>[\w.~+/=-]{20,400})", re.IGNORECASE)
_NETRC = re.compile(
    r"\b(?:machine|login)\s+\S+\s+(?:login\s+\S+\s+)?password\s+(?P<value>\S{4,100})|(?:-u|--user)[ =][\"']?[\w.@-]+:(?P<curl>[^\s\"']{4,100})|(?:--password|-p)[ =](?P<option>[^\s\"'-][^\s\"']{5,100})|\bsshpass\s+-p\s*[\"']?(?P<ssh>[^\s\"']{4,100})",
    re.IGNORECASE,
)
_UNCLEAR = frozenset(
    {
        "key",
        "auth",
        "session",
        "session_id",
        "session-id",
        "cookie",
        "pin",
        "pass",
        "code",
        "token",
        "secret",
        "pat",
    }
)
_PUBLIC = re.compile(
    r"public|pub_?key|hash|digest|sha\d|md5|fingerprint|checksum|commit|etag|uuid|trace|publish|foreign|primary|sort|partition|hot|cache|idempot|shift|keyboard|count|limit|usage|length|expir|max|min|type|name|url|uri|policy|reset",
    re.IGNORECASE,
)
_UUID = re.compile(r"^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$", re.IGNORECASE)


def secrets(text: str) -> list[Finding]:
    """Each credential in a text, with its place. Placeholders, hashes and public keys are none."""
    found = list(_found(text))
    return sorted(found, key=lambda one: (one.start, one.end))


def _found(text: str) -> Iterator[Finding]:
    lower = _lowered(text)
    for kind, pattern in _keys_told(text):
        begins = _FAR_REACHING.get(kind)
        for match in each(pattern, text) if begins is None else begins(pattern, text, lower):
            if _varied(match.group(), kind):
                yield Finding(kind, 1.0, match.start(), match.end())
    for pattern, kind, judge, needed, begins in _SETTINGS:
        if not all(any(sign in lower for sign in signs) for signs in needed):
            continue
        for match in each(pattern, text) if begins is None else begins(pattern, text, lower):
            groups = match.groupdict()
            name = next((key for key in ("value", "curl", "option", "ssh") if groups.get(key)), None)
            if name is not None and judge(groups.get("name") or "", groups[name].rstrip(".,)]}!?")):
                yield Finding(kind, 0.9, match.start(name), match.end(name))


def _lowered(text: str) -> str:
    """In which all places are those of the text."""
    lower = text.lower()
    if len(lower) == len(text):
        return lower
    return "".join(one.lower() if len(one.lower()) == 1 else one for one in text)


def _keys_told(text: str) -> Iterator[tuple[str, re.Pattern[str]]]:
    rare = {"", *filter(text.__contains__, _RARE)}  # most signs have one of these, and most texts few
    for kind, signs, pattern in _KEYS:
        for sign, has in signs:
            if has in rare and sign in text:
                yield kind, pattern
                break


def _beginning(words: str) -> Begins:
    """As `pattern.finditer(text)` for a pattern that begins with one of these; only there it is tried."""
    there = re.compile(words)

    def found(pattern: re.Pattern[str], text: str, lower: str) -> Iterator[re.Match[str]]:
        begins = first(there, lower)
        while begins is not None:
            match = pattern.match(text, begins.start())
            if match is not None:
                yield match
            begins = first(there, lower, match.end() if match else begins.start() + 1)

    return found


_FAR_REACHING = {"private_key": _beginning("-----begin "), "json_web_token": _beginning("eyj")}
"""Those whose end may be thousands of characters behind what they are known by."""


def _name_before(before: str) -> int | None:
    """Where a name may begin that ends as those of `_NAMES`, but for what `_ASSIGNED` lets stand behind it."""
    name = before.rstrip()
    if name.endswith("value"):
        name = name[:-5].rstrip().removesuffix(",").rstrip()
    name = name[:-1] if name[-1:] in {'"', "'", "`"} else name
    if not (name.endswith(_NAMES_END) or name[-1:] == "]"):
        return None
    parts = name.rsplit(None, WORDS)
    return len(parts[0]) if len(parts) > WORDS else 0


def _assignments(pattern: re.Pattern[str], text: str, lower: str) -> Iterator[re.Match[str]]:
    """Only tried where a sign stands that assigns, and a name may stand before it."""
    tried = 0
    for sign in _ASSIGNS.finditer(text):
        at = sign.start()
        from_place = max(0, at - NAME)
        begin = _name_before(lower[from_place:at])
        if at <= tried or begin is None:
            continue
        begin = max(tried, from_place + begin)
        tried = at
        for start in _STARTS.finditer(text, begin, at):
            match = pattern.match(text, start.start())
            if match is not None:
                yield match
                tried = match.end()
                break


def _varied(value: str, kind: str) -> bool:
    return kind == "private_key" or (len(set(value[4:])) > VARIETY and not _PLACEHOLDER.search(value))


def _assigned(name: str, value: str) -> bool:
    if _PUBLIC.search(name) or not _usable(value):
        return False
    short = re.split(r"[.\s]", name.lower())[-1]
    if short in _UNCLEAR:
        return len(value) >= 12 and _mixed(value) and not _UUID.match(value)
    return (len(value) >= 6 and (_mixed(value) or _marked(value))) or len(value) >= 20


def _said(_name: str, value: str) -> bool:
    return _usable(value) and (_mixed(value) or _marked(value))


def _in_address(_name: str, value: str) -> bool:
    return _usable(value) and len(value) >= 4 and not value.isdigit()


def _in_header(_name: str, value: str) -> bool:
    return _usable(value) and len(value) >= 12 and _mixed(value)


def _given(_name: str, value: str) -> bool:
    return _usable(value) and (_mixed(value) or _marked(value))


def _usable(value: str) -> bool:
    return (
        len(set(value)) >= min(VARIETY, len(value) - 1)
        and not _PLACEHOLDER.search(value)
        and "://" not in value
        and "(" not in value
    )


def _mixed(value: str) -> bool:
    """Letters and digits, as passwords have and words have not."""
    return (
        any(char.isdigit() for char in value)
        and any(char.isalpha() for char in value)
        and not re.fullmatch(
            r"[A-Za-z]{1,4}[-_]?\d{1,5}|\d+[A-Za-z]{1,3}|v?\d+(?:\.\d+)+\w*|\d{4}-\d\d-\d\d(?:T.*)?", value
        )
    )


def _marked(value: str) -> bool:
    """Signs inside of a word, or letters of both cases in no order."""
    return bool(re.search(r"[!#%^*?+~$@]\w|\w[!#%^*?+~$@]\w", value)) or bool(
        re.search(r"[a-z][A-Z]\w*[a-z][A-Z]", value)
    )


_NAMED = (
    "pass", "pwd", "secret", "token", "key", "auth", "credential", "kennwort", "contraseña", "senha", "bearer", "psk",
    "pin", "cookie", "session", "jwt", "pat",
)  # fmt: skip
_SPOKEN = (
    "pass", "pwd", "kennwort", "token", "key", "secret", "pin", "contraseña", "senha", "wachtwoord", "hasło",
    "login data", "credential",
)  # fmt: skip
_HEADERS = ("authorization", "x-api-key", "x-auth-token", "private-token", "api-key", "cookie")
_OPTIONS = ("-p ", "-p=", "-u ", "-u=", "--user ", "--user=", "password", "sshpass")
_SETTINGS: tuple[tuple[re.Pattern[str], str, Callable[[str, str], bool], Needed, Begins | None], ...] = (
    (_ASSIGNED, "assigned_secret", _assigned, (("=", ":"), _NAMED), _assignments),
    (_SAID, "told_secret", _said, (_SPOKEN,), _beginning("|".join((*_SPOKEN, "api", "mot de passe")))),
    (_ADDRESS, "connection_string", _in_address, (("://",), ("@",)), None),
    (_PARAMETER, "parameter", _in_header, (("=",), ("?", "&", ";")), None),
    (_HEADER, "header", _in_header, (_HEADERS,), _beginning("|".join(("proxy-", *_HEADERS)))),
    (_BEARER, "header", _in_header, (("bearer",),), _beginning("bearer")),
    (
        _NETRC,
        "command_line",
        _given,
        (_OPTIONS,),
        _beginning("machine|login|-u|-p|--user|--password|sshpass"),
    ),
)
"""Each with signs of which, of every row, one has to be in the text for it to be looked for, and how it is then."""
