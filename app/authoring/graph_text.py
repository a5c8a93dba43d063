"""Draws a graph of agents: as a tree, for Mermaid, for Graphviz."""

import json
from collections.abc import Iterator, Sequence

from agents_defs.authoring.drawing import AgentCard, ToolCard
from app.terminal.screen import harmless

Edge = tuple[str, str, str]  # from, to, what it says


def as_tree(cards: Sequence[AgentCard]) -> str:
    """Each agent whole where it is reached first; after that its name only."""
    known, shown = {card.name: card for card in cards}, set[str]()

    def branches(card: AgentCard) -> Iterator[str]:
        if card.name in shown:
            return
        shown.add(card.name)
        inner = [(_tool_text(tool), known.get(tool.agent or "")) for tool in card.tools]
        verb = "asks" if card.is_flow else "hands off to"
        inner += [(f"{verb} {name}{_back(name)}", known.get(name)) for name in card.handoffs]
        inner += [(f"guardrail {name}", None) for name in (*card.input_guardrails, *card.output_guardrails)]
        for number, (text, below) in enumerate(inner):
            last = number == len(inner) - 1
            yield f"{'└─' if last else '├─'} {text}"
            for line in branches(below) if below is not None else ():
                yield f"{'   ' if last else '│  '}{line}"

    def _back(name: str) -> str:
        return " (above)" if name in shown else ""

    return harmless("\n".join([cards[0].name, *branches(cards[0])]))


def as_mermaid(cards: Sequence[AgentCard]) -> str:
    """A flowchart."""
    ids, lines = _ids(cards), ["flowchart LR"]
    for name, key in ids.items():
        text = _quoted(name.partition(":")[2])
        lines.append(f"  {key}[{text}]" if name.startswith("agent:") else f"  {key}([{text}])")
    for start, end, label in _edges(cards):
        arrow = f"-->|{_quoted(label)}|" if label else "-->"
        lines.append(f"  {ids[start]} {arrow} {ids[end]}")
    return "\n".join(lines)


def as_dot(cards: Sequence[AgentCard]) -> str:
    """A digraph."""
    ids, lines = _ids(cards), ["digraph agents {", "  rankdir=LR;"]
    for name, key in ids.items():
        shape = "box" if name.startswith("agent:") else "ellipse"
        lines.append(f"  {key} [label={_escaped(name.partition(':')[2])}, shape={shape}];")
    for start, end, label in _edges(cards):
        lines.append(f"  {ids[start]} -> {ids[end]} [label={_escaped(label)}];")
    return "\n".join([*lines, "}"])


def _edges(cards: Sequence[AgentCard]) -> list[Edge]:
    edges: list[Edge] = []
    for card in cards:
        here = f"agent:{card.name}"
        for tool in card.tools:
            what = "needs approval" if tool.approval != "never" else ""
            if tool.agent is None:
                edges.append((here, f"tool:{tool.name}", what))
            else:
                edges.append((here, f"agent:{tool.agent}", f"as the tool {tool.name}"))
        verb = "asks" if card.is_flow else "hands off"
        edges += [(here, f"agent:{name}", verb) for name in card.handoffs]
    return edges


def _ids(cards: Sequence[AgentCard]) -> dict[str, str]:
    names = [f"agent:{card.name}" for card in cards]
    names += [name for edge in _edges(cards) for name in edge[:2]]
    return {name: f"n{number}" for number, name in enumerate(dict.fromkeys(names))}


def _tool_text(tool: ToolCard) -> str:
    approval = {"always": " (needs approval)", "sometimes": " (may need approval)", "never": ""}
    asks = f" asks {tool.agent}" if tool.agent else ""
    return f"tool {tool.name}{asks}{approval[tool.approval]}"


def _quoted(text: str) -> str:
    return '"' + harmless(text).replace('"', "#quot;") + '"'


def _escaped(text: str) -> str:
    return json.dumps(harmless(text), ensure_ascii=False)
