"""The SQL of an analyst's expressions, which means the same on every engine."""

from __future__ import annotations

import importlib
from abc import ABC
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from sqlglot import exp

from engine.language.function_entry import Parameter, SqlFunction
from engine.language.function_templates import PERCENTILES, FunctionSql, render_call
from engine.language.function_values import MAX_EXACT_WHOLE
from engine.language.functions import find_function
from engine.language.types import (
    COMPARISONS,
    get_alternatives,
    get_value_type,
    is_number_literal,
    parse_fraction,
    parse_whole_literal,
)
from engine.tables import NUMBER_TYPES, VALUE_TYPES, ValueType

# Writes a node of an expression as SQL.
EmitNode = Callable[[exp.Expr], str]

ARITHMETIC_SIGNS: Mapping[type[exp.Expr], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*"}
# No text is as long.
MAX_TEXT_LENGTH = 1_000_000_000


class DoubleSql(str):
    """SQL of which the value is a double already."""


class LiteralSql(str):
    """SQL of a literal, which is never NULL."""


class ExpressionEmitter(ABC):
    """One engine's way to write the expressions of an analyst."""

    # sqlglot's name for it.
    name: ClassVar[str]
    # The type of a double.
    double_type: ClassVar[str] = "DOUBLE PRECISION"
    # The type of a whole number.
    whole_type: ClassVar[str] = "BIGINT"
    # The type of a number of characters.
    count_type: ClassVar[str] = "INTEGER"
    substring_name: ClassVar[str] = "SUBSTRING"
    # EXTRACT's name for the day of the week, from 1, a Monday.
    weekday_field: ClassVar[str] = "ISODOW"
    # The end of a LIKE of which the pattern holds no escapes.
    no_escape: ClassVar[str] = ""
    # The SQL of functions that the engine has in another way than the table of functions says, by name.
    function_sql: ClassVar[Mapping[str, FunctionSql | None]] = {}

    def __init__(self) -> None:
        # sqlglot loads a dialect when one is first named, and shows it to other threads half made: they would write and
        # read another language. An import waits until the module is whole.
        importlib.import_module(f"sqlglot.dialects.{self.name}")

    def quote_identifier(self, name: str) -> str:
        """Write a name in quotes; a dotted one part by part."""
        return ".".join(f'"{part}"' for part in name.split("."))

    def normalize_column(self, sql: str, type_name: str) -> str:
        """Write a column such that its values compare, sort and add up alike on every engine."""
        # What is declared a double may be a decimal in the database.
        return self.emit_double(sql) if VALUE_TYPES[type_name] == "double" else sql

    def emit_double(self, sql: str) -> str:
        return sql if isinstance(sql, DoubleSql) else DoubleSql(f"CAST({sql} AS {self.double_type})")

    def emit_text(self, sql: str) -> str:
        """Write a value as a text that sorts by code points."""
        return f"CAST({sql} AS TEXT)"

    def emit_name(self, sql: str, kind: ValueType | None) -> str:
        """Write a value of a nameable type as its text."""
        if kind == "boolean":
            sql = f"CASE WHEN {sql} THEN 'true' WHEN NOT ({sql}) THEN 'false' END"
        return self.emit_text(sql)

    def emit_expression(self, tree: exp.Expr, columns: Mapping[str, str] | None) -> str:
        """Write an analyst's expression; `columns` is the SQL of each column."""
        if isinstance(tree, exp.Column):
            return self.emit_query_column(tree) if columns is None else columns[tree.name]
        return tree.transform(self.rewrite_node, columns).sql(dialect=self.name, identify=True, comments=False)

    def emit_query(self, tree: exp.Query, scan: Callable[[exp.Table], str | None]) -> str:
        """Write an analyst's query.

        `scan` returns the SQL in place of a table, or None for a WITH query.
        """

        def replace_node(node: exp.Expr) -> exp.Expr:
            if isinstance(node, exp.Table):
                sql = scan(node)
                return wrap_sql(
                    f"{self.quote_with_name(node.name)} AS {self.quote_identifier(node.alias_or_name)}"
                    if sql is None
                    else sql
                )
            if isinstance(node, exp.CTE):
                node.args["alias"].set("this", wrap_sql(self.quote_with_name(node.alias)))
            return self.rewrite_node(node, None)

        return tree.transform(replace_node).sql(dialect=self.name, identify=True, comments=False)

    def emit_query_column(self, column: exp.Column) -> str:
        """Write a column inside a query behind its source; its node knows its type."""
        return f"{self.quote_identifier(column.table)}.{self.quote_identifier(column.name)}"

    def quote_with_name(self, name: str) -> str:
        """Write the name of a WITH query as one that no table can have: neither hides the other."""
        return self.quote_identifier(f"with {name}")

    def rewrite_node(self, node: exp.Expr, columns: Mapping[str, str] | None) -> exp.Expr:
        """Replace a node by SQL that gives it its one meaning on this engine.

        `columns` is the SQL of each column; without it they are columns of a query. The walk does not enter a node that
        has taken another's place, so its SQL is complete.
        """
        if isinstance(node, exp.Column):
            return wrap_sql(self.emit_expression(node, columns), get_value_type(node))

        def emit_inner(inner: exp.Expr) -> str:
            return self.emit_expression(inner, columns)

        function, write = find_function(node), NODE_EMITTERS.get(type(node))
        if function is not None:
            sql = self.emit_function(function, node, emit_inner)
        else:
            sql = None if write is None else write(self, node, emit_inner)
        return node if sql is None else wrap_sql(sql)

    # Functions

    def emit_percentile(self, sql: str, fraction: str) -> str:
        """Write the percentile of a double at a part from 0 to 1."""
        return render_call(self.function_sql.get("percentile") or PERCENTILES["percentile"], [sql, fraction], self)

    def emit_function(self, function: SqlFunction, node: exp.Expr, sql: EmitNode) -> str | None:
        """Write a call by the table of functions; None where sqlglot's own way is right."""
        text = self.function_sql.get(function.name, function.sql)
        if text is None:
            return None
        pairs = list(function.pair_arguments(node))
        uniform = self.make_uniform_emitter([each for each, parameter in pairs if parameter.is_uniform], sql)
        arguments = [self.emit_argument(each, parameter, sql, uniform) for each, parameter in pairs]
        if isinstance(node.this, exp.Distinct):
            arguments[0] = f"DISTINCT {arguments[0]}"
        return render_call(text, arguments, self)

    def emit_argument(self, node: exp.Expr, parameter: Parameter, sql: EmitNode, uniform: EmitNode) -> str:
        """Write an argument for its parameter; `uniform` writes those that are of one type."""
        match parameter.kind:
            case "number":
                return self.emit_double(sql(node))
            case "digits":
                return str(parse_whole_literal(node))
            case "fraction":
                return str(parse_fraction(node))
            case "place":
                return self.emit_character_count(node, parameter.least or 0, sql)
            case "nameable":
                return self.emit_name(sql(node), get_value_type(node))
        written = uniform(node) if parameter.is_uniform else sql(node)
        return LiteralSql(written) if isinstance(node, exp.Literal) else written

    def emit_character_count(self, node: exp.Expr, least: int, sql: EmitNode) -> str:
        """Write a number of characters: whole, and neither too small nor larger than any text."""
        if is_number_literal(node):
            return str(min(parse_whole_literal(node) or 0, MAX_TEXT_LENGTH))
        value = self.emit_double(sql(node))
        most = MAX_TEXT_LENGTH
        bounded = f"CASE WHEN {value} < {least} THEN {least} WHEN {value} > {most} THEN {most} ELSE {value} END"
        return self.emit_truncating_cast(self.count_type, bounded)

    def make_uniform_emitter(self, nodes: Sequence[exp.Expr], sql: EmitNode) -> EmitNode:
        """Make the emitter of values side by side: whole numbers beside doubles are doubles."""
        kinds = {get_value_type(node) for node in nodes if not isinstance(node, exp.Null)}
        return (lambda node: self.emit_double(sql(node))) if kinds >= NUMBER_TYPES else sql

    # Operators on which engines do not agree: each method writes a node, or returns None where sqlglot's own way is
    # right. `sql` writes the nodes inside it.

    def emit_division(self, node: exp.Expr, sql: EmitNode) -> str | None:
        """Write a division in floating point that is NULL where the divisor is 0."""
        return f"({self.emit_double(sql(node.this))} / NULLIF({self.emit_double(sql(node.expression))}, 0))"

    def emit_arithmetic(self, node: exp.Expr, sql: EmitNode) -> str | None:
        """Write +, - or * in floating point, since whole numbers overflow."""

        def emit_operand(inner: exp.Expr) -> str:
            known = isinstance(inner.unnest(), (exp.Add, exp.Sub, exp.Mul, exp.Div))
            return sql(inner) if known else self.emit_double(sql(inner))

        return f"({emit_operand(node.this)} {ARITHMETIC_SIGNS[type(node)]} {emit_operand(node.expression)})"

    def emit_negation(self, node: exp.Expr, sql: EmitNode) -> str | None:
        """Write the negative of a double, since the least whole number has none."""
        return None if is_number_literal(node) else f"(-{self.emit_double(sql(node.this))})"

    def emit_comparison(self, node: exp.Expr, sql: EmitNode) -> str | None:
        """Write a comparison; whole numbers beside doubles are compared as doubles."""
        given = list(node.iter_expressions())
        mixed = {get_value_type(each) for each in given} >= NUMBER_TYPES
        if not mixed and not isinstance(node, exp.Between):
            return None
        copy = node.copy()
        for inner, place in zip(given, list(copy.iter_expressions()), strict=True):
            operand = self.emit_double(sql(inner)) if mixed and needs_cast(inner) else sql(inner)
            # Some take no more than a simple expression between BETWEEN and AND.
            simple = isinstance(inner, exp.Literal) or inner.arg_key == "this"
            place.replace(wrap_sql(operand if simple else f"({operand})"))
        return copy.sql(dialect=self.name, identify=True, comments=False)

    def emit_case(self, node: exp.Expr, sql: EmitNode) -> str | None:
        """Write CASE, of which the values may be whole numbers here and doubles there."""
        value, default = self.make_uniform_emitter(get_alternatives(node), sql), node.args.get("default")
        branches = "".join(
            f" WHEN {sql(build_branch_condition(node.this, each.this))} THEN {value(each.args['true'])}"
            for each in node.args["ifs"]
        )
        return f"CASE{branches}{'' if default is None else f' ELSE {value(default)}'} END"

    def emit_cast(self, node: exp.Expr, sql: EmitNode) -> str | None:
        """Write a cast: a decimal is a double, a whole number what stands before the point."""
        to, inner, kind = node.args["to"].this, sql(node.this), get_value_type(node.this)
        if to is exp.DType.DATE:
            return None
        if to in (exp.DType.TEXT, exp.DType.VARCHAR):
            return self.emit_name(inner, kind)
        if kind == "boolean":
            inner = f"CASE WHEN {inner} THEN 1 WHEN NOT ({inner}) THEN 0 END"
        if to in (exp.DType.INT, exp.DType.BIGINT):
            return inner if kind in ("whole", "boolean") else self.emit_whole(self.emit_double(inner))
        return self.emit_double(inner)

    def emit_whole(self, sql: str) -> str:
        """Write the whole part of a double; NULL where no whole number is as large."""
        return self.emit_truncating_cast(
            self.whole_type, f"CASE WHEN ABS({sql}) < 9223372036854775808.0 THEN {sql} END"
        )

    def emit_truncating_cast(self, type_name: str, sql: str) -> str:
        """Write a double as a whole number of a type that is large enough."""
        return f"CAST({self.emit_truncation(sql)} AS {type_name})"

    def emit_truncation(self, sql: str) -> str:
        """Write a double without its fraction."""
        return f"TRUNC({sql})"

    def emit_like(self, node: exp.Expr, sql: EmitNode) -> str | None:
        """Write LIKE, in which a backslash stands for itself."""
        word = "NOT LIKE" if node.args.get("negate") else "LIKE"
        return f"{sql(node.this)} {word} {sql(node.expression)}{self.no_escape}"

    def emit_literal(self, node: exp.Expr, sql: EmitNode) -> str | None:
        """Write a literal that the driver would read as something else."""
        return None


NODE_EMITTERS: Mapping[type[exp.Expr], Callable[[ExpressionEmitter, exp.Expr, EmitNode], str | None]] = {
    exp.Div: lambda dialect, node, sql: dialect.emit_division(node, sql),
    **dict.fromkeys(ARITHMETIC_SIGNS, lambda dialect, node, sql: dialect.emit_arithmetic(node, sql)),
    exp.Neg: lambda dialect, node, sql: dialect.emit_negation(node, sql),
    **dict.fromkeys(COMPARISONS, lambda dialect, node, sql: dialect.emit_comparison(node, sql)),
    exp.Case: lambda dialect, node, sql: dialect.emit_case(node, sql),
    exp.Cast: lambda dialect, node, sql: dialect.emit_cast(node, sql),
    exp.Like: lambda dialect, node, sql: dialect.emit_like(node, sql),
    exp.Literal: lambda dialect, node, sql: dialect.emit_literal(node, sql),
}


def build_branch_condition(subject: exp.Expr | None, option: exp.Expr) -> exp.Expr:
    """Build the condition of a branch of CASE.

    A subject is compared by `=`, since for some engines its NULL would equal NULL.
    """
    return option if subject is None else exp.EQ(this=parenthesize(subject), expression=parenthesize(option))


def parenthesize(node: exp.Expr) -> exp.Expr:
    """Copy a node, in parentheses if it needs them."""
    if isinstance(node, (exp.Column, exp.Literal, exp.Paren, exp.Func)) and not isinstance(node, exp.Binary):
        return node.copy()
    copy = exp.Paren(this=node.copy())
    copy.meta["kind"] = get_value_type(node)
    return copy


def needs_cast(node: exp.Expr) -> bool:
    """Whether a number beside doubles is whole, and no literal that is exact as a double."""
    literal = parse_whole_literal(node)
    return get_value_type(node) == "whole" and (literal is None or abs(literal) > MAX_EXACT_WHOLE)


def wrap_sql(sql: str, kind: ValueType | None = None) -> exp.Expr:
    """Wrap finished SQL in a node that is printed as it is."""
    node = exp.Var(this=sql)
    node.meta["kind"] = kind
    return node
