"""Finds SQL in what should be a value: quotes that are broken out of, and statements. The word "select" is none."""

from __future__ import annotations

import re
from urllib.parse import unquote

from agents_defs.guardrails.finding import Finding
from agents_defs.guardrails.pieces import first, replaced

_VALUE = r"(?:'[^']{0,60}'?|\"[^\"]{0,60}\"?|\(?\d+|true\b|null\b|[\w.]+\()"
_OPERATOR = r"(?:=|<>|!=|<=?|>=?|\blike\b|\bin\b|\bis\b|\bbetween\b|\bregexp\b|\brlike\b)"
_THING = r"(?:table|database|index|view|schema|user|function|procedure|column|role|trigger|login|sequence|extension)"
_PATTERNS = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        (
            "tautology",
            rf"(?:\b(?:or|and|xor|having|where)\b|\|\||&&)\s*(?:not\s+)?\(*\s*{_VALUE}\s*\)?\s*{_OPERATOR}\s*\(*\s*{_VALUE}",
        ),
        (
            "tautology",
            r"['\")]\s*(?:or|and|xor|\|\||&&)\s*(?:not\s+)?\(*\s*(?:true|false|1|0|not|exists|null)\b",
        ),
        (
            "tautology",
            r"['\"]\s*(?:or|and|xor)\s+['\"]?\w{0,40}['\"]?\s*(?:=|<|>|like\b|is\b|in\b|between\b)",
        ),
        ("tautology", r"['\"]\s*(?:=|<>|like|div|%|\^|&|\*|-)\s*['\"0]\s*(?:$|-|#|;|or\b)"),
        ("union", r"\bunion\b[\s(+]*(?:all|distinct)?[\s(+]*select\b"),
        (
            "statement",
            rf"\b(?:drop|alter|create|truncate)\s+(?:or\s+replace\s+)?(?:temporary\s+|unique\s+)?{_THING}\s+(?:if\s+(?:not\s+)?exists\s+)?[\w.\"`\[]+\s*(?:;|--|$|\(|/\*|#|add\b|drop\b|set\b|with\b|cascade\b|as\b|identified\b|superuser\b|rename\b|modify\b|,)",
        ),
        ("statement", r"[;'\")]\s*(?:drop|alter|truncate|create)\s+" + _THING + r"\b"),
        ("statement", r"[;'\")]\s*truncate\s+\w+"),
        (
            "statement",
            r"\bdelete\s+from\s+[\w.\"`\[\]]+\s*(?:;|--|$|where\b[^.]{0,80}(?:=|<|>|\bin\b|like)|#|/\*)",
        ),
        ("statement", r"[;'\")]\s*delete\s+from\b"),
        (
            "statement",
            r"\binsert\s+into\s+[\w.\"`\[\]]+\s*(?:\([^)]{1,200}\)\s*)?(?:values\s*\(|select\b|default\b|set\b)",
        ),
        ("statement", r"\bupdate\s+[\w.\"`\[\]]+\s+set\s+[\w.\"`\[\]]+\s*=\s*\S"),
        (
            "statement",
            r"[;'\"]\s*(?:exec(?:ute)?|call|declare|grant|revoke|copy|shutdown|merge\s+into|attach|vacuum|pragma|load\s+data|handler|prepare|rename\s+table|backup|restore|set\s+(?:@|global|role|password)|replace\s+into|begin|commit|rollback|use|kill|do\s+sleep|analyze|explain\s+select|show\s+(?:tables|databases)|with\s+\w+\s+as)\b[^;]{0,3}",
        ),
        (
            "statement",
            r"\b(?:grant|revoke)\s+(?:all|select|insert|update|delete|execute)\b.{0,60}\b(?:to|from|on)\s",
        ),
        ("statement", r"[;'\")]\s*\(?\s*select\b.{0,200}?(?:\bfrom\b|\(|@@|sleep|current_user|version)"),
        (
            "statement",
            r"\bselect\b\s*(?:\*|[\w.]+\s*,|[\w.]+\(|@@|distinct\s+\w+\s+from|top\s+\d|null|\d+\s*(?:,|--|;|from)|'[^']*'\s*(?:,|from)|case\b).{0,200}?(?:\bfrom\s+[\w.\"`\[]+|@@|--|;|\)|$)",
        ),
        (
            "statement",
            r"\bselect\s+[\w.]+\s+from\s+[\w.\"`\[\]]+\s+(?:where\s+[\w.]+\s*(?:=|<|>|like\b|in\s*\(|is\b)|limit\s+\d|order\s+by\s+\w+\s*(?:asc|desc|limit|;|--|$)|group\s+by)",
        ),
        ("statement", r"\bselect\s+[\w.]+\s+from\s+[\w.\"`\[\]]+\s*(?:;|--)|\(\s*select\s+\w+\s+from\b"),
        (
            "call",
            r"\b(?:pg_sleep|sleep|benchmark|load_file|xp_cmdshell|extractvalue|updatexml|utl_http\.\w+|dbms_\w+\.\w+|load_extension|lo_import|sp_executesql|group_concat|randomblob|current_setting|pg_read_file|sp_oacreate|xmltype|ctxsys\.\w+|make_set|elt|exp)\s*\(",
        ),
        (
            "call",
            r"\bwaitfor\s+(?:delay|time)\b|\bxp_cmdshell\b|\binto\s+(?:out|dump)file\b|\bprocedure\s+analyse\b",
        ),
        (
            "catalogue",
            r"\binformation_schema\b|\bsqlite_master\b|\bpg_catalog\b|\bsysobjects\b|\bsys\.(?:tables|databases|objects)\b|@@version\b|\ball_tables\b|\bmysql\.user\b|\bpg_shadow\b|\bpg_user\b",
        ),
        ("comment", r"(?:['\"]\)*|['\"]\)*\s*;?)\s*(?:--|#|/\*)\s*[-+]?\s*$"),
        ("comment", r"['\"]\s*\)*\s*;\s*(?:--|#|/\*|$)|\d\s*(?:;\s*--|--\s*[-+]?$|/\*.{0,40}$)|['\"]\s*/\*"),
        ("blind", r"(?:['\")]|\d)\s+(?:order|group)\s+by\s+\d+(?:\s*,|\s*--|\s*#|\s*$)"),
        (
            "blind",
            r"\b(?:if|iif)\s*\(.{1,60}(?:=|<|>).{1,60},|\bcase\s+when\b.{1,80}\bthen\b|\b(?:and|or)\s+(?:\(\s*select|exists\s*\(|(?:substr|substring|ascii|mid|length|char|ord|ascii|hex|unhex|cast|convert|concat|coalesce|count)\s*\()",
        ),
        (
            "breakout",
            r"['\"]\s*(?:\|\||\+)\s*(?:['\"(]|\w+\s*\()|\\['\"]\s*(?:or|and|union|;)|['\"]\s*\|\|\s*\w+",
        ),
        (
            "operator",
            r"[\"']?\$(?:ne|gt|gte|lt|lte|where|regex|in|nin|or|and|exists|expr|not|function|jsonschema|type|eq)[\"']?\s*\]?\s*(?::|=)",
        ),
        (
            "operator",
            r"'\s*;\s*return\b|'\s*\|\|\s*'|\bthis\.\w+\s*==?|;\s*var\s+\w+|\bdb\.\w+\.(?:drop|find|remove|delete\w*|update\w*|insert\w*)\s*\(",
        ),
    )
)
_COMMENT_AS_SPACE = re.compile(r"/\*[^*]{0,40}\*/|[+\t\r\n]+|/\*!\d*")
_CHAR_CALL = re.compile(r"\bcha?r\s*\(\s*(?:0x[0-9a-f]+|\d+)|0x[0-9a-f]{8,}")
_SYNTAX = re.compile(r"['\"();|]")
_WIDE = str.maketrans("＇’‘＂“”＝；", "'''\"\"\"=;")
_GAP = re.compile(r" {2,}")


def sql(text: str) -> list[Finding]:
    """What makes a value part of a statement."""
    plain = _undisguised(text)
    found = [
        Finding(f"sql_{kind}", 1.0, match.start(), match.end())
        for kind, pattern in _PATTERNS
        if (match := first(pattern, plain)) is not None
    ]
    if not found and first(_CHAR_CALL, plain) and _SYNTAX.search(plain):
        found.append(Finding("sql_call", 1.0, 0, len(text)))
    return found


def _undisguised(text: str) -> str:
    plain = text.lower()
    for _ in range(2):
        if "%" not in plain:
            break
        plain = unquote(plain)
    plain = replaced(_COMMENT_AS_SPACE, " ", plain.translate(_WIDE))
    return replaced(_GAP, " ", plain)
