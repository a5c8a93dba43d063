"""Computes sums that stand in a text."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

_SUM = re.compile(r"(?<![\w.])\(*-?\d+(?:\.\d+)?(?:\s*(?:\*\*|//|[-+*/%x\u00d7÷^])\s*\(*-?\d+(?:\.\d+)?\)*)+")
_OPERATIONS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


def computed(request: str) -> str | None:
    """The result of a sum that the request holds."""
    found = _SUM.search(request)
    if found is None:
        return None
    written = found[0].strip()
    plain = written.replace("\u00d7", "*").replace("x", "*").replace("÷", "/")
    try:
        value = _evaluated(ast.parse(plain, mode="eval").body)
    except (SyntaxError, ValueError, ArithmeticError, KeyError):
        return None
    shown = int(value) if value == int(value) else round(value, 6)
    return f"{written} = {shown}."


def _evaluated(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=int() | float() as value) if abs(value) < 10**15:
            return value
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_evaluated(operand)
        case ast.BinOp(left=left, op=op, right=right):
            return _OPERATIONS[type(op)](_evaluated(left), _evaluated(right))
    raise ValueError("no plain sum")
