"""Finds shell syntax in what should be a value: commands that are chained, substituted or redirected to."""

from __future__ import annotations

import re
from urllib.parse import unquote

from agents_defs.guardrails.finding import Finding

_CLEAR = (
    r"(?:/?(?:usr/)?(?:local/)?s?bin/)?(?:rm|curl|wget|nc|ncat|netcat|bash|sh|zsh|ksh|dash|csh|python[23]?|perl|ruby|php|node|whoami|uname|printenv|"
    r"chmod|chown|chgrp|killall|pkill|sudo|dd|mkfs(?:\.\w+)?|nslookup|dig|ssh|scp|sftp|xargs|reboot|poweroff|systemctl|crontab|useradd|usermod|adduser|"
    r"eval|powershell(?:\.exe)?|pwsh|cmd(?:\.exe)?|certutil|telnet|socat|openssl|awk|sed|docker|kubectl|mysql|psql|sqlite3|ifconfig|ipconfig|netstat|"
    r"tcpdump|nmap|iptables|insmod|modprobe|busybox|nohup|rsync|mkfifo|ls|pwd|cp|mv|ln|touch|tar|gzip|unzip|grep|egrep|bitsadmin|rundll32|regsvr32|"
    r"mshta|wscript|reg|schtasks|netsh|tasklist|taskkill|vssadmin|wmic|git|npm|npx|pip3?|apt(?:-get)?|yum|apk|brew|rmdir|mkdir|ps|df|du|strace|gdb|vim?|nano|del|"
    r"systeminfo|hostname|base64|xxd|hexdump|ping6|traceroute|mail|sendmail|printf|umount|shutdown|passwd|iex|iwr|invoke-\w+|start-process)"
)
_EVERYDAY = r"(?:cat|id|ip|net|kill|find|echo|ping|head|tail|more|less|sleep|date|sort|cut|env|tee|source|export|mount|exec|at|who|w|set|type|dir|copy|move|start|history|alias|watch|test|true|false|wait|read|halt|init|service|su|sync|split|join|file|strings|tr|wc|uptime|last|users|groups|host|man|time|yes|nice|top|ss|unset|jobs|trap|cd)"
_ARGUMENT = r"(?:\s+(?:-{1,2}\w|/|~|\.{1,2}/|\$|[\w.-]+\.(?:sh|txt|conf|cfg|env|log|py|php|pem|key|db|json|ini)\b|\*|['\"`|;&<>]|https?://|\d{1,3}(?:\.\d{1,3}){3}|-?\d+\s*(?:$|[;&|])|\w+\s*(?:\||>|&&|;\s*$|#\s*$))|\s*(?:$|[;|&`)><#]))"
_PATTERNS = tuple(
    (kind, re.compile(pattern, re.IGNORECASE | re.MULTILINE if kind != "option" else re.IGNORECASE))
    for kind, pattern in (
        ("substitution", r"\$\(|`[^`\n]{1,300}`|<\(|>\(\s*\w"),
        (
            "substitution",
            r"\$\{[\w!#@*?-]+(?:[:}/%#^,@\[-]|$)|\$ifs\b|\$'\\|\$\w+\$\w|\$@|\$\*|\$\[|%comspec%|%\w+:~|!\w+!",
        ),
        ("chain", rf"(?:&&|\|\|)\s*(?:{_CLEAR}|{_EVERYDAY}|[./~$]\S*)(?:\s|$|[;|&<>)\"'])"),
        (
            "chain",
            rf"(?:[;|\n\r]|(?<=[\w\s.'\")])&|^\s*&)\s*(?:\(|\{{|!|['\"])?\s*{_CLEAR}(?:\s+[-/~.$*'\"\w]|\s*$|\s*[;|&`)<>#$])",
        ),
        ("chain", rf"(?:[;|\n\r]|(?<=[\w\s.'\")])&|^\s*&)\s*(?:\(|\{{|!)?\s*{_EVERYDAY}{_ARGUMENT}"),
        ("chain", r"(?:[;|\n\r]|&)\s*(?:\.{0,2}/[\w.-]+(?:/[\w.-]+)*|~/\S+)(?:\s|$)"),
        (
            "redirect",
            r"(?:^|[\s\w])\d?>{1,2}\s*(?:/|~|\.{1,2}/|&\d|\$|\\\\|[\w-]+\.(?:sh|php|py|txt|conf|log|bashrc|jsp|bat|cmd|html?)\b)|&>\s*\S",
        ),
        ("redirect", r"<{1,3}\s*(?:/|~/|\$|\.\./)|<<-?\s*['\"]?[a-z_]+['\"]?\s*(?:\n|$)|/dev/(?:tcp|udp)/"),
        ("option", r"^\s*['\"]?-{1,2}[a-z@][\w-]*(?:[=:\s'\"]|$)"),
        (
            "option",
            r"\s--[a-z][\w-]{2,}=\S|\s-o\s?proxycommand|\s--(?:exec|eval|checkpoint-action|upload-pack|use-askpass|to-command|rsh|post-file|upload-file|config|output|load|command|import|require)\b|\s-(?:exec|rf|fr)\b",
        ),
        (
            "disguise",
            r"\{\w+,[^}\s]{1,80}\}|/\?{2,}|\\x[0-9a-f]{2}\\x|\b\w+\\\w+\\\w+\s+/|\b\w'{2}\w|\b\w\"{2}\w|\b[a-z]\\[a-z]+\s|'\w'\w+'\w'|\^\w\^",
        ),
        (
            "file",
            r"/etc/(?:passwd|shadow|hosts|sudoers)|~/\.(?:ssh|bash\w*|aws)|/bin/(?:ba|z|da)?sh\b|/proc/self|\brm\s+-\w*[rf]\w*\s|\.ssh/(?:authorized_keys|id_)|\bcmd(?:\.exe)?\s+/[ck]\b|\bpowershell(?:\.exe)?\s+-",
        ),
        ("control", r"\x00|\x1a"),
    )
)
_ENCODED = re.compile(r"%(?:0a|0d|3b|26|7c|60|24|20|00|3e|3c)", re.IGNORECASE)


def shell(text: str) -> list[Finding]:
    """What a shell would take for something else than a value."""
    plain = text
    for _ in range(2):
        if not _ENCODED.search(plain):
            break
        plain = unquote(plain)
    plain = plain.replace("\u2028", "\n").replace("\\n", "\n").replace("\x0b", "\n").translate(_WIDE)
    return [
        Finding(f"shell_{kind}", 1.0, match.start(), match.end())
        for kind, pattern in _PATTERNS
        if (match := pattern.search(plain)) is not None
    ]


_WIDE = str.maketrans("；｜＆＄（）｀＞＜", ";|&$()`><")
