"""YAML as people write plans: read without surprises and with lines; what is written reads the same."""

import gc
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from schemas.text import writable

_TAG: Final = "tag:yaml.org,2002:"
_MAP, _SEQ, _STR = f"{_TAG}map", f"{_TAG}seq", f"{_TAG}str"
_NULL, _BOOL, _INT, _FLOAT = f"{_TAG}null", f"{_TAG}bool", f"{_TAG}int", f"{_TAG}float"
# Those of YAML 1.2, less octal and infinity: `yes`, `12:30`, `0777` and `2026-11-21` are texts.
_PLAIN = (
    (_NULL, re.compile(r"(?:~|null|Null|NULL|)\Z"), ["~", "n", "N", ""]),
    (_BOOL, re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"), list("tTfF")),
    (_INT, re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z"), list("-+0123456789")),
    (
        _FLOAT,
        re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?:\.[0-9]*)?[eE][-+]?[0-9]+)\Z"),
        list("-+.0123456789"),
    ),
)
_PATTERNS = {tag: pattern for tag, pattern, _ in _PLAIN}
_MADE_OF: Final[dict[str, Callable[[str], Any]]] = {
    _NULL: lambda _: None,
    _BOOL: lambda text: text.lower() == "true",
    _INT: int,
    _FLOAT: float,
}
_LARGEST = 2**63 - 1  # JSON readers agree on no larger one
_DIGITS = 20  # with a sign
_WIDE = 10_000  # an entry of a list stays on its line

Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a file, and where."""

    line: int | None
    place: Place
    said: str


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # in C where there is one
    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]  # as above
    def ignore_aliases(self, data: object) -> bool:
        return True


for _tag, _pattern, _first in _PLAIN:
    _Loader.add_implicit_resolver(_tag, _pattern, _first)
    # What YAML 1.1 and this reader take for something else than a text is quoted.
    _Dumper.add_implicit_resolver(_tag, _pattern, _first)


class OneLine(dict[str, Any]):
    """A map that is written on one line."""


def _text(dumper: Any, text: str) -> Node:
    # Breaks of lines beyond ASCII's would be read as spaces where they are not escaped.
    node: Node = dumper.represent_scalar(_STR, text, style=None if text.isprintable() else '"')
    return node


_Dumper.add_representer(str, _text)
_Dumper.add_representer(
    OneLine, lambda dumper, data: dumper.represent_mapping(_MAP, data.items(), flow_style=True)
)


@dataclass(slots=True)
class Yaml:
    """A text that was read: its value, what is wrong with it, and the nodes by which lines are found."""

    value: Any = None
    flaws: list[Flaw] = field(default_factory=list)
    root: Node | None = None

    def line(self, place: Place) -> int | None:
        """Where this stands, or else what it should stand in."""
        node = self.root
        line = None if node is None else _line(node)
        for part in place:
            found = _step(node, part)
            if found is None:
                break
            line, node = found
        return line


def read(text: str) -> Yaml:
    """The one document of the text, or None; without flaws the value is all that it says."""
    found = Yaml()
    try:
        with _nothing_collected():
            _read(text, found)
    except yaml.YAMLError as error:
        found.flaws.append(_syntax(error))
    except RecursionError:
        found.flaws.append(Flaw(None, (), "is nested too deep"))
    return found


def write(value: Any) -> str:
    """In the order in which it is."""
    written: str = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, default_flow_style=False, allow_unicode=True, width=_WIDE
    )
    return written


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """Of a hundred thousand nodes all stay: to look for garbage among them takes longer than to read."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _read(text: str, found: Yaml) -> None:
    loader = _Loader(text)
    try:
        found.root = loader.get_single_node()
    finally:
        loader.dispose()
    if found.root is not None:
        found.value = _Walk(found.flaws).value(found.root, ())


def _syntax(error: yaml.YAMLError) -> Flaw:
    mark = getattr(error, "problem_mark", None)
    problem = str(getattr(error, "problem", None) or error).strip()
    if "cannot start any token" in problem:
        problem += ": indent with spaces, never with tabs, and quote texts that begin with @, ` or %"
    elif "expected a single document" in str(error) or "another document" in problem:
        problem = "there is a second document: one file is one document, without ---"
    context = getattr(error, "context", None)
    said = f"is no YAML: {problem}" + (f" ({context})" if context else "")
    return Flaw(None if mark is None else mark.line + 1, (), said)


def _line(node: Node) -> int:
    line: int = node.start_mark.line
    return line + 1


def _step(node: Node | None, part: str | int) -> tuple[int, Node] | None:
    if isinstance(node, MappingNode):
        for key, value in node.value:
            if key.value == part:
                return _line(key), value
    if isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
        return _line(node.value[part]), node.value[part]
    return None


class _Walk:
    """Makes values of nodes, and notes what it does not take."""

    def __init__(self, flaws: list[Flaw]) -> None:
        self._flaws: Final = flaws
        self._seen: Final[set[int]] = set()

    def value(self, node: Node, place: Place) -> Any:
        if id(node) in self._seen:
            return self._flaw(node, place, "stands here and again by an alias (*name): write it out twice")
        self._seen.add(id(node))
        if isinstance(node, MappingNode) and node.tag == _MAP:
            return self._map(node, place)
        if isinstance(node, SequenceNode) and node.tag == _SEQ:
            return [self.value(inner, (*place, index)) for index, inner in enumerate(node.value)]
        if isinstance(node, ScalarNode):
            return self._scalar(node, place)
        return self._flaw(node, place, _tag_said(node))

    def _map(self, node: MappingNode, place: Place) -> dict[str, Any]:
        found: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key, inner in node.value:
            if not isinstance(key, ScalarNode):
                self._flaw(key, place, "has a name that is no text: write name: value")
                continue
            name: str = key.value  # as it is written, also where it looks like a number
            if name in lines:
                said = f"stands twice, first on line {lines[name]}: leave one of them out"
                self._flaw(key, (*place, name), said)
                continue
            lines[name] = _line(key)
            found[name] = self.value(inner, (*place, name))
        return found

    def _scalar(self, node: ScalarNode, place: Place) -> Any:
        text: str = node.value
        if node.tag == _STR:
            return text if writable(text) == text else self._flaw(node, place, "has half a character")
        pattern = _PATTERNS.get(node.tag)
        if pattern is None or not pattern.match(text):
            return self._flaw(node, place, _tag_said(node))
        if node.tag == _INT and (len(text) > _DIGITS or abs(int(text)) > _LARGEST):
            return self._flaw(node, place, f"is too large: at most {_LARGEST}")
        return _MADE_OF[node.tag](text)

    def _flaw(self, node: Node, place: Place, said: str) -> None:
        self._flaws.append(Flaw(_line(node), place, said))


def _tag_said(node: Node) -> str:
    shown = node.tag.replace(_TAG, "!!")
    return f"has the tag {shown}, which is not read: write a plain text, number, list or map"
