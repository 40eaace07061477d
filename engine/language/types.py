"""The types of the values of an expression."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from sqlglot import exp

from engine.language.function_entry import SqlFunction
from engine.language.functions import AGGREGATES, find_function
from engine.tables import NUMBER_TYPES, ValueType

ColumnTypeLookup = Callable[[exp.Column], ValueType | None]

TYPE_PHRASES: Mapping[ValueType | None, str] = {
    "whole": "a number",
    "double": "a number",
    "text": "text",
    "uuid": "a uuid",
    "date": "a date",
    "timestamp": "a timestamp",
    "timestamptz": "a timestamp with time zone",
    "boolean": "a condition",
    None: "always NULL",
}

COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.In, exp.Between)
ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg)
CONDITIONS = (*COMPARISONS, exp.Is, exp.Like)
CONNECTIVES = (exp.And, exp.Or, exp.Not)


def get_value_type(node: exp.Expr) -> ValueType | None:
    """Return the type of a node of an annotated tree; None also where it is unknown."""
    kind: ValueType | None = node.meta.get("kind")
    return kind


def annotate_types(tree: exp.Expr, get_column_type: ColumnTypeLookup) -> None:
    """Note at each node of the tree the type of its values."""
    for node in reversed(list(tree.walk())):
        node.meta["kind"] = get_column_type(node) if isinstance(node, exp.Column) else infer_type(node)


def infer_type(node: exp.Expr) -> ValueType | None:
    """Return the type of a node whose children are annotated."""
    function = find_function(node)
    if function is not None:
        return infer_result_type(node, function)
    match node:
        case exp.Literal():
            return "text" if node.is_string else "whole" if node.is_int else "double"
        case exp.Boolean():
            return "boolean"
        case exp.Null() | exp.Star():
            return None
        case exp.Neg() if isinstance(node.this, exp.Literal):
            return get_value_type(node.this)
        case exp.Paren() | exp.Alias():
            return get_value_type(node.this)
        case exp.Distinct():
            return get_value_type(node.expressions[0]) if node.expressions else None
        case exp.Cast():
            return get_cast_type(node)
        case exp.Case():
            return find_common_type(map(get_value_type, get_alternatives(node)))
        case exp.Add() | exp.Sub() | exp.Mul() | exp.Div() | exp.Neg():
            # What is computed from a date is unknown: that it cannot be computed is reported once.
            wrong = any(get_value_type(each) not in (None, *NUMBER_TYPES) for each in node.iter_expressions())
            return None if wrong else "double"
    return "boolean" if isinstance(node, (*CONDITIONS, *CONNECTIVES)) else "double"


def infer_result_type(node: exp.Expr, function: SqlFunction) -> ValueType | None:
    match function.gives:
        case "common":
            return find_common_type(map(get_value_type, get_alternatives(node)))
        case "first":
            return get_value_type(function.get_arguments(node)[0])
        case fixed:
            return fixed


def get_cast_type(node: exp.Cast) -> ValueType:
    match node.to.this:
        case exp.DType.DATE:
            return "date"
        case exp.DType.TEXT | exp.DType.VARCHAR:
            return "text"
        case exp.DType.INT | exp.DType.BIGINT:
            return "whole"
    return "double"


def get_alternatives(node: exp.Expr) -> list[exp.Expr]:
    """List the nodes that a node chooses its value from; most nodes choose from none."""
    if isinstance(node, exp.Case):
        default = node.args.get("default")
        return [*(branch.args["true"] for branch in node.args["ifs"]), *([] if default is None else [default])]
    function = find_function(node)
    pairs = () if function is None else function.pair_arguments(node)
    return [argument for argument, parameter in pairs if parameter.is_alternative]


def has_common_type(node: exp.Expr) -> bool:
    """Whether the type of a node is the common one of its alternatives."""
    function = find_function(node)
    return isinstance(node, exp.Case) or (function is not None and function.gives == "common")


def find_common_type(kinds: Iterable[ValueType | None]) -> ValueType | None:
    """Return the first known type; whole numbers and doubles together are doubles."""
    known = [kind for kind in kinds if kind is not None]
    return "double" if known and known[0] == "whole" and "double" in known else next(iter(known), None)


def is_whole_valued(node: exp.Expr) -> bool:
    """Whether the values of a node of an annotated tree are whole numbers, or NULL."""
    match node:
        case exp.Count() | exp.Null():
            return True
        case exp.Add() | exp.Sub() | exp.Mul():
            return is_whole_valued(node.this) and is_whole_valued(node.expression)
        case exp.Sum() | exp.Min() | exp.Max() | exp.Paren() | exp.Neg():
            return is_whole_valued(node.this)
        case exp.Distinct():
            return all(map(is_whole_valued, node.expressions))
    alternatives = get_alternatives(node)
    return all(map(is_whole_valued, alternatives)) if alternatives else get_value_type(node) == "whole"


def is_constant(node: exp.Expr) -> bool:
    return not any(isinstance(each, (exp.Column, exp.Star, *AGGREGATES)) for each in node.walk())


def is_number_literal(node: exp.Expr) -> bool:
    inner = node.unnest()
    inner = inner.this if isinstance(inner, exp.Neg) else inner
    return isinstance(inner, exp.Literal) and not inner.is_string


def parse_fraction(node: exp.Expr) -> str | None:
    """Return the text of a number from 0 to 1; None for any other node."""
    inner = node.unnest()
    is_number = isinstance(inner, exp.Literal) and not inner.is_string
    return inner.name if is_number and float(inner.name) <= 1 else None


def parse_whole_literal(node: exp.Expr) -> int | None:
    """Return the whole number that a node is, signed or not; None for any other node."""
    inner = node.unnest()
    if isinstance(inner, exp.Neg):
        value = parse_whole_literal(inner.this)
        return None if value is None else -value
    return int(inner.name) if isinstance(inner, exp.Literal) and inner.is_int else None
