"""Finds credentials that could be used: vendors' keys, private keys, passwords in settings and connection strings."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agents_defs.guardrails.finding import Finding

VARIETY = 5  # different characters that a credential has at least
_PLACEHOLDER = re.compile(
    r"x{4,}|\*{3,}|\.{3}|…|<|>|\$\{|\{\{|\$\(|%\(|example|placeholder|changeme|change_me|change-me|replace|redacted|your[_\- ]?|"
    r"dummy|insert|todo|fixme|sample|foobar|hidden|omitted|masked|secret-?here|key-?here|token-?here|12345678|abcdefgh|"
    r"^(?:password|passwort|passwd|secret|token|pass|pwd|user|username|none|null|true|false|undefined|string|env|prompt|admin|test|root|guest)\d?$|0{8,}|"
    r"^\$\w+$|^%\w+%$|^process\.env|^os\.environ|^env\.|^vault[:.]|^arn:|^ref\+|^\{|^\[|^!|^var\.|^secrets?\.|^config\.|^settings\.|^self\.",
    re.IGNORECASE,
)
_KEYS = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        ("aws_key", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b"),
        ("google_key", r"\bAIza[\w-]{33,37}"),
        ("google_secret", r"\bGOCSPX-[\w-]{20,}|\bya29\.[\w-]{20,}|\b1//0[\w-]{30,}"),
        ("github_token", r"\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_\w{40,}"),
        ("gitlab_token", r"\bgl(?:pat|ptt|dt|rt|cbt|ft|soat|imt|agent|oas)-[\w-]{18,}"),
        ("npm_token", r"\bnpm_[A-Za-z0-9]{30,}"),
        ("pypi_token", r"\bpypi-AgE[\w-]{40,}"),
        ("docker_token", r"\bdckr_(?:pat|oat)_[\w-]{20,}"),
        (
            "cloud_token",
            r"\bdo[opr]_v1_[a-f0-9]{40,}|\bdapi[a-f0-9]{32}|\bhvs\.[\w-]{20,}|\bhvb\.[\w-]{20,}|\bscw[\w-]{30,}|\bv1\.0-[a-f0-9]{20,}-[a-f0-9]{40,}",
        ),
        (
            "model_key",
            r"\bsk-(?:ant-|proj-|svcacct-|or-v1-|admin-|live-)?[\w-]{18,}|\bhf_[A-Za-z0-9]{25,}|\bgsk_[A-Za-z0-9]{30,}|\br8_[A-Za-z0-9]{30,}|\bpplx-[A-Za-z0-9]{30,}|\bxai-[A-Za-z0-9]{40,}|\bnvapi-[\w-]{40,}",
        ),
        (
            "chat_token",
            r"\bxox[abeoprs]-[\w-]{10,}|\bxapp-\d-[\w-]{20,}|\b\d{8,10}:A[\w-]{32,}|\b[MNO][\w-]{22,28}\.[\w-]{6,7}\.[\w-]{25,}",
        ),
        (
            "webhook",
            r"hooks\.slack\.com/(?:services|workflows)/[\w/]{20,}|discord(?:app)?\.com/api/webhooks/\d{10,}/[\w-]{30,}|webhook\.office\.com/webhookb2/[\w@/-]{30,}",
        ),
        (
            "payment_key",
            r"\b(?:sk|rk|pk)_live_[A-Za-z0-9]{16,}|\b(?:sk|rk)_test_[A-Za-z0-9]{16,}|\bwhsec_[A-Za-z0-9+/=]{20,}|\bsq0(?:atp|csp|idp)-[\w-]{20,}|\bEAAA[\w-]{50,}|\baccess_token\$production\$\w+\$\w+",
        ),
        (
            "mail_key",
            r"\bSG\.[\w-]{16,}\.[\w-]{30,}|\bkey-[a-f0-9]{32}\b|\bxkeysib-[a-f0-9]{40,}|\bre_[A-Za-z0-9]{8,}_[A-Za-z0-9]{20,}|\b[a-f0-9]{32}-us\d{1,2}\b",
        ),
        ("telephony_key", r"\bSK[a-f0-9]{32}\b"),
        ("shop_token", r"\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{30,}"),
        (
            "service_token",
            r"\bATATT3[\w=-]{30,}|\bATCTT3[\w=-]{30,}|\blin_api_\w{30,}|\b(?:ntn|secret)_[A-Za-z0-9]{40,}|\bglc_[\w=+/]{30,}|\bglsa_\w{30,}|\bdp\.(?:pt|st|ct|sa)\.[\w.-]{30,}|\bNRAK-[A-Z0-9]{20,}|\bsntrys_[\w=+/-]{30,}|\bphc_\w{30,}|\bPMAK-[\w-]{40,}|\bfigd_[\w-]{30,}|\bpat[A-Za-z0-9]{14}\.[a-f0-9]{40,}|\bsecret-token:[\w%-]{10,}|\bAPI-[A-Z0-9]{25,}\b|\btskey-[\w-]{20,}|\beyJrIjoi[\w=]{40,}|\bcio[a-zA-Z0-9]{32}\b|\boy2[a-z0-9]{43}\b|\brubygems_[a-f0-9]{40,}|\bsbp_[a-f0-9]{30,}|\bfly?o1_[\w-]{30,}|\bpscale_(?:pw|tkn|oauth)_[\w.-]{30,}|\bcrates?io[\w]{30,}|\bvercel_[\w]{20,}|\bpul-[a-f0-9]{40}",
        ),
        ("age_key", r"\bAGE-SECRET-KEY-1[A-Z0-9]{40,}|\bPuTTY-User-Key-File-\d"),
        (
            "private_key",
            r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:\\n|\\r|\s|[A-Za-z-]+: [^\n]{1,80})*[A-Za-z0-9+/=]{12,}",
        ),
        ("json_web_token", r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{10,}"),
    )
)
_NAMES = (
    r"pass(?:w(?:or)?d|word|wort|phrase|code)?|pwd|secret|token|api[_\-. ]?key|apikey|access[_\-. ]?key(?:[_-]?id)?|private[_\-. ]?key|auth|authtoken|"
    r"credentials?|account[_-]?key|storage[_-]?key|shared[_-]?access[_-]?key|signing[_-]?key|encryption[_-]?key|client[_-]?secret|kennwort|passwort|contraseña|"
    r"mot[ _]de[ _]passe|senha|bearer|webhook[_-]?secret|master[_-]?key|secret[_-]?key|pat|jwt|psk|wpa[_-]?key|wifi[_-]?key|pin|cookie|session(?:[_-]?id)?|key"
)
_ASSIGNED = re.compile(
    rf"(?<![A-Za-z0-9])(?P<name>[\w.\-]{{0,40}}?(?:{_NAMES}))(?:\[\d\])?[\"'`]?\s*(?:=>|:=|={{1,2}}|:|,\s*value\s*[=:])\s*[\"'`]?(?P<value>[^\s\"'`,;&<>|]{{4,300}})",
    re.IGNORECASE,
)
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


_SIGNS = (
    "AKIA",
    "ASIA",
    "ABIA",
    "ACCA",
    "AIza",
    "GOCSPX",
    "ya29.",
    "1//0",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat",
    "glptt",
    "gldt",
    "glrt",
    "glcbt",
    "glft",
    "glsoat",
    "glimt",
    "glagent",
    "gloas",
    "npm_",
    "pypi-",
    "dckr_",
    "dop_v1",
    "doo_v1",
    "dapi",
    "hvs.",
    "hvb.",
    "scw",
    "v1.0",
    "sk-",
    "hf_",
    "gsk_",
    "r8_",
    "pplx-",
    "xai-",
    "nvapi-",
    "xox",
    "xapp-",
    ":A",
    "hooks.slack",
    "discord",
    "webhook.office",
    "_live_",
    "_test_",
    "whsec_",
    "sq0",
    "EAAA",
    "access_token$",
    "SG.",
    "key-",
    "xkeysib",
    "re_",
    "-us",
    "SK",
    "shp",
    "ATATT",
    "ATCTT",
    "lin_api",
    "ntn_",
    "secret_",
    "glc_",
    "glsa_",
    "dp.",
    "NRAK",
    "sntrys_",
    "phc_",
    "PMAK",
    "figd_",
    "secret-token",
    "API-",
    "tskey",
    "eyJ",
    "cio",
    "oy2",
    "rubygems_",
    "sbp_",
    "fo1_",
    "flyo1_",
    "pscale_",
    "crat",
    "vercel_",
    "pul-",
    "AGE-SECRET",
    "PuTTY",
    "PRIVATE",
    "N",
    "O",
)
_NAMED = (
    "pass",
    "pwd",
    "secret",
    "token",
    "key",
    "auth",
    "credential",
    "kennwort",
    "contraseña",
    "senha",
    "bearer",
    "psk",
    "pin",
    "cookie",
    "session",
    "jwt",
    "pat",
    "wachtwoord",
    "hasło",
    "wort",
    "login",
    "://",
    "-p",
    "--user",
    "-u",
    "sig",
    "code",
)


def _found(text: str) -> Iterator[Finding]:
    lower = text.lower()
    for kind, pattern in _KEYS if any(sign in text for sign in _SIGNS) else ():
        for match in pattern.finditer(text):
            if _varied(match.group(), kind):
                yield Finding(kind, 1.0, match.start(), match.end())
    for pattern, kind, judge in _SETTINGS:
        if not any(name in lower for name in _NAMED):
            return
        for match in pattern.finditer(text):
            groups = match.groupdict()
            name = next((key for key in ("value", "curl", "option", "ssh") if groups.get(key)), None)
            if name is not None and judge(groups.get("name") or "", groups[name].rstrip(".,)]}!?")):
                yield Finding(kind, 0.9, match.start(name), match.end(name))


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


_SETTINGS = (
    (_ASSIGNED, "assigned_secret", _assigned),
    (_SAID, "told_secret", _said),
    (_ADDRESS, "connection_string", _in_address),
    (_PARAMETER, "parameter", _in_header),
    (_HEADER, "header", _in_header),
    (_BEARER, "header", _in_header),
    (_NETRC, "command_line", _given),
)
