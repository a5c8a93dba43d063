"""Decides what an agent does next: call tools, hand off, or answer."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agents_defs.offline import findings
from agents_defs.offline.conversation import Conversation
from agents_defs.offline.schema_values import SchemaValues
from agents_defs.offline.sources import Source
from agents_defs.offline.sums import computed
from agents_defs.words import content_words, related, sentences, stem, stems, words

MAX_DONE = 6
"""So many calls for one request are enough: then answer with what there is."""
MAX_PARALLEL = 3
ALMOST_AS_GOOD = 0.85
NAME_WEIGHT = 3.0
TEXT_WEIGHT = 1.5
RELATED_WEIGHT = 0.8
HANDOFF_WEIGHT = 1.6
"""A specialist is told of in few words, a tool in many."""
EVIDENCE_WEIGHT = 0.5
"""Where the text holds the arguments that a tool needs."""
RARITY = 1.5
"""How much less a word weighs that fits several targets."""
RULES_WEIGHT = 1.5
"""For searching, where somebody asks how something is done."""
LEAST_TO_CALL = 1.0
LEAST_TO_HAND_OFF = 0.75
_HANDING = (
    r"(?:hand\s*(?:it\s+|this\s+|over\s+)?off|hand\s+over|transfer|pass\s+(?:it\s+)?on|delegate|escalate)"
)
_ASKS_FOR_RULES = re.compile(
    r"\b(how (do|does|can|could|should|to|long|often|many|much)|what (is|are) the|what if|why|explain|can i|"
    r"may i|is it possible|what happens|what should|do you (offer|have|take|accept|support)|cannot|can't|"
    r"unable|lost|doesn't|does not|won't)\b",
    re.IGNORECASE,
)
_LED_IN = re.compile(
    r"^(?:(?:then|finally|next|afterwards|always)\s+|"
    rf"(?:when|once|after|as soon as)\s+(?:you|that|this|it)\b[^,]*,\s*)?{_HANDING}\b",
    re.IGNORECASE,
)


_CHANGING = frozenset({"request", "cancel", "change", "delete", "remove"})
"""Tools whose names begin so do something: they are called where somebody says to."""
_COMMAND = r"(?:^|[.!;,]\s*|\b(?:please|kindly|to|you|and|then)\s+)(?:{words})\b"


@dataclass(frozen=True, slots=True)
class Target:
    """A tool or a hand-off, as the model is told of it."""

    name: str  # of the tool to call
    subject: str  # the name without "transfer_to_"
    text: str  # its description, and what the instructions say about it
    schema: Mapping[str, Any]
    is_handoff: bool


@dataclass(frozen=True, slots=True)
class Call:
    """What the model wants called."""

    name: str
    arguments: str  # JSON


@dataclass(frozen=True, slots=True)
class Scored:
    target: Target
    score: float
    arguments: tuple[Mapping[str, Any], ...]


def next_calls(
    conversation: Conversation, instructions: str, targets: Sequence[Target], tool_choice: str | None
) -> list[Call]:
    """The calls to make now; none where it is time to answer."""
    if tool_choice == "none" or not targets or len(conversation.done) >= MAX_DONE:
        return []
    told = [replace(target, text=f"{target.text} {_said_about(target, instructions)}") for target in targets]
    if tool_choice not in (None, "auto", "required"):
        return _forced(tool_choice, conversation, told)
    open_targets = [target for target in told if not (target.is_handoff and conversation.did(target.name))]
    scored = [one for target in open_targets if (one := _scored(target, conversation, told)) is not None]
    scored.sort(key=lambda one: -one.score)
    chosen = _chosen(scored, conversation, instructions)
    if not chosen and tool_choice == "required" and not conversation.own():
        chosen = scored[:1]
    return [Call(one.target.name, _json(arguments)) for one in chosen for arguments in one.arguments]


def _chosen(scored: Sequence[Scored], conversation: Conversation, instructions: str) -> list[Scored]:
    """What to do, of what can be done, the best first. An agent calls tools once and then goes on."""
    if not content_words(conversation.request):
        return []
    acted = bool(conversation.own())
    tools = [] if acted else [one for one in scored if not one.target.is_handoff]
    handoffs = [one for one in scored if one.target.is_handoff]
    fitting = [one for one in tools if one.score >= LEAST_TO_CALL]
    onward = next((one for one in handoffs if _is_pipeline(one.target, instructions)), None)
    if onward is not None:
        return (fitting or _last_resort(tools))[:1] or [onward]
    if acted:
        return []
    best = handoffs[0] if handoffs else None
    if (
        best is not None
        and best.score >= LEAST_TO_HAND_OFF
        and not (fitting and fitting[0].score > best.score)
    ):
        return [best]
    if fitting:
        chosen = [one for one in fitting[:2] if one.score >= fitting[0].score * ALMOST_AS_GOOD]
        rules = [one for one in tools if _is_search(one.target) and _asks_for_rules(conversation)]
        return chosen + [one for one in rules[:1] if one not in chosen]
    return [] if computed(conversation.request) else _last_resort(tools)[:1]


def _last_resort(tools: Sequence[Scored]) -> list[Scored]:
    """Tools that no word speaks for: those whose arguments the request names, then those that search."""
    searches = [one for one in tools if _is_search(one.target)]
    return [one for one in tools if _required(one.target) and one not in searches] + searches


def _scored(target: Target, conversation: Conversation, all_targets: Sequence[Target]) -> Scored | None:
    """How well a target fits the request; None for a tool that lacks arguments, or was called with them."""
    if not target.is_handoff and not _is_wanted(target, conversation.request):
        return None
    arguments = _argument_sets(target, conversation)
    if not target.is_handoff:
        called = {one.arguments for one in conversation.done if one.name == target.name}
        arguments = [one for one in arguments if _json(one) not in called]
        if not arguments:
            return None
    score = _likeness(target, conversation.request, all_targets)
    if target.is_handoff:
        score *= HANDOFF_WEIGHT
    elif _is_search(target):
        score += RULES_WEIGHT if _asks_for_rules(conversation) else 0.0
    elif score and _required(target):
        score += EVIDENCE_WEIGHT
    return Scored(target, score, tuple(arguments))


def _is_wanted(target: Target, request: str) -> bool:
    """Whether a tool that changes something is told to: "Refund order 7", not "Was order 7 refunded?"."""
    name = words(target.name)
    if not name or name[0] not in _CHANGING:
        return True
    commanded = _COMMAND.format(words="|".join(map(re.escape, name)))
    return not _asks_for_rules_in(request) and re.search(commanded, request, re.IGNORECASE) is not None


def _asks_for_rules(conversation: Conversation) -> bool:
    """Whether somebody wants to know how something is done, or is stuck with it."""
    return _asks_for_rules_in(conversation.request)


def _asks_for_rules_in(request: str) -> bool:
    return _ASKS_FOR_RULES.search(request) is not None


def _likeness(target: Target, request: str, all_targets: Sequence[Target]) -> float:
    """The weight of the words that request and target share. A word that fits many targets weighs little."""
    vocabularies = [set(stems(f"{one.subject} {one.text}")) for one in all_targets]
    spread = Counter(word for vocabulary in vocabularies for word in vocabulary)
    shared = Counter(word for one in all_targets for word in set(stems(one.subject)))
    named, told = set(stems(target.subject)), set(stems(f"{target.subject} {target.text}"))
    score = 0.0
    for word in stems(request):
        if word in named:
            score += NAME_WEIGHT / shared[word] ** RARITY
        elif word in told:
            score += TEXT_WEIGHT / spread[word] ** RARITY
        elif near := related(word) & told:
            score += RELATED_WEIGHT / min(spread[one] for one in near) ** RARITY
    return score


def _argument_sets(target: Target, conversation: Conversation) -> list[dict[str, Any]]:
    """The arguments of each call to make: several where the text enumerates what the tool takes one of."""
    request = conversation.request
    required = _required(target)
    if len(required) == 1 and required[0][1].get("type") in ("integer", "number"):
        found = findings.numbers_named(request, f"{required[0][0]} {target.subject}")
        if len(found) > 1:
            texts = [f"{required[0][0]} {_plain(number.value)}" for number in found[:MAX_PARALLEL]]
            return [made for text in texts if (made := SchemaValues(target.schema, Source(text)).arguments())]
    source = Source(request, conversation.earlier, telling=_errand(request) if target.is_handoff else None)
    made = SchemaValues(target.schema, source).arguments()
    return [] if made is None else [made]


def _errand(request: str) -> Any:
    """What the next agent is told."""
    wanted = (sentences(request) or ["a general question"])[0][:200]
    return lambda _: wanted


def _required(target: Target) -> list[tuple[str, Mapping[str, Any]]]:
    """The parameters that a call needs: not those that may be null or have a default."""
    properties = target.schema.get("properties", {})
    names = target.schema.get("required", ())
    nullable = ("anyOf", "oneOf", "default")
    return [
        (name, properties[name]) for name in names if not any(key in properties[name] for key in nullable)
    ]


def _is_search(target: Target) -> bool:
    """Whether a tool takes nothing but words to search for, so that it can be asked anything."""
    wanted = {"query", "search", "keywords", "question", "q", "terms", "topic"}
    required = _required(target)
    return not target.is_handoff and bool(required) and all(set(words(name)) & wanted for name, _ in required)


def _said_about(target: Target, instructions: str) -> str:
    """What the agent's instructions say in the lines that name the target."""
    name = {stem(word) for word in words(target.subject)}
    lines = [line for line in sentences(instructions) if name <= {stem(word) for word in words(line)}]
    return " ".join(re.sub(_HANDING, " ", line, flags=re.IGNORECASE) for line in lines)


def _is_pipeline(target: Target, instructions: str) -> bool:
    """Whether the instructions say to hand off to this agent in any case: "Then hand off to the writer"."""
    name = {stem(word) for word in words(target.subject)}
    return any(
        _LED_IN.match(line) and name <= {stem(word) for word in words(line)}
        for line in sentences(instructions)
    )


def _forced(name: str, conversation: Conversation, targets: Sequence[Target]) -> list[Call]:
    target = next((one for one in targets if one.name == name), None)
    if target is None or conversation.did(name):
        return []
    source = Source(conversation.request, conversation.earlier, telling=lambda _: conversation.request)
    sets = _argument_sets(target, conversation) or [SchemaValues(target.schema, source).answer() or {}]
    return [Call(name, _json(arguments)) for arguments in sets]


def _plain(value: float) -> str:
    return str(int(value)) if value == int(value) else str(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
