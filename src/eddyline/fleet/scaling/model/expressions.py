"""Evaluates the metric math of the alarms: the text that Terraform passes to CloudWatch is what tests run."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from functools import cache

_BINARY: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_COMPARE: dict[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
}
_IF_ARGUMENTS = 3


def evaluate(expression: str, values: Mapping[str, float]) -> float:
    """The value of an expression of numbers, ids, `+ - * /`, comparisons and `IF(condition, a, b)`.

    Raises `ValueError` for anything else, and `KeyError` for an id without a value.
    """
    return _value(_parse(expression), values)


@cache
def _parse(expression: str) -> ast.expr:
    return ast.parse(expression, mode="eval").body


def _value(node: ast.expr, values: Mapping[str, float]) -> float:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name):
            return values[name]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _BINARY[type(op)](_value(left, values), _value(right, values))
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARE:
            return float(_COMPARE[type(op)](_value(left, values), _value(right, values)))
        case ast.Call(func=ast.Name(id="IF"), args=arguments) if len(arguments) == _IF_ARGUMENTS:
            condition, then, otherwise = arguments
            return _value(then if _value(condition, values) else otherwise, values)
    raise ValueError(f"the model has no metric math for {ast.unparse(node)!r}")
