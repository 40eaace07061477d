"""An analyst's expressions as SQL that means the same on every engine."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from sqlglot import exp

from engine.language.evaluator import MAX_EXACT_WHOLE, MAX_EXPONENT, MIN_EXPONENT
from engine.language.types import COMPARISONS, get_value_type, is_number_literal, parse_whole_literal
from engine.tables import NUMBER_TYPES, VALUE_TYPES, ValueType

# Writes a node of an expression as SQL.
EmitNode = Callable[[exp.Expr], str]

ARITHMETIC_SIGNS: Mapping[type[exp.Expr], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*"}
# What is asked of a date, as EXTRACT names it.
EXTRACT_FIELDS: Mapping[type[exp.Expr], str] = {exp.Year: "YEAR", exp.Month: "MONTH", exp.Day: "DAY"}
# No text is as long.
MAX_TEXT_LENGTH = 1_000_000_000


class DoubleSql(str):
    """SQL whose value is a double already."""


class ExpressionEmitter(ABC):
    """How one engine writes what an analyst may write."""

    # sqlglot's name for it.
    name: ClassVar[str]
    # The type of a double.
    double_type: ClassVar[str] = "DOUBLE PRECISION"
    # That of a whole number.
    whole_type: ClassVar[str] = "BIGINT"
    # That of a number of characters.
    count_type: ClassVar[str] = "INTEGER"
    substring_name: ClassVar[str] = "SUBSTRING"
    # What EXTRACT calls the day of the week, of which Monday is the first and 1.
    weekday_field: ClassVar[str] = "ISODOW"
    # What follows a pattern of LIKE, so that nothing is an escape in it.
    no_escape: ClassVar[str] = ""

    def quote_identifier(self, name: str) -> str:
        """A name in quotes; a dotted one is quoted part by part."""
        return ".".join(f'"{part}"' for part in name.split("."))

    def normalize_column(self, sql: str, type_name: str) -> str:
        """A column of a table such that its values compare, sort and add up alike on every engine."""
        # What is declared a double may be a decimal in the database.
        return self.emit_double(sql) if VALUE_TYPES[type_name] == "double" else sql

    def emit_double(self, sql: str) -> str:
        return sql if isinstance(sql, DoubleSql) else DoubleSql(f"CAST({sql} AS {self.double_type})")

    def emit_text(self, sql: str) -> str:
        """A value as text that sorts by code points."""
        return f"CAST({sql} AS TEXT)"

    def emit_name(self, sql: str, kind: ValueType | None) -> str:
        """A value of a kind that is written in one way as that text."""
        if kind == "boolean":
            sql = f"CASE WHEN {sql} THEN 'true' WHEN NOT ({sql}) THEN 'false' END"
        return self.emit_text(sql)

    def emit_expression(self, tree: exp.Expr, columns: Mapping[str, str] | None) -> str:
        """A tree of an analyst's expression as SQL; `columns` tells how each column is written."""
        if isinstance(tree, exp.Column):
            return self.emit_query_column(tree) if columns is None else columns[tree.name]
        return tree.transform(self.rewrite_node, columns).sql(dialect=self.name, identify=True, comments=False)

    def emit_query(self, tree: exp.Select, scan: Callable[[exp.Table], str | None]) -> str:
        """An analyst's query as SQL; `scan` gives what stands where a table is named, or None for a WITH query."""

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
        """A column inside a query, which stands behind its source and knows its kind."""
        return f"{self.quote_identifier(column.table)}.{self.quote_identifier(column.name)}"

    def quote_with_name(self, name: str) -> str:
        """The name of an analyst's WITH query: one that no table can have, so that neither hides the other."""
        return self.quote_identifier(f"with {name}")

    def rewrite_node(self, node: exp.Expr, columns: Mapping[str, str] | None) -> exp.Expr:
        """What means the same on every engine, written so that this one does it.

        `columns` tells how columns are written; without it they are those of a query.
        """
        if isinstance(node, exp.Column):
            return wrap_sql(self.emit_expression(node, columns), get_value_type(node))
        if isinstance(node, exp.If) and not isinstance(node.parent, exp.Case):
            # IF is spelt in many ways, and some want an ELSE. It is written whole: the walk does not go into a node
            # that has taken another's place, so nothing inside would be rewritten.
            case = exp.Case(ifs=[exp.If(this=node.this, true=node.args["true"])], default=node.args.get("false"))
            return wrap_sql(self.emit_expression(case, columns))
        write = NODE_EMITTERS.get(type(node))
        sql = None if write is None else write(self, node, lambda inner: self.emit_expression(inner, columns))
        return node if sql is None else wrap_sql(sql)

    # What engines do not agree on: each writes a node, or gives None where the engine's own way is right. `sql` writes
    # the nodes inside it.

    def emit_division(self, node: exp.Expr, sql: EmitNode) -> str | None:
        """A division in floating point that is NULL where the divisor is 0."""
        return f"({self.emit_double(sql(node.this))} / NULLIF({self.emit_double(sql(node.expression))}, 0))"

    def emit_arithmetic(self, node: exp.Expr, sql: EmitNode) -> str | None:
        """+, - and * in floating point: whole numbers that become too large fail, or wrap around."""

        def emit_operand(inner: exp.Expr) -> str:
            known = isinstance(inner.unnest(), (exp.Add, exp.Sub, exp.Mul, exp.Div))
            return sql(inner) if known else self.emit_double(sql(inner))

        return f"({emit_operand(node.this)} {ARITHMETIC_SIGNS[type(node)]} {emit_operand(node.expression)})"

    def emit_negation(self, node: exp.Expr, sql: EmitNode) -> str | None:
        """The least whole number has no counterpart: it is a double that is turned round."""
        return None if is_number_literal(node) else f"(-{self.emit_double(sql(node.this))})"

    def emit_double_function(self, node: exp.Expr, sql: EmitNode) -> str | None:
        """ABS, CEIL, FLOOR, SUM and AVG in floating point."""
        distinct = isinstance(node.this, exp.Distinct)
        argument = self.emit_double(sql(node.this.expressions[0] if distinct else node.this))
        return f"{node.key.upper()}({'DISTINCT ' if distinct else ''}{argument})"

    def emit_comparison(self, node: exp.Expr, sql: EmitNode) -> str | None:
        """A comparison; whole numbers are compared with doubles as doubles, where some engines would do it exactly."""
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

    def make_uniform_emitter(self, nodes: Sequence[exp.Expr], sql: EmitNode) -> EmitNode:
        """How to write values that stand side by side: whole numbers and doubles together are doubles."""
        kinds = {get_value_type(node) for node in nodes if not isinstance(node, exp.Null)}
        return (lambda node: self.emit_double(sql(node))) if kinds >= NUMBER_TYPES else sql

    def emit_extreme(self, node: exp.Expr, sql: EmitNode) -> str | None:
        """GREATEST and LEAST, which pass over NULL."""
        arguments = [node.this, *node.expressions]
        return f"{node.key.upper()}({', '.join(map(self.make_uniform_emitter(arguments, sql), arguments))})"

    def emit_null_skipping_extreme(self, function: str, node: exp.Expr, sql: EmitNode) -> str:
        """GREATEST and LEAST where the engine's own `function` is NULL as soon as one argument is.

        In the place of one that is NULL stands the first that is not.
        """
        nodes = [node.this, *node.expressions]
        arguments = list(map(self.make_uniform_emitter(nodes, sql), nodes))
        known = (f"COALESCE({', '.join((each, *arguments))})" for each in arguments)
        return f"{function}({', '.join(known)})"

    def emit_choice(self, node: exp.Expr, sql: EmitNode) -> str | None:
        """CASE, COALESCE and NULLIF, whose values may be whole numbers here and doubles there."""
        if isinstance(node, exp.Case):
            default = node.args.get("default")
            results = [each.args["true"] for each in node.args["ifs"]]
            value = self.make_uniform_emitter([*results, *([] if default is None else [default])], sql)
            branches = "".join(
                f" WHEN {sql(build_branch_condition(node.this, each.this))} THEN {value(each.args['true'])}"
                for each in node.args["ifs"]
            )
            return f"CASE{branches}{'' if default is None else f' ELSE {value(default)}'} END"
        arguments = [node.this, *(node.expressions or [node.expression])]
        return f"{node.key.upper()}({', '.join(map(self.make_uniform_emitter(arguments, sql), arguments))})"

    def emit_cast(self, node: exp.Expr, sql: EmitNode) -> str | None:
        """A decimal is a double, since precisions differ; a whole number is what stands before the point."""
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
        """What stands before the point of a double; NULL where no whole number is as large."""
        return self.emit_truncating_cast(
            self.whole_type, f"CASE WHEN ABS({sql}) < 9223372036854775808.0 THEN {sql} END"
        )

    def emit_truncating_cast(self, type_name: str, sql: str) -> str:
        """A double as a whole number that is large enough for it."""
        return f"CAST({self.emit_truncation(sql)} AS {type_name})"

    def emit_truncation(self, sql: str) -> str:
        """A double without what stands behind its point."""
        return f"TRUNC({sql})"

    def emit_round(self, node: exp.Expr, sql: EmitNode) -> str | None:
        """Half away from zero. What is too large to have such digits stays."""
        value, digits = self.emit_double(sql(node.this)), node.args.get("decimals")
        places = 0 if digits is None else parse_whole_literal(digits) or 0
        scale = f"1e{abs(places)}"
        up, down = ("*", "/") if places >= 0 else ("/", "*")
        scaled, back = (f" {up} {scale}", f" {down} {scale}") if places else ("", "")
        size = f"FLOOR(ABS({value}){scaled} + 0.5){back}"
        most = f"{MAX_EXACT_WHOLE}e{-places}"
        return f"CASE WHEN ABS({value}) >= {most} THEN {value} WHEN {value} < 0 THEN -({size}) ELSE {size} END"

    def emit_sqrt(self, node: exp.Expr, sql: EmitNode) -> str | None:
        """NULL where there is none."""
        value = self.emit_double(sql(node.this))
        return f"SQRT(CASE WHEN {value} >= 0 THEN {value} END)"

    def emit_ln(self, node: exp.Expr, sql: EmitNode) -> str | None:
        """NULL where there is none."""
        value = self.emit_double(sql(node.this))
        return f"LN(CASE WHEN {value} > 0 THEN {value} END)"

    def emit_exp(self, node: exp.Expr, sql: EmitNode) -> str | None:
        """NULL where it is beyond a double, 0 where it is below."""
        value = self.emit_double(sql(node.this))
        return f"CASE WHEN {value} < {MIN_EXPONENT} THEN 0.0 WHEN {value} <= {MAX_EXPONENT} THEN EXP({value}) END"

    def emit_power(self, node: exp.Expr, sql: EmitNode) -> str | None:
        """NULL where there is none, or it is beyond a double; 0 where it is below."""
        base, exponent = self.emit_double(sql(node.this)), self.emit_double(sql(node.expression))
        size = f"{exponent} * LN(NULLIF(ABS({base}), 0))"
        return (
            f"CASE WHEN {exponent} = 0 THEN CASE WHEN {base} IS NOT NULL THEN 1.0 END "
            f"WHEN {base} = 0 THEN CASE WHEN {exponent} > 0 THEN 0.0 END "
            f"WHEN ({base} > 0 OR {exponent} = FLOOR({exponent})) AND {size} <= {MAX_EXPONENT} "
            f"THEN CASE WHEN {size} < {MIN_EXPONENT} THEN 0.0 ELSE POWER({base}, {exponent}) END END"
        )

    def emit_like(self, node: exp.Expr, sql: EmitNode) -> str | None:
        """% and _ stand for others, and a backslash for itself."""
        word = "NOT LIKE" if node.args.get("negate") else "LIKE"
        return f"{sql(node.this)} {word} {sql(node.expression)}{self.no_escape}"

    def emit_lower(self, node: exp.Expr, sql: EmitNode) -> str | None:
        """The letters A to Z, whatever the collation."""
        return None

    def emit_upper(self, node: exp.Expr, sql: EmitNode) -> str | None:
        """The letters a to z, whatever the collation."""
        return None

    def emit_substring(self, node: exp.Expr, sql: EmitNode) -> str | None:
        """By characters, not bytes, from the first one, which is at 1; a place before it is the first."""
        bounds = (("start", 1), ("length", 0))
        places = [
            self.emit_character_count(node.args[name], least, sql)
            for name, least in bounds
            if node.args.get(name) is not None
        ]
        return f"{self.substring_name}({', '.join((sql(node.this), *places))})"

    def emit_character_count(self, node: exp.Expr, least: int, sql: EmitNode) -> str:
        """A number of characters: whole, and neither too small nor larger than any text."""
        if is_number_literal(node):
            return str(min(parse_whole_literal(node) or 0, MAX_TEXT_LENGTH))
        value = self.emit_double(sql(node))
        most = MAX_TEXT_LENGTH
        bounded = f"CASE WHEN {value} < {least} THEN {least} WHEN {value} > {most} THEN {most} ELSE {value} END"
        return self.emit_truncating_cast(self.count_type, bounded)

    def emit_trim(self, node: exp.Expr, sql: EmitNode) -> str | None:
        """Without the blanks at both ends; other white space stays."""
        return f"TRIM({sql(node.this)})"

    def emit_replace(self, node: exp.Expr, sql: EmitNode) -> str | None:
        """Every occurrence; none of the empty text. NULL where any argument is."""
        return None

    def emit_count(self, node: exp.Expr, sql: EmitNode) -> str | None:
        """LENGTH, by characters, and COUNT."""
        return None

    def emit_date_part(self, node: exp.Expr, sql: EmitNode) -> str | None:
        """The year, the month or the day of a date, or the day of its week."""
        field = EXTRACT_FIELDS.get(type(node), self.weekday_field)
        return f"CAST(EXTRACT({field} FROM {sql(node.this)}) AS {self.whole_type})"

    def emit_concat(self, node: exp.Expr, sql: EmitNode) -> str | None:
        """Texts, one after the other; NULL where any is."""
        parts = node.expressions if isinstance(node, exp.Concat) else [node.this, node.expression]
        return f"({' || '.join(self.emit_name(sql(each), get_value_type(each)) for each in parts)})"

    def emit_literal(self, node: exp.Expr, sql: EmitNode) -> str | None:
        """A text or a number, where the driver would read something else out of it."""
        return None


NODE_EMITTERS: Mapping[type[exp.Expr], Callable[[ExpressionEmitter, exp.Expr, EmitNode], str | None]] = {
    exp.Div: lambda dialect, node, sql: dialect.emit_division(node, sql),
    **dict.fromkeys(ARITHMETIC_SIGNS, lambda dialect, node, sql: dialect.emit_arithmetic(node, sql)),
    exp.Neg: lambda dialect, node, sql: dialect.emit_negation(node, sql),
    **dict.fromkeys(
        (exp.Abs, exp.Ceil, exp.Floor, exp.Sum, exp.Avg),
        lambda dialect, node, sql: dialect.emit_double_function(node, sql),
    ),
    **dict.fromkeys(COMPARISONS, lambda dialect, node, sql: dialect.emit_comparison(node, sql)),
    **dict.fromkeys((exp.Greatest, exp.Least), lambda dialect, node, sql: dialect.emit_extreme(node, sql)),
    **dict.fromkeys((exp.Case, exp.Coalesce, exp.Nullif), lambda dialect, node, sql: dialect.emit_choice(node, sql)),
    exp.Cast: lambda dialect, node, sql: dialect.emit_cast(node, sql),
    exp.Round: lambda dialect, node, sql: dialect.emit_round(node, sql),
    exp.Sqrt: lambda dialect, node, sql: dialect.emit_sqrt(node, sql),
    exp.Ln: lambda dialect, node, sql: dialect.emit_ln(node, sql),
    exp.Exp: lambda dialect, node, sql: dialect.emit_exp(node, sql),
    exp.Pow: lambda dialect, node, sql: dialect.emit_power(node, sql),
    exp.Like: lambda dialect, node, sql: dialect.emit_like(node, sql),
    exp.Lower: lambda dialect, node, sql: dialect.emit_lower(node, sql),
    exp.Upper: lambda dialect, node, sql: dialect.emit_upper(node, sql),
    exp.Substring: lambda dialect, node, sql: dialect.emit_substring(node, sql),
    **dict.fromkeys((exp.Length, exp.Count), lambda dialect, node, sql: dialect.emit_count(node, sql)),
    exp.Replace: lambda dialect, node, sql: dialect.emit_replace(node, sql),
    exp.Trim: lambda dialect, node, sql: dialect.emit_trim(node, sql),
    **dict.fromkeys((*EXTRACT_FIELDS, exp.DayOfWeekIso), lambda dialect, node, sql: dialect.emit_date_part(node, sql)),
    exp.Concat: lambda dialect, node, sql: dialect.emit_concat(node, sql),
    exp.DPipe: lambda dialect, node, sql: dialect.emit_concat(node, sql),
    exp.Literal: lambda dialect, node, sql: dialect.emit_literal(node, sql),
}


def build_branch_condition(subject: exp.Expr | None, option: exp.Expr) -> exp.Expr:
    """The condition of a branch of CASE. What a subject is compared with may be NULL, which some take for equal."""
    return option if subject is None else exp.EQ(this=parenthesize(subject), expression=parenthesize(option))


def parenthesize(node: exp.Expr) -> exp.Expr:
    """A copy in parentheses, if it is not one of a kind that needs none."""
    if isinstance(node, (exp.Column, exp.Literal, exp.Paren, exp.Func)) and not isinstance(node, exp.Binary):
        return node.copy()
    copy = exp.Paren(this=node.copy())
    copy.meta["kind"] = get_value_type(node)
    return copy


def needs_cast(node: exp.Expr) -> bool:
    """Whether a number beside doubles is none yet, nor a literal that is one as it is."""
    literal = parse_whole_literal(node)
    return get_value_type(node) == "whole" and (literal is None or abs(literal) > MAX_EXACT_WHOLE)


def wrap_sql(sql: str, kind: ValueType | None = None) -> exp.Expr:
    """SQL that is finished already, as a node that is printed as it is."""
    node = exp.Var(this=sql)
    node.meta["kind"] = kind
    return node
