"""What the values of an expression are, and what does not go together: strict databases refuse it, others guess."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from uuid import UUID

from sqlglot import exp

from metric_engine.engine.syntax import AGGREGATES, Fault, start_of
from metric_engine.engine.tables import KINDS, Column, Kind

# What a column's values are; None where that is not known.
Lookup = Callable[[exp.Column], Kind | None]

NUMBER = re.compile(r"-?\d+(\.\d+)?(e-?\d+)?", re.ASCII | re.IGNORECASE)
EQUALITIES = (exp.EQ, exp.NEQ, exp.In)
COMPARISONS = (*EQUALITIES, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Between)
CONDITIONS = (*COMPARISONS, exp.Is, exp.Like)
CONNECTIVES = (exp.And, exp.Or, exp.Not)
ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg)
NUMERIC_FUNCTIONS = (exp.Abs, exp.Ceil, exp.Exp, exp.Floor, exp.Length, exp.Ln, exp.Pow, exp.Round, exp.Sqrt)
TEXT_FUNCTIONS = (exp.Concat, exp.DPipe, exp.Lower, exp.Replace, exp.Substring, exp.Trim, exp.Upper)
# They give one of their arguments, which are of one kind.
CHOICES = (exp.Case, exp.Coalesce, exp.Greatest, exp.If, exp.Least, exp.Nullif)
OF_TEXT = (exp.Length, exp.Like, exp.Lower, exp.Replace, exp.Trim, exp.Upper)
WHOLE_NUMBERS = (exp.DType.INT, exp.DType.BIGINT)
TEXTS = (exp.DType.TEXT, exp.DType.VARCHAR)
MOMENTS = ("timestamp", "timestamptz")
NAMES: Mapping[Kind | None, str] = {
    "number": "a number",
    "text": "text",
    "uuid": "a UUID",
    "date": "a date",
    "timestamp": "a timestamp",
    "timestamptz": "a timestamptz",
    "boolean": "a condition",
    None: "always NULL",
}


def spoken(kind: Kind | None) -> str:
    return NAMES[kind]


def named(columns: Mapping[str, Column]) -> Lookup:
    """The kinds of columns that are known by their names."""
    return lambda column: KINDS.get(columns[column.name].type) if column.name in columns else None


def kind_of(node: exp.Expr, lookup: Lookup) -> Kind | None:
    """What a node's values are; None for NULL."""
    match node:
        case exp.Column():
            return lookup(node)
        case exp.Literal():
            return "text" if node.is_string else "number"
        case exp.Boolean() | exp.Is() | exp.Like():
            return "boolean"
        case exp.Paren() | exp.Min() | exp.Max():
            return kind_of(node.this, lookup)
        case exp.Distinct():
            return kind_of(node.expressions[0], lookup)
        case exp.Cast():
            return cast_kind(node)
        case exp.Date():
            return "date"
        case exp.Null():
            return None
    if isinstance(node, CHOICES):
        return next((kind for each in choices(node) if (kind := kind_of(each, lookup)) is not None), None)
    if isinstance(node, (*COMPARISONS, *CONNECTIVES)):
        return "boolean"
    return "text" if isinstance(node, TEXT_FUNCTIONS) else "number"


def cast_kind(node: exp.Cast) -> Kind:
    if node.to.this is exp.DType.DATE:
        return "date"
    return "text" if node.to.this in TEXTS else "number"


def choices(node: exp.Expr) -> Sequence[exp.Expr]:
    """What a node of CHOICES gives one of."""
    match node:
        case exp.Case():
            return [*(branch.args["true"] for branch in node.args["ifs"]), *given(node.args.get("default"))]
        case exp.If():
            return [node.args["true"], *given(node.args.get("false"))]
        case exp.Nullif():
            return [node.this, node.expression]
    return [node.this, *node.expressions]


def given(node: exp.Expr | None) -> Sequence[exp.Expr]:
    return () if node is None else (node,)


def kind_faults(tree: exp.Expr, lookup: Lookup) -> Iterator[Fault]:
    """Sums of text, arithmetic on text, conditions on numbers: what a strict database refuses later."""
    for node in tree.walk():
        if unclear := list(chained(node)):
            yield from unclear
            continue
        for wanted, operands in wants(node):
            yield from unlike(wanted, operands, lookup)
        match node:
            case exp.Case() if node.this is not None:
                yield from incomparable(node, [node.this, *(each.this for each in node.args["ifs"])], lookup)
            case exp.In() | exp.Between() | exp.EQ() | exp.NEQ() | exp.LT() | exp.LTE() | exp.GT() | exp.GTE():
                yield from incomparable(node, list(node.iter_expressions()), lookup)
            case exp.Min() | exp.Max():
                yield from without_order(node, lookup)
            case exp.Cast() | exp.Date():
                yield from not_convertible(node, lookup)
            case exp.Literal() if not node.is_string and math.isinf(float(node.name)):
                yield Fault(start_of(node), "sql-limits", "no number of the databases is as large as this")
        if isinstance(node, CHOICES) and not (isinstance(node, exp.If) and isinstance(node.parent, exp.Case)):
            yield from mixed(choices(node), lookup)


def chained(node: exp.Expr) -> Iterator[Fault]:
    """A comparison of comparisons: which comes first is not the same everywhere."""
    if isinstance(node, (*COMPARISONS, exp.Like)):
        for operand in [node.this] if isinstance(node, exp.In) else node.iter_expressions():
            if isinstance(operand, (*CONDITIONS, *CONNECTIVES)):
                message = f"join comparisons by AND, or put {operand.sql()} in parentheses: which is first differs"
                yield Fault(start_of(operand), "sql-syntax", message)


def wants(node: exp.Expr) -> Iterator[tuple[Kind, Sequence[exp.Expr]]]:
    """The kinds that a node needs, and of what."""
    if isinstance(node, OF_TEXT):
        yield "text", list(node.iter_expressions())
    elif isinstance(node, (*ARITHMETIC, *NUMERIC_FUNCTIONS)):
        yield "number", [each for each in node.iter_expressions() if not isinstance(each, exp.Var)]
    elif isinstance(node, (exp.Sum, exp.Avg)):
        yield "number", [node.this]
    elif isinstance(node, CONNECTIVES):
        yield "boolean", list(node.iter_expressions())
    elif isinstance(node, exp.Substring):
        yield "text", [node.this]
        yield "number", [*given(node.args.get("start")), *given(node.args.get("length"))]
    elif is_condition_of(node):
        yield "boolean", [node.this]


def is_condition_of(node: exp.Expr) -> bool:
    """Whether what is first in a node must be a condition: IF, WHEN without a subject, IS TRUE and IS FALSE."""
    if isinstance(node, exp.If):
        return not (isinstance(node.parent, exp.Case) and node.parent.this is not None)
    return isinstance(node, exp.Is) and isinstance(node.expression, exp.Boolean)


def unlike(wanted: Kind, operands: Iterable[exp.Expr], lookup: Lookup) -> Iterator[Fault]:
    """Operands of another kind than the wanted one."""
    codes: Mapping[str, str] = {"number": "not-a-number", "boolean": "not-a-condition"}
    for operand in operands:
        kind = kind_of(operand, lookup)
        if kind is not None and kind != wanted:
            castable = wanted == "text" and kind != "boolean"
            remedy = f"; write cast({operand.sql()} as text)" if castable else ""
            message = f"{operand.sql()!r} is {spoken(kind)}, not {spoken(wanted)}{remedy}"
            yield Fault(start_of(operand), codes.get(wanted, "not-a-text"), message)


def mixed(results: Sequence[exp.Expr], lookup: Lookup) -> Iterator[Fault]:
    """Results of another kind than the first one's."""
    known = [(each, kind) for each in results if (kind := kind_of(each, lookup)) is not None]
    for each, kind in known[1:]:
        first, wanted = known[0]
        if kind != wanted:
            dated = {kind, wanted} == {"date", "text"}
            remedy = "; write a date as date('2025-01-31')" if dated else ""
            message = f"{each.sql()!r} is {spoken(kind)}, but {first.sql()!r} is {spoken(wanted)}{remedy}"
            yield Fault(start_of(each), "not-comparable", message)


def incomparable(node: exp.Expr, operands: Sequence[exp.Expr], lookup: Lookup) -> Iterator[Fault]:
    """Operands of another kind than the first one's, or in another form than it is compared in."""
    first = operands[0]
    wanted = kind_of(first, lookup)
    for operand in operands[1:]:
        kind = kind_of(operand, lookup)
        if None in (kind, wanted):
            continue
        message = misfit(node, (first, wanted), (operand, kind))
        if message:
            yield Fault(start_of(operand), "not-comparable", message)


def misfit(node: exp.Expr, first: tuple[exp.Expr, Kind | None], second: tuple[exp.Expr, Kind | None]) -> str | None:
    """Why two operands of a comparison do not go together; None where they do."""
    (left, wanted), (right, kind) = first, second
    if kind == wanted:
        ordered = wanted == "uuid" and not isinstance(node, (*EQUALITIES, exp.Case))
        return "UUIDs have no order that databases agree on; compare them as text: cast(… as text)" if ordered else None
    literal, other, held = (left, right, kind) if isinstance(left, exp.Literal) else (right, left, wanted)
    plain = f"{right.sql()!r} is {spoken(kind)}, but {left.sql()!r} is {spoken(wanted)}"
    if "text" in (kind, wanted) and held in ("date", "uuid"):
        if not isinstance(literal, exp.Literal):
            return f"{plain}; write cast({other.sql()} as text)"
        valid = is_date(literal.name) if held == "date" else is_uuid(literal.name)
        form = "2025-01-31" if held == "date" else "01234567-89ab-4def-8123-456789abcdef, in lower case"
        return None if valid else f"{literal.sql()} is not written like {form}"
    if moment := next((each for each, of in (first, second) if of in MOMENTS), None):
        since = isinstance(node, (exp.GTE, exp.LT)) and moment is left
        if since and isinstance(right, exp.Literal) and is_date(right.name):
            return None
        return f"{plain}; compare its date: date({moment.sql()})"
    return plain


def without_order(node: exp.Expr, lookup: Lookup) -> Iterator[Fault]:
    """The least or greatest of what has no order on every database."""
    kind, name = kind_of(node.this, lookup), node.key
    remedies = {
        "boolean": f"{name}(if(…, 1, 0))",
        "uuid": f"{name}(cast(… as text))",
    }
    if kind in remedies:
        message = f"{node.this.sql()!r} is {spoken(kind)}, which has no order everywhere; write {remedies[kind]}"
        yield Fault(start_of(node.this), "not-a-number", message)


def not_convertible(node: exp.Expr, lookup: Lookup) -> Iterator[Fault]:
    """What databases make a date or a number of in ways of their own, or not at all."""
    kind, value = kind_of(node.this, lookup), node.this.unnest()
    target = cast_kind(node) if isinstance(node, exp.Cast) else "date"
    if kind is None or target == "text" or kind == target or (target == "date" and kind in MOMENTS):
        return
    if kind == "text" and isinstance(value, exp.Literal):
        if not (is_date(value.name) if target == "date" else is_number(value.name)):
            form = "a date such as '2025-01-31'" if target == "date" else "a number"
            yield Fault(start_of(value), "not-comparable", f"{value.sql()} is not written like {form}")
        return
    whole = isinstance(node, exp.Cast) and node.to.this in WHOLE_NUMBERS
    if kind == "boolean" and target == "number":
        if not whole:
            message = f"{node.this.sql()!r} is a condition; cast it to int"
            yield Fault(start_of(node.this), "not-a-number", message)
        return
    column = f"; declare the column {spoken(target)}" if isinstance(value, exp.Column) and kind == "text" else ""
    message = f"{node.this.sql()!r} is {spoken(kind)}, which databases make {spoken(target)} of in different ways"
    yield Fault(start_of(node.this), "not-comparable", message + column)


def is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def is_number(text: str) -> bool:
    return NUMBER.fullmatch(text) is not None and math.isfinite(float(text))


def is_constant(node: exp.Expr) -> bool:
    return not any(isinstance(each, (exp.Column, exp.Star, *AGGREGATES)) for each in node.walk())
