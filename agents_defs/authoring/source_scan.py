"""Reads functions, and those of the same agent that they call: which clocks and dice they take hold of."""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import FunctionType, ModuleType
from typing import Any

from agents_defs.authoring import clocks
from agents_defs.authoring.finding import Place
from agents_defs.authoring.own_code import OwnCode
from agents_defs.nested_run import ask

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True, slots=True)
class Sighting:
    """A function that says something else each time, and where it is named."""

    place: Place
    what: str
    instead: str


@dataclass(slots=True)
class Scan:
    """What stands in a function and in those that it calls."""

    sightings: list[Sighting] = field(default_factory=list)
    asks: bool = False  # another agent, turn by turn


def scan(start: FunctionType, own: OwnCode, *, within: bool = True) -> Scan:
    """Follows calls as far as they stay in the agent's own code.

    `within`: also functions that are made in it. Those that `build()` makes are judged for themselves.
    """
    found, seen, waiting = Scan(), {start}, [start]
    while waiting:
        function = waiting.pop()
        for node, named, arguments in _named_in(function, within=within or function is not start):
            if isinstance(named, FunctionType) and arguments is not None and named not in seen:
                seen.add(named)
                if own.has_module(named.__module__ or ""):
                    waiting.append(named)
            found.asks |= named is ask
            place = Place(function.__code__.co_filename, node.lineno)
            if (instead := clocks.advice(named, arguments)) is not None:
                found.sightings.append(Sighting(place, clocks.name_of(named), instead))
            elif isinstance(node, ast.Name):
                found.sightings += _computed_at_import(function, node.id)
    return found


def _named_in(function: FunctionType, *, within: bool) -> Iterator[tuple[ast.expr, Any, int | None]]:
    """What a function names: where, what that is, and with how many arguments it is called."""
    for node in _nodes_of(function):
        names = _Names(function, dict(_imports_in(node)))
        body = [inner for part in _body_of(node) for inner in _walk(part, within=within)]
        called = {
            id(one.func): len(one.args) + len(one.keywords) for one in body if isinstance(one, ast.Call)
        }
        for inner in body:
            if isinstance(inner, ast.Name | ast.Attribute) and isinstance(inner.ctx, ast.Load):
                yield inner, names.meant(inner), called.get(id(inner))


@dataclass(frozen=True, slots=True)
class _Names:
    """What names mean inside of a function."""

    function: FunctionType
    imported: Mapping[str, Any]

    def meant(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Attribute):
            owner = self.meant(node.value)
            return getattr(owner, node.attr, None) if isinstance(owner, ModuleType | type) else None
        return self._named(node.id) if isinstance(node, ast.Name) else None

    def _named(self, name: str) -> Any:
        code, cells = self.function.__code__, self.function.__closure__ or ()
        if name in self.imported:
            return self.imported[name]
        if name in code.co_varnames or name in code.co_cellvars:
            return None
        if name in code.co_freevars:
            try:
                return cells[code.co_freevars.index(name)].cell_contents
            except ValueError:
                return None
        return self.function.__globals__.get(name, getattr(builtins, name, None))


def _imports_in(node: ast.AST) -> Iterator[tuple[str, Any]]:
    """What a function imports for itself, as far as it is loaded already: clocks are."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Import):
            for alias in inner.names:
                top = alias.name if alias.asname else alias.name.split(".")[0]
                yield alias.asname or top, sys.modules.get(top)
        elif isinstance(inner, ast.ImportFrom) and inner.module is not None:
            module = sys.modules.get(inner.module)
            for alias in inner.names:
                yield alias.asname or alias.name, getattr(module, alias.name, None)


def _computed_at_import(function: FunctionType, name: str) -> Iterator[Sighting]:
    """A constant of the module that is something else in each process."""
    file = function.__code__.co_filename
    for statement in _tree(file).body:
        if not isinstance(statement, ast.Assign | ast.AnnAssign) or statement.value is None:
            continue
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        if not any(isinstance(target, ast.Name) and target.id == name for target in targets):
            continue
        for call in (one for one in _walk(statement.value, within=False) if isinstance(one, ast.Call)):
            named = _Names(_of_module(function), {}).meant(call.func)
            instead = clocks.advice(named, len(call.args) + len(call.keywords))
            if instead is not None:
                what = f"{name} is {clocks.name_of(named)} of when the module was loaded"
                yield Sighting(Place(file, call.lineno), what, instead)


def _of_module(function: FunctionType) -> FunctionType:
    """Something that sees no other names than the module's."""
    return FunctionType((lambda: None).__code__, function.__globals__)


def _body_of(node: FunctionNode) -> list[Any]:
    return [node.body] if isinstance(node, ast.Lambda) else node.body


def _walk(node: ast.AST, *, within: bool) -> Iterator[ast.AST]:
    """Without annotations, which no call runs. `within`: with the bodies of functions."""
    if isinstance(node, FunctionNode) and not within:
        return
    yield node
    for name, value in ast.iter_fields(node):
        if name not in {"annotation", "returns"}:
            for inner in value if isinstance(value, list) else [value]:
                if isinstance(inner, ast.AST):
                    yield from _walk(inner, within=within)


def _nodes_of(function: FunctionType) -> list[FunctionNode]:
    """Of lambdas all that stand on the line: nobody can tell them apart."""
    code = function.__code__
    return [
        node
        for node in ast.walk(_tree(code.co_filename))
        if isinstance(node, FunctionNode)
        and _name(node) == code.co_name
        and _first_line(node) == code.co_firstlineno
    ]


def _name(node: FunctionNode) -> str:
    return "<lambda>" if isinstance(node, ast.Lambda) else node.name


def _first_line(node: FunctionNode) -> int:
    decorators = [] if isinstance(node, ast.Lambda) else node.decorator_list
    return min([node.lineno, *(one.lineno for one in decorators)])


@cache
def _tree(file: str) -> ast.Module:
    try:
        with open(file, "rb") as source:
            return ast.parse(source.read())
    except (OSError, SyntaxError):  # made by exec, or a file that has changed since
        return ast.Module([], [])
