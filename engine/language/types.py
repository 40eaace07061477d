"""What the values of an expression are, and what may be done with them: the same on every engine, or not at all."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from uuid import UUID

from sqlglot import exp

from engine.language.faults import TextFault
from engine.language.parser import AGGREGATES, locate_node
from engine.tables import NAMEABLE_TYPES, NUMBER_TYPES, TIMESTAMP_TYPES, ValueType

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
CONDITIONS = (*COMPARISONS, exp.Is, exp.Like)
CONNECTIVES = (exp.And, exp.Or, exp.Not)
ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg)
NUMERIC_FUNCTIONS = (exp.Abs, exp.Ceil, exp.Exp, exp.Floor, exp.Ln, exp.Pow, exp.Round, exp.Sqrt)
TEXT_FUNCTIONS = (exp.Concat, exp.DPipe, exp.Lower, exp.Replace, exp.Substring, exp.Trim, exp.Upper)
DATE_PARTS = (exp.Year, exp.Month, exp.Day, exp.DayOfWeekIso)
ORDERING_NODES = (exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Between, exp.Greatest, exp.Least, exp.Min, exp.Max)
ALTERNATIVES = (exp.Coalesce, exp.Greatest, exp.Least, exp.Case, exp.If)
# How often an engine's text repeats a function's argument at the most, and how often it may all in all.
ARGUMENT_REPETITIONS: Mapping[type[exp.Expr], int] = {
    **dict.fromkeys((exp.Cast, exp.Ln, exp.Replace, exp.Sqrt), 2),
    exp.Exp: 3,
    exp.Round: 4,
    exp.Substring: 4,
    exp.Pow: 6,
}
MAX_REPETITIONS = 2_000
MAX_DIGITS = 15
MAX_WHOLE = 2**63 - 1
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def get_value_type(node: exp.Expr) -> ValueType | None:
    """What a node of an annotated tree is; None too where it cannot be told."""
    kind: ValueType | None = node.meta.get("kind")
    return kind


def annotate_types(tree: exp.Expr, get_column_type: ColumnTypeLookup) -> None:
    """Note at each node of the tree what its values are."""
    for node in reversed(list(tree.walk())):
        node.meta["kind"] = get_column_type(node) if isinstance(node, exp.Column) else infer_type(node)


def infer_type(node: exp.Expr) -> ValueType | None:
    """What a node is, its children being annotated."""
    match node:
        case exp.Literal():
            return "text" if node.is_string else "whole" if node.is_int else "double"
        case exp.Boolean():
            return "boolean"
        case exp.Null() | exp.Star():
            return None
        case exp.Neg() if isinstance(node.this, exp.Literal):
            return get_value_type(node.this)
        case exp.Paren() | exp.Alias() | exp.Min() | exp.Max() | exp.Nullif():
            return get_value_type(node.this)
        case exp.Distinct():
            return get_value_type(node.expressions[0]) if node.expressions else None
        case exp.Cast():
            return get_cast_type(node)
        case exp.Date():
            return "date"
        case exp.Length() | exp.Count():
            return "whole"
    if isinstance(node, DATE_PARTS):
        return "whole"
    if isinstance(node, ALTERNATIVES):
        return find_common_type(map(get_value_type, get_alternatives(node)))
    if isinstance(node, (*CONDITIONS, *CONNECTIVES)):
        return "boolean"
    return "text" if isinstance(node, TEXT_FUNCTIONS) else "double"


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
    """What a node chooses its value from."""
    if isinstance(node, exp.Case):
        found = [*(branch.args["true"] for branch in node.args["ifs"]), node.args.get("default")]
    elif isinstance(node, exp.If):
        found = [node.args["true"], node.args.get("false")]
    else:
        found = [node.this, *node.expressions]
    return [each for each in found if each is not None]


def find_common_type(kinds: Iterable[ValueType | None]) -> ValueType | None:
    """The first kind that is known; whole numbers and doubles together are doubles."""
    known = [kind for kind in kinds if kind is not None]
    return "double" if known and known[0] == "whole" and "double" in known else next(iter(known), None)


def is_constant(node: exp.Expr) -> bool:
    return not any(isinstance(each, (exp.Column, exp.Star, *AGGREGATES)) for each in node.walk())


# TextFaults: each check looks at one node of an annotated tree.


def find_type_faults(tree: exp.Expr) -> Iterator[TextFault]:
    """What one engine refuses, or what engines would answer differently."""
    for node in tree.walk():
        if unclear := list(find_chained_comparisons(node)):
            yield from unclear
            continue
        for check in CHECKS:
            yield from check(node)


def find_wrong_operands(node: exp.Expr) -> Iterator[TextFault]:
    """Sums of text, arithmetic on text, conditions on numbers, text functions of what is no text."""
    if isinstance(node, (*ARITHMETIC, *NUMERIC_FUNCTIONS)):
        yield from find_unwanted_types(node.iter_expressions(), NUMBER_TYPES, "not-a-number", "a number")
    elif isinstance(node, (exp.Sum, exp.Avg)):
        argument = node.this.expressions[0] if isinstance(node.this, exp.Distinct) else node.this
        yield from find_unwanted_types([argument], NUMBER_TYPES, "not-a-number", "a number")
    elif isinstance(node, CONNECTIVES):
        yield from find_unwanted_types(node.iter_expressions(), ("boolean",), "not-a-condition", "a condition")
    elif isinstance(node, exp.Case) and node.this is None:
        yield from find_unwanted_types(
            [each.this for each in node.args["ifs"]], ("boolean",), "not-a-condition", "a condition"
        )
    elif is_standalone_if(node) or (isinstance(node, exp.Is) and isinstance(node.expression, exp.Boolean)):
        yield from find_unwanted_types([node.this], ("boolean",), "not-a-condition", "a condition")
    elif isinstance(node, (exp.Like, exp.Replace)):
        yield from find_unwanted_types(
            node.iter_expressions(), ("text",), "not-a-text", "text", "; cast(… as text) makes text of"
        )
    elif isinstance(node, (exp.Lower, exp.Upper, exp.Trim, exp.Length, exp.Substring)):
        yield from find_unwanted_types([node.this], ("text",), "not-a-text", "text", "; cast(… as text) makes text of")
    elif isinstance(node, DATE_PARTS):
        yield from find_undated_operand(node.this)


def find_undated_operand(operand: exp.Expr) -> Iterator[TextFault]:
    """What has no year and no weekday, or has not one of its own: a moment's day is asked for by date()."""
    kind = get_value_type(operand)
    if kind not in ("date", None):
        makes_one = kind in TIMESTAMP_TYPES or is_text_literal(operand)
        remedy = f"; write date({operand.sql()})" if makes_one else ""
        yield TextFault(
            locate_node(operand), "not-comparable", f"{operand.sql()!r} is {TYPE_PHRASES[kind]}, not a date{remedy}"
        )


def is_standalone_if(node: exp.Expr) -> bool:
    """Whether a node is an IF that is no branch of a CASE."""
    return isinstance(node, exp.If) and not isinstance(node.parent, exp.Case)


def find_unwanted_types(
    operands: Iterable[exp.Expr], wanted: Iterable[str], code: str, what: str, remedy: str = ""
) -> Iterator[TextFault]:
    for operand in operands:
        kind = get_value_type(operand)
        if kind is not None and kind not in wanted:
            more = f"{remedy} it" if remedy and kind in NAMEABLE_TYPES else ""
            if kind == "boolean" and wanted is NUMBER_TYPES:
                more = "; write case when … then 1 end"
            yield TextFault(locate_node(operand), code, f"{operand.sql()!r} is {TYPE_PHRASES[kind]}, not {what}{more}")


def find_different_types(node: exp.Expr) -> Iterator[TextFault]:
    """Values side by side of which one is text and the other a number, say."""
    if isinstance(node, (*COMPARISONS, exp.Nullif)):
        yield from find_incomparable_operands(list(node.iter_expressions()), since=isinstance(node, (exp.GTE, exp.LT)))
    elif isinstance(node, exp.Case) and node.this is not None:
        yield from find_incomparable_operands([node.this, *(each.this for each in node.args["ifs"])])
    if is_standalone_if(node) or isinstance(node, (exp.Coalesce, exp.Greatest, exp.Least, exp.Case)):
        yield from find_incomparable_operands(get_alternatives(node), compared=False)
    if isinstance(node, ORDERING_NODES):
        yield from find_unordered_operand(node)


def find_unordered_operand(node: exp.Expr) -> Iterator[TextFault]:
    """What is not in one order everywhere: UUIDs, and the greater of two conditions."""
    compared = isinstance(node, COMPARISONS)
    for operand in list(node.iter_expressions())[1 if compared else 0 :]:
        kind = get_value_type(operand)
        if kind == "uuid" or (kind == "boolean" and not compared):
            message = f"{operand.sql()!r} is {TYPE_PHRASES[kind]}, which has no order everywhere"
            code = "not-a-number" if isinstance(node, (exp.Min, exp.Max)) else "not-comparable"
            yield TextFault(locate_node(operand), code, f"{message}; cast it to {'text' if kind == 'uuid' else 'int'}")
            return


def find_chained_comparisons(node: exp.Expr) -> Iterator[TextFault]:
    """A comparison of comparisons: which comes first is not the same everywhere."""
    if isinstance(node, (*COMPARISONS, exp.Like)):
        for operand in [node.this] if isinstance(node, exp.In) else node.iter_expressions():
            if isinstance(operand, (*CONDITIONS, *CONNECTIVES)):
                message = f"join comparisons by AND, or put {operand.sql()} in parentheses: which is first differs"
                yield TextFault(locate_node(operand), "sql-syntax", message)


def find_incomparable_operands(
    operands: Sequence[exp.Expr], *, compared: bool = True, since: bool = False
) -> Iterator[TextFault]:
    """Operands of another kind than the first one that has any; what is `compared` may be the text of a date.

    `since`: of a moment it is asked whether it is before a day or not, which is in its text too.
    """
    first = next((each for each in operands if get_value_type(each) is not None), None)
    for operand in operands if first is not None else ():
        assert first is not None
        kinds = {get_value_type(first), get_value_type(operand)} - {None}
        if len(kinds) < 2 or kinds <= NUMBER_TYPES:
            continue
        literal = next((each for each in (first, operand) if is_text_literal(each)), None)
        if (
            compared
            and literal is not None
            and ("date" in kinds or (since and get_value_type(first) in TIMESTAMP_TYPES))
        ):
            yield from find_invalid_date(literal)
        elif compared and literal is not None and "uuid" in kinds:
            yield from find_invalid_uuid(literal)
        else:
            yield TextFault(locate_node(operand), "not-comparable", describe_difference(operand, first, kinds))


def describe_difference(operand: exp.Expr, first: exp.Expr, kinds: Collection[ValueType | None]) -> str:
    one, other = (TYPE_PHRASES[get_value_type(each)] for each in (operand, first))
    message = f"{operand.sql()!r} is {one}, but {first.sql()!r} is {other}"
    moment = next((each for each in (first, operand) if get_value_type(each) in TIMESTAMP_TYPES), None)
    if moment is not None and all(kind in TIMESTAMP_TYPES | {"date", "text"} for kind in kinds):
        return f"{message}; compare date({moment.sql()})"
    if kinds == {"date", "text"}:
        return f"{message}; cast('2025-01-31' as date) is a date"
    return message + suggest_quotes(first, operand)


def suggest_quotes(first: exp.Expr, second: exp.Expr) -> str:
    """Beside a text a number stands in quotes, beside a number it does not."""
    for literal, other in ((first.unnest(), second.unnest()), (second.unnest(), first.unnest())):
        if not isinstance(literal, exp.Literal) or isinstance(other, exp.Literal):
            continue
        if get_value_type(other) == "text" and not literal.is_string:
            return f"; write '{literal.name}'"
        if get_value_type(other) in NUMBER_TYPES and literal.is_string and NUMBER.fullmatch(literal.name):
            return f"; write {literal.name}"
    return ""


def is_text_literal(node: exp.Expr) -> bool:
    return isinstance(node.unnest(), exp.Literal) and bool(node.unnest().is_string)


def find_invalid_date(literal: exp.Expr) -> Iterator[TextFault]:
    """A date is written in full, and there is such a day."""
    written = literal.unnest().name
    try:
        right = ISO_DATE.fullmatch(written) is not None and bool(date.fromisoformat(written))
    except ValueError:
        right = False
    if not right:
        yield TextFault(
            locate_node(literal), "not-comparable", f"{written!r} is no date; write one such as '2025-01-31'"
        )


def find_invalid_uuid(literal: exp.Expr) -> Iterator[TextFault]:
    written = literal.unnest().name
    try:
        right = str(UUID(written)) == written
    except ValueError:
        right = False
    if not right:
        message = f"{written!r} is no uuid in lower case, such as '00000000-0000-4000-8000-000000000001'"
        yield TextFault(locate_node(literal), "not-comparable", message)


def find_unportable_texts(node: exp.Expr) -> Iterator[TextFault]:
    """Texts of what each engine writes in its own way: 1 or 1.0, with a T or without."""
    if isinstance(node, exp.Concat):
        operands = node.expressions
    elif isinstance(node, exp.DPipe):
        operands = [node.this, node.expression]
    elif isinstance(node, exp.Cast) and get_cast_type(node) == "text":
        operands = [node.this]
    else:
        return
    for operand in operands:
        kind = get_value_type(operand)
        if kind in ("double", *TIMESTAMP_TYPES):
            remedy = "cast it to int first" if kind == "double" else f"write date({operand.sql()})"
            what = "a number with a fraction" if kind == "double" else TYPE_PHRASES[kind]
            message = f"{operand.sql()!r} is {what}, which databases write differently; {remedy}"
            yield TextFault(locate_node(operand), "not-a-text", message)


def find_wrong_casts(node: exp.Expr) -> Iterator[TextFault]:
    """Casts that one engine refuses where another guesses."""
    if isinstance(node, exp.Date):
        target: ValueType = "date"
    elif isinstance(node, exp.Cast) and get_cast_type(node) != "text":
        target = get_cast_type(node)
    else:
        return
    inner, kind = node.this, get_value_type(node.this)
    if target == "date":
        if is_text_literal(inner):
            yield from find_invalid_date(inner)
        elif kind is not None and kind not in TIMESTAMP_TYPES | {"date"}:
            message = (
                f"{inner.sql()!r} is {TYPE_PHRASES[kind]}, of which no date can be made; declare the column as a date"
            )
            yield TextFault(locate_node(inner), "not-comparable", message)
    elif is_text_literal(inner):
        if not NUMBER.fullmatch(inner.unnest().name):
            yield TextFault(locate_node(inner), "not-comparable", f"{inner.unnest().name!r} is no number")
    elif kind is not None and kind not in NUMBER_TYPES | {"boolean"}:
        remedy = "; declare the column as a number" if kind == "text" else ""
        message = f"{inner.sql()!r} is {TYPE_PHRASES[kind]}, of which no number can be made{remedy}"
        yield TextFault(locate_node(inner), "not-comparable", message)


def find_wrong_positions(node: exp.Expr) -> Iterator[TextFault]:
    """Digits to round to and characters to count, outside of what means the same everywhere."""
    if isinstance(node, exp.Round) and (digits := node.args.get("decimals")) is not None:
        count = parse_whole_literal(digits)
        if count is None or abs(count) > MAX_DIGITS:
            message = f"round() takes the number of its digits as such, from -{MAX_DIGITS} to {MAX_DIGITS}"
            yield TextFault(locate_node(digits), "sql-forbidden", message)
    if isinstance(node, exp.Substring):
        for name, least, message in (
            ("start", 1, "the first character is at 1; substring() does not count from the end"),
            ("length", 0, "substring() takes no fewer than 0 characters"),
        ):
            place = node.args.get(name)
            if place is None:
                continue
            yield from find_unwanted_types([place], NUMBER_TYPES, "not-a-number", "a number")
            if is_number_literal(place) and ((count := parse_whole_literal(place)) is None or count < least):
                yield TextFault(locate_node(place), "sql-forbidden", message)


def is_number_literal(node: exp.Expr) -> bool:
    inner = node.unnest()
    inner = inner.this if isinstance(inner, exp.Neg) else inner
    return isinstance(inner, exp.Literal) and not inner.is_string


def parse_whole_literal(node: exp.Expr) -> int | None:
    """The whole number that a node is, with a sign or without; None for anything else."""
    inner = node.unnest()
    if isinstance(inner, exp.Neg):
        value = parse_whole_literal(inner.this)
        return None if value is None else -value
    return int(inner.name) if isinstance(inner, exp.Literal) and inner.is_int else None


def find_too_large_numbers(node: exp.Expr) -> Iterator[TextFault]:
    """Numbers that no engine's types hold."""
    if isinstance(node, exp.Literal) and not node.is_string:
        if node.is_int and int(node.name) > MAX_WHOLE:
            yield TextFault(locate_node(node), "sql-limits", f"a whole number is at most {MAX_WHOLE}; write 1e20, say")
        elif not math.isfinite(float(node.name)):
            yield TextFault(locate_node(node), "sql-limits", "a number is at most 1.7e308")
        elif float(node.name) == 0 and node.name.lower().partition("e")[0].strip("0."):
            yield TextFault(locate_node(node), "sql-limits", "a number is at least 5e-324, or 0")


def find_excess_repetition(node: exp.Expr) -> Iterator[TextFault]:
    """Functions whose argument is written several times, one in another: the text would grow without bound."""
    times, above = count_repetitions(node), 1
    outer = node.parent
    while outer is not None and times > 1:
        above *= count_repetitions(outer)
        outer = outer.parent
    if times * above > MAX_REPETITIONS >= above:
        message = "too many functions such as round() in one another; make a `sql:` table of the inner ones"
        yield TextFault(locate_node(node), "sql-limits", message)


def count_repetitions(node: exp.Expr) -> int:
    if isinstance(node, exp.Case) and node.this is not None:
        return len(node.args["ifs"])
    if isinstance(node, (exp.Greatest, exp.Least)):
        return len(node.expressions) + 2
    if isinstance(node, (exp.Concat, exp.DPipe)):
        return 2 if any(get_value_type(each) == "boolean" for each in node.iter_expressions()) else 1
    return ARGUMENT_REPETITIONS.get(type(node), 1)


Check = Callable[[exp.Expr], Iterator[TextFault]]
CHECKS: tuple[Check, ...] = (
    find_wrong_operands,
    find_different_types,
    find_unportable_texts,
    find_wrong_casts,
    find_wrong_positions,
    find_too_large_numbers,
    find_excess_repetition,
)
