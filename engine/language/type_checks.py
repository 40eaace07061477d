"""Checks of types: what one engine refuses, or engines answer differently, is a fault.

Each check looks at one node of an annotated tree.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from uuid import UUID

from sqlglot import exp

from engine.faults import TextFault
from engine.language.function_entry import ParameterKind
from engine.language.functions import find_function
from engine.language.lexer import ISO_DATE
from engine.language.parser import locate_node
from engine.language.remedies import CLOCK_REMEDY
from engine.language.types import (
    ARITHMETIC,
    COMPARISONS,
    CONDITIONS,
    CONNECTIVES,
    TYPE_PHRASES,
    get_alternatives,
    get_cast_type,
    get_value_type,
    is_number_literal,
    parse_fraction,
    parse_whole_literal,
)
from engine.tables import NAMEABLE_TYPES, NUMBER_TYPES, TIMESTAMP_TYPES, ValueType

ORDERING_COMPARISONS = (exp.LT, exp.LTE, exp.GT, exp.GTE, exp.Between)
# How often the texts of all functions around an argument may repeat it.
MAX_REPETITIONS = 2_000
MAX_WHOLE = 2**63 - 1
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def find_type_faults(tree: exp.Expr) -> Iterator[TextFault]:
    """Find the operations that an engine refuses, or that engines answer differently."""
    for node in tree.walk():
        if unclear := list(find_chained_comparisons(node)):
            yield from unclear
            continue
        for check in CHECKS:
            yield from check(node)


def find_wrong_operands(node: exp.Expr) -> Iterator[TextFault]:
    """Find operands of a type that an operation does not take, such as a sum of texts."""
    function = find_function(node)
    if function is not None:
        for argument, parameter in function.pair_arguments(node):
            if (check := ARGUMENT_CHECKS.get(parameter.kind)) is not None:
                yield from check(argument)
        return
    for kinds, check in OPERAND_CHECKS:
        if isinstance(node, kinds):
            for operand in node.iter_expressions():
                yield from check(operand)
    if isinstance(node, exp.Case) and node.this is None:
        for branch in node.args["ifs"]:
            yield from find_non_condition(branch.this)
    elif isinstance(node, exp.Is) and isinstance(node.expression, exp.Boolean):
        yield from find_non_condition(node.this)
    elif isinstance(node, exp.Cast):
        yield from CAST_CHECKS[get_cast_type(node)](node.this)


def find_non_number(operand: exp.Expr) -> Iterator[TextFault]:
    yield from find_unwanted_type(operand, NUMBER_TYPES, "not-a-number", "a number")


def find_non_condition(operand: exp.Expr) -> Iterator[TextFault]:
    yield from find_unwanted_type(operand, ("boolean",), "not-a-condition", "a condition")


def find_non_text(operand: exp.Expr) -> Iterator[TextFault]:
    yield from find_unwanted_type(operand, ("text",), "not-a-text", "text", "; cast(… as text) makes text of")


def find_undated_operand(operand: exp.Expr) -> Iterator[TextFault]:
    """Find an operand that is no date; the date of a timestamp is written `date(…)`."""
    kind = get_value_type(operand)
    if kind not in ("date", None):
        makes_one = kind in TIMESTAMP_TYPES or is_text_literal(operand)
        remedy = f"; write date({operand.sql()})" if makes_one else ""
        yield TextFault(
            locate_node(operand), "not-comparable", f"{operand.sql()!r} is {TYPE_PHRASES[kind]}, not a date{remedy}"
        )


def find_unwanted_type(
    operand: exp.Expr, wanted: Collection[str], code: str, what: str, remedy: str = ""
) -> Iterator[TextFault]:
    kind = get_value_type(operand)
    if kind is not None and kind not in wanted:
        more = f"{remedy} it" if remedy and kind in NAMEABLE_TYPES else ""
        if kind == "boolean" and wanted is NUMBER_TYPES:
            more = "; write case when … then 1 end"
        if kind in TIMESTAMP_TYPES | {"date"} and isinstance(operand.parent, ARITHMETIC):
            more = f"; dates are compared, not computed with: {CLOCK_REMEDY}"
        yield TextFault(locate_node(operand), code, f"{operand.sql()!r} is {TYPE_PHRASES[kind]}, not {what}{more}")


def find_different_types(node: exp.Expr) -> Iterator[TextFault]:
    """Find values of different types side by side, such as a text and a number."""
    function = find_function(node)
    if function is not None:
        pairs = list(function.pair_arguments(node))
        yield from find_incomparable_operands([each for each, parameter in pairs if parameter.kind == "compared"])
        yield from find_incomparable_operands(get_alternatives(node), compared=False)
        code = "not-a-number" if function.is_aggregate else "not-comparable"
        ordered = [each for each, parameter in pairs if parameter.kind == "ordered"]
        yield from find_unordered_operand(ordered, ("uuid", "boolean"), code)
        return
    operands = list(node.iter_expressions())
    if isinstance(node, COMPARISONS):
        yield from find_incomparable_operands(operands, since=isinstance(node, (exp.GTE, exp.LT)))
    elif isinstance(node, exp.Case):
        if node.this is not None:
            yield from find_incomparable_operands([node.this, *(each.this for each in node.args["ifs"])])
        yield from find_incomparable_operands(get_alternatives(node), compared=False)
    if isinstance(node, ORDERING_COMPARISONS):
        yield from find_unordered_operand(operands[1:], ("uuid",), "not-comparable")


def find_unordered_operand(operands: Iterable[exp.Expr], unordered: Collection[str], code: str) -> Iterator[TextFault]:
    """Find the first operand of a type that has no order, or not the same one everywhere."""
    for operand in operands:
        kind = get_value_type(operand)
        if kind is not None and kind in unordered:
            message = f"{operand.sql()!r} is {TYPE_PHRASES[kind]}, which has no order everywhere"
            yield TextFault(locate_node(operand), code, f"{message}; cast it to {'text' if kind == 'uuid' else 'int'}")
            return


def find_chained_comparisons(node: exp.Expr) -> Iterator[TextFault]:
    """Find comparisons of comparisons: engines differ in which one comes first."""
    if isinstance(node, (*COMPARISONS, exp.Like)):
        for operand in [node.this] if isinstance(node, exp.In) else node.iter_expressions():
            if isinstance(operand, (*CONDITIONS, *CONNECTIVES)):
                message = f"join comparisons by AND, or put {operand.sql()} in parentheses: which is first differs"
                yield TextFault(locate_node(operand), "sql-syntax", message)


def find_incomparable_operands(
    operands: Sequence[exp.Expr], *, compared: bool = True, since: bool = False
) -> Iterator[TextFault]:
    """Find operands of another type than the first one that has any.

    An operand that is `compared` may be the text of a date. `since` tells that timestamps are compared by `>=` or `<`,
    for which the text of a day is enough.
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
    """Suggest to write a number in quotes beside a text, and without them beside a number."""
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
    """Find a text that is not an existing day, written in full."""
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


def find_unportable_text(operand: exp.Expr) -> Iterator[TextFault]:
    """Find a value that engines write as different texts: 1 or 1.0, with a T or without."""
    kind = get_value_type(operand)
    if kind in ("double", *TIMESTAMP_TYPES):
        remedy = "cast it to int first" if kind == "double" else f"write date({operand.sql()})"
        what = "a number with a fraction" if kind == "double" else TYPE_PHRASES[kind]
        message = f"{operand.sql()!r} is {what}, which databases write differently; {remedy}"
        yield TextFault(locate_node(operand), "not-a-text", message)


def find_untimed_operand(operand: exp.Expr) -> Iterator[TextFault]:
    """Find an operand that is no timestamp, so that it has no hour."""
    yield from find_unwanted_type(operand, TIMESTAMP_TYPES, "not-comparable", "a timestamp")


def find_undatable_operand(operand: exp.Expr) -> Iterator[TextFault]:
    """Find an operand of which an engine makes no date, or guesses one."""
    kind = get_value_type(operand)
    if is_text_literal(operand):
        yield from find_invalid_date(operand)
    elif kind is not None and kind not in TIMESTAMP_TYPES | {"date"}:
        message = (
            f"{operand.sql()!r} is {TYPE_PHRASES[kind]}, of which no date can be made; declare the column as a date"
        )
        yield TextFault(locate_node(operand), "not-comparable", message)


def find_uncountable_operand(operand: exp.Expr) -> Iterator[TextFault]:
    """Find an operand of which an engine makes no number, or guesses one."""
    kind = get_value_type(operand)
    if is_text_literal(operand):
        if not NUMBER.fullmatch(operand.unnest().name):
            yield TextFault(locate_node(operand), "not-comparable", f"{operand.unnest().name!r} is no number")
    elif kind is not None and kind not in NUMBER_TYPES | {"boolean"}:
        remedy = "; declare the column as a number" if kind == "text" else ""
        message = f"{operand.sql()!r} is {TYPE_PHRASES[kind]}, of which no number can be made{remedy}"
        yield TextFault(locate_node(operand), "not-comparable", message)


NodeCheck = Callable[[exp.Expr], Iterator[TextFault]]
# What is checked of an argument by itself, by the kind of its parameter.
ARGUMENT_CHECKS: Mapping[ParameterKind, NodeCheck] = {
    "number": find_non_number,
    "digits": find_non_number,
    "fraction": find_non_number,
    "place": find_non_number,
    "text": find_non_text,
    "nameable": find_unportable_text,
    "date": find_undated_operand,
    "moment": find_undatable_operand,
    "timestamp": find_untimed_operand,
    "condition": find_non_condition,
}
OPERAND_CHECKS: Sequence[tuple[tuple[type[exp.Expr], ...], NodeCheck]] = (
    (ARITHMETIC, find_non_number),
    (CONNECTIVES, find_non_condition),
    ((exp.Like,), find_non_text),
)
CAST_CHECKS: Mapping[ValueType, NodeCheck] = {
    "text": find_unportable_text,
    "date": find_undatable_operand,
    "whole": find_uncountable_operand,
    "double": find_uncountable_operand,
}


def find_numbers_out_of_range(node: exp.Expr) -> Iterator[TextFault]:
    """Find digits to round to and places of characters that do not mean the same everywhere."""
    function = find_function(node)
    for argument, parameter in () if function is None else function.pair_arguments(node):
        if parameter.kind == "fraction" and parse_fraction(argument) is None:
            yield TextFault(locate_node(argument), "sql-forbidden", parameter.out_of_range)
        if parameter.kind == "digits" or (parameter.kind == "place" and is_number_literal(argument)):
            number = parse_whole_literal(argument)
            if number is None or not parameter.is_in_range(number):
                yield TextFault(locate_node(argument), "sql-forbidden", parameter.out_of_range)


def find_too_large_numbers(node: exp.Expr) -> Iterator[TextFault]:
    """Find numbers that the types of no engine hold."""
    if isinstance(node, exp.Literal) and not node.is_string:
        if node.is_int and int(node.name) > MAX_WHOLE:
            yield TextFault(locate_node(node), "sql-limits", f"a whole number is at most {MAX_WHOLE}; write 1e20, say")
        elif not math.isfinite(float(node.name)):
            yield TextFault(locate_node(node), "sql-limits", "a number is at most 1.7e308")
        elif float(node.name) == 0 and node.name.lower().partition("e")[0].strip("0."):
            yield TextFault(locate_node(node), "sql-limits", "a number is at least 5e-324, or 0")


def find_excess_repetition(node: exp.Expr) -> Iterator[TextFault]:
    """Find nested functions that repeat their arguments: the text would grow without bound."""
    times, above = count_repetitions(node), 1
    outer = node.parent
    while outer is not None and times > 1:
        above *= count_repetitions(outer)
        outer = outer.parent
    if times * above > MAX_REPETITIONS >= above:
        message = "too many functions such as round() in one another; make a `sql:` table of the inner ones"
        yield TextFault(locate_node(node), "sql-limits", message)


def count_repetitions(node: exp.Expr) -> int:
    """Count how often the text of a node repeats a node inside it at the most."""
    if isinstance(node, exp.Case):
        return 1 if node.this is None else len(node.args["ifs"])
    if isinstance(node, exp.Cast):
        return 2
    function = find_function(node)
    if function is None:
        return 1
    # The text of a condition is a CASE.
    named = any(
        parameter.kind == "nameable" and get_value_type(each) == "boolean"
        for each, parameter in function.pair_arguments(node)
    )
    return function.count_repetitions(node) * (2 if named else 1)


CHECKS: tuple[NodeCheck, ...] = (
    find_wrong_operands,
    find_different_types,
    find_numbers_out_of_range,
    find_too_large_numbers,
    find_excess_repetition,
)
