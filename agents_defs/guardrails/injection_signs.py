"""What speaks for an injection, and how loudly: verbs and what they are aimed at, single phrases, typed-in marks.

The weights were set by hand and measured on `tests/guardrails/dev`. A text trips when those that stand close to
each other come to `ENOUGH`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

ENOUGH = 2.5


@dataclass(frozen=True, slots=True)
class Pair:
    """A verb and what it is aimed at, in one sentence. Names of meanings; `a|b` is either."""

    name: str
    weight: float
    verb: str
    aim: str
    near: tuple[str, ...] = ()  # all of them have to stand close by
    never: str = ""  # none of them between the two
    reach: int = 9  # words from the verb to its aim
    early: bool = False  # only among the first words of the text: what is "above" then is not the writer's


PAIRS = (
    Pair("override", 3.0, "ignore", "prompt|target", ("prior|yours|all|you|prompt",), "mine"),
    Pair("override_plain", 1.7, "ignore", "prompt|target", (), "mine"),
    Pair("override_said", 2.7, "ignore", "weak", ("prior", "all|you|told_you"), "mine|speaker"),
    Pair("override_told", 2.7, "ignore|pretend", "told_you", (), "mine|speaker"),
    Pair("override_user", 1.5, "ignore", "request_of", (), "mine"),
    Pair("void", 2.3, "void", "prompt|target", (), "mine"),
    Pair("void_prior", 1.0, "void", "prior|yours", (), "mine"),
    Pair(
        "reveal_own",
        2.6,
        "reveal",
        "prompt",
        ("yours|prior|prompt_own|you",),
        "mine|indefinite|speaker|purpose",
    ),
    Pair("reveal_prompt", 1.8, "reveal", "prompt", (), "mine|indefinite|speaker|purpose"),
    Pair("reveal_told", 2.6, "reveal", "told_you", (), "mine"),
    Pair("reveal_rules", 1.6, "reveal", "target|setup", ("yours",), "mine|indefinite|speaker|purpose"),
    Pair("reveal_hidden", 2.5, "reveal", "target|weak|setup", ("hidden",), "mine|indefinite|speaker"),
    Pair("reveal_above", 1.7, "reveal", "weak|target|all", ("above",), "mine|speaker", early=True),
    Pair("reveal_all_above", 1.0, "reveal", "all", ("above",), "mine|speaker", early=True),
    Pair("reveal_exactly", 1.2, "target|prompt|setup|above|told_you", "verbatim", (), "mine|speaker"),
    Pair("reveal_secret", 2.0, "reveal", "secretdata", (), "mine|indefinite|speaker"),
    Pair("reveal_others", 2.0, "reveal", "others", (), "mine"),
    Pair("disable", 1.9, "disable", "safety", (), "mine|machine"),
    Pair("disable_own", 0.9, "disable", "safety", ("yours|you",), "mine|machine"),
    Pair("exfiltrate", 2.0, "sendout", "loot", ("link",), "mine"),
    Pair("send_loot", 0.8, "sendout", "loot", (), "mine"),
    Pair("harm_compelled", 1.4, "norefuse|prefix", "harm", (), "", reach=22),
    Pair("act_unasked", 1.4, "act", "unasked", (), ""),
    Pair("decode_and_do", 2.6, "decode", "execute", (), "", reach=14),
    Pair("combine_and_do", 1.8, "combine", "execute", (), "", reach=14),
    Pair("harmful_story", 2.6, "story|role", "harm", ("howto",), "", reach=22),
    Pair("lawless_story", 1.0, "story|role", "free|safety|norefuse", (), "", reach=16),
    Pair("addressed_order", 1.5, "address", "ignore|mustyou|newtask|act|reveal|sendout", (), "", reach=12),
    Pair("secret_act", 1.2, "secrecy", "act|sendout|ignore|reveal", (), "", reach=14),
    Pair(
        "authority_order",
        1.6,
        "authority",
        "disable|free|mode|norefuse|secretdata|prompt|safety|others",
        (),
        "",
        reach=22,
    ),
    Pair("authority_wish", 0.6, "authority", "reveal|ignore", (), "", reach=22),
    Pair(
        "persistent_order",
        1.6,
        "persist",
        "target|task|authority|unasked|free|norefuse|secretdata|loot|safety|privilege|link|role|address",
        (),
        "mine",
        reach=16,
    ),
    Pair(
        "persistent_reveal", 0.8, "persist", "ignore|reveal|sendout|act|newtask|mustyou", (), "mine", reach=10
    ),
    Pair(
        "escalation",
        1.7,
        "escalate",
        "harm|prompt|secretdata|target|free|safety|norefuse|others|hidden|unasked",
        (),
        "mine",
        reach=18,
    ),
    Pair(
        "pressure",
        1.7,
        "pressure",
        "prompt|secretdata|free|safety|norefuse|target|others|unasked|disable|hidden|harm",
        (),
        "mine",
        reach=26,
    ),
    Pair(
        "completion",
        1.8,
        "complete",
        "prompt|free|secretdata|harm|prefix|norefuse|told_you",
        (),
        "",
        reach=16,
    ),
    Pair("privileged", 1.0, "authority|newtask|role|persist|mode", "privilege", (), "mine", reach=12),
    Pair("lawless_role", 1.2, "role|fromnow|mode", "free|norefuse", (), "", reach=20),
    Pair("role_without", 2.0, "role|fromnow|pretend", "target|safety", ("without",), "mine", reach=14),
    Pair("new_rules", 1.6, "newtask|fromnow", "target|task", ("yours|you",), "mine", reach=8),
    Pair("only_mine", 2.0, "only", "mine", ("target",), "", reach=6),
    Pair("obey_only", 1.4, "obey", "speaker|mine|me", (), "", reach=4),
)

PHRASES = {
    "role": 0.7, "free": 1.5, "fromnow": 0.4, "mode": 1.0, "norefuse": 1.5, "prefix": 0.8, "authority": 1.0,
    "secrecy": 1.3, "persist": 0.6, "escalate": 0.5, "pressure": 0.5, "privilege": 0.2, "newtask": 1.0, "address": 1.3, "told_you": 0.5, "prompt_own": 0.4, "hidden": 0.3,
    "verbatim": 0.4, "partly": 0.5, "unasked": 0.3, "void": 0.3, "obey": 0.6,
}  # fmt: skip
"""What counts by itself."""

OBFUSCATED = 1.2
"""What is added for orders that were hidden from readers."""
AGAIN = 0.7
"""What a second phrase of the same meaning adds."""
REPEATED = frozenset({"norefuse", "free", "authority", "secrecy", "newtask"})
ADDRESSING = frozenset(
    {"addressed", "vocative", "order_frame", "order_key", "comment_order", "hidden_comment"}
)
"""Marks that speak to whatever reads the text: what is ordered next to them counts as ordered."""
FOR_THEM = frozenset(
    ("me", "us", "debugging", "testing", "audit", "comparison", "verification", "transparency", "research")
)
"""`Your rules for returns` are asked for by everybody; `for me` tells nothing."""
ABOUT_SUCH_TEXTS = 0.25
"""What is left of a quotation in talk about prompts and attacks."""

MARKS = (
    ("chat_token", 2.3, re.compile(r"<\|?\s*/?(?:im_start|im_end|system|endoftext|eot_id|end_of_turn|start_of_turn|"
     r"start_header_id|end_header_id|begin_of_text|assistant|user|sys|inst)\s*\|?>|\[/?(?:inst|sys|system|assistant)\]|"
     r"<</?sys>>")),
    ("closed_frame", 1.3, re.compile(r"</(?:user_?\w*|document\w*|input|context|data|e?mail|system|instructions?|"
     r"query|question|tool_\w+|message|article|content|text|prompt|untrusted\w*)>")),
    ("system_frame", 1.3, re.compile(r"<(?:system\w*|assistant_\w+|ai_\w+|instructions?|admin|developer|override|"
     r"important|new_\w+|hidden\w*)\b[^>\n]{0,80}>")),
    ("system_line", 1.5, re.compile(r"(?:^|\n)[\s>#*\-=\[({\"]{0,12}(?:system|developer|admin|sysadmin|root)"
     r"(?:[ _](?:message|prompt|override|note|notice|update|alert|instructions?|command|log))?[\])}*\"]{0,3}\s*[:>\n]")),
    ("assistant_line", 1.0, re.compile(r"\n[\s>#*]{0,4}(?:assistant|ai|bot|model|chatgpt)\s*:")),
    ("system_fence", 1.8, re.compile(r"```\s*(?:system|instructions?|prompt|admin|override)\b")),
    ("role_field", 1.0, re.compile(r"[\"']role[\"']\s*:\s*[\"'](?:system|developer)[\"']")),
    ("system_bracket", 1.5, re.compile(r"[\[({<]{1,2}\s*(?:system|admin|developer|ai|assistant|important|hidden|"
     r"internal|instructions?|note|override)\b[^\])}>\n]{0,40}(?::|to the|for the|to ai|for ai|override|note|"
     r"instruction)")),
    ("end_of_frame", 1.6, re.compile(r"[-=#*<\[\"]{1,40}\s*(?:end|begin|start|stop)\s*(?:of)?\s*(?:the\s)?(?:user|system|"
     r"prompt|instructions?|input|document|context|message|new|data|email|text|conversation|article)\b")),
    ("system_notice", 1.4, re.compile(r"\b(?:system|admin|developer|security|emergency|maintenance) (?:override|notice|"
     r"message|alert|update|directive|instruction|command)s?\b[^.?!\n\"]{0,25}:")),
    ("order_frame", 2.5, re.compile(r"<\s*(?:assistant|ai|llm|system|agent|hidden|model|bot)[_ \-]?(?:instruction|note|command|prompt|"
     r"override|directive|task|order|message)s?\b[^>\n]{0,60}>")),
    ("vocative", 1.0, re.compile(r"(?:[.!?'\")>] |\n)(?:assistant|ai|chat ?bot|bot|llm|model|agent)s?, +(?:please |now |you |do |must )*[a-z]+")),
    ("addressed", 1.4, re.compile(r"\b(?:to|for|attention|note|notice|dear|hey|hello|hi)\s+(?:the |any |all |to |whichever |every )*(?:ai|llm|"
     r"language model|assistant|chat ?bot|bot|model|ai agent|agent|ki|ia)s?(?: [a-z]+){0,6}\s*[:,!]")),
    ("filled_link", 2.2, re.compile(r"https?://[^\s)\"']{1,200}?(?:\{|\$\{|%7b|<[a-z_ ]{2,40}>|\[[a-z_ ]{2,40}\]|"
     r"=(?:data|base64|secret|content|chat|history|prompt|conversation)\b|[?&][a-z_]{1,20}=(?=[\s)\"']|$))")),
    ("order_key", 1.0, re.compile(r"[\"'](?:ai_|agent_|assistant_|system_|llm_|hidden_)?(?:instructions?|directive|notes?|prompt|command|next_step|"
     r"next_action|required_action|action_required|override|message_to_\w+|note_to_\w+|for_\w+)[\"']\s*:\s*[\"'\[{]")),
    ("comment_order", 1.3, re.compile(r"(?:#|//|/\*+|--|<!--|%|;|\"\"\")\s*(?:ai|assistant|llm|copilot|note to|note for|todo for ai|todo\(ai|model|agent|"
     r"instructions? (?:to|for)|cursor|claude|chatgpt|reviewer bot|system)\b")),
    ("prefixed_answer", 1.7, re.compile(r"(?:begin|start|open|prefix|answer|reply|respon[ds]e?|output|say|with)\w*[^.\n]{0,30}[\"'“](?:sure|of course|"
     r"absolutely|certainly|yes, |ok, |okay, |here is|here's|as dan|i will|no problem|affirmative|understood|my (?:system|instructions|prompt))")),
    ("tool_name", 0.8, re.compile(r"\b(?:delete|drop|update|transfer|send|refund|grant|execute|exec|run|reset|export|issue|create|"
     r"disable|set|remove|wipe|cancel|approve|change|make|read|get|list|query)_[a-z_]{3,}\b|\bos\.system\b|\brm -rf\b|\bcurl \S+ ?\|")),
    ("remote_image", 1.2, re.compile(r"!\[[^\]\n]{0,100}\]\(https?://|<img[^>\n]{0,100}src")),
    ("hidden_comment", 1.0, re.compile(r"<!--|display:\s*none|white text|font-size:\s*0|visibility:\s*hidden|"
     r"color:\s*(?:white|#fff)")),
)  # fmt: skip
"""Marks that divide prompts: in what a user writes they pretend to be somebody else."""

NEEDED: Mapping[str, tuple[str, ...]] = {
    "chat_token": ("<", "["), "closed_frame": ("</",), "system_frame": ("<",), "order_frame": ("<",),
    "system_line": ("system", "dev", "admin", "root"), "assistant_line": ("\nassistant", "\nai", "\nbot", "\nmodel", "\n>", "\n#", "\n ", "\n*"),
    "system_fence": ("```",), "role_field": ("role",), "system_bracket": ("[", "(", "{", "<"),
    "end_of_frame": ("end", "begin", "start", "stop"), "system_notice": ("overrid", "notice", "message", "alert", "update", "directive", "instruction", "command"),
    "addressed": ("ai", "llm", "model", "assistant", "bot", "agent", "ki", "ia"), "vocative": ("ai", "llm", "model", "assistant", "bot", "agent"),
    "filled_link": ("http",), "remote_image": ("![", "<img"), "hidden_comment": ("<!--", "display", "white", "font-", "visib", "color"),
    "order_key": ("\":", "':", "\" :"), "comment_order": ("#", "//", "/*", "--", "%", ";", "\"\"\""),
    "prefixed_answer": ("\"", "'", "“"), "tool_name": ("_", "os.system", "rm -rf", "curl"),
}  # fmt: skip
"""What has to be in a text for a mark to be looked for: most texts hold little of it."""
WILLING = re.compile(
    r"(?:^|\n)[\s>*]{0,4}(?:assistant|ai|a|bot|answer|chatgpt|model)\s*\d*\s*:\s*(?:sure|of course|"
    r"absolutely|certainly|yes|ok|okay|here|done|no problem|happy to|gladly|first,|step 1|you (?:can|need|take))"
)
MANY_WILLING, MANY_WILLING_WEIGHT = 2, 1.6
TURNS = re.compile(
    r"(?:^|\n)[\s>*]{0,4}(?:user|human|q|question|customer|assistant|ai|a|bot|answer|me|you)\s*:"
)
MANY_TURNS, MANY_TURNS_WEIGHT = 6, 1.3
REPEATS = (
    ("many_turns", TURNS, MANY_TURNS, MANY_TURNS_WEIGHT),
    ("many_willing", WILLING, MANY_WILLING, MANY_WILLING_WEIGHT),
)
"""Talks that are written down with answers as somebody would like them."""
