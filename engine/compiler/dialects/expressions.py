"""An analyst's expressions as SQL that means the same on every engine."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from sqlglot import exp

from engine.language.evaluator import LARGEST_EXPONENT, LEAST_EXPONENT, WHOLE_DOUBLES
from engine.language.types import COMPARISONS, is_number_literal, kind_of, whole_literal
from engine.tables import KINDS, NUMBERS, Kind

# Writes a node of an expression as SQL.
Write = Callable[[exp.Expr], str]

SIGNS: Mapping[type[exp.Expr], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*"}
# What is asked of a date, as EXTRACT names it.
FIELDS: Mapping[type[exp.Expr], str] = {exp.Year: "YEAR", exp.Month: "MONTH", exp.Day: "DAY"}
# No text is as long.
LONGEST = 1_000_000_000


class Double(str):
    """SQL whose value is a double already."""


class Expressions(ABC):
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

    def identifier(self, name: str) -> str:
        """A name in quotes; a dotted one is quoted part by part."""
        return ".".join(f'"{part}"' for part in name.split("."))

    def read(self, sql: str, type_name: str) -> str:
        """A column of a table such that its values compare, sort and add up alike on every engine."""
        # What is declared a double may be a decimal in the database.
        return self.double(sql) if KINDS[type_name] == "double" else sql

    def double(self, sql: str) -> str:
        return sql if isinstance(sql, Double) else Double(f"CAST({sql} AS {self.double_type})")

    def text(self, sql: str) -> str:
        """A value as text that sorts by code points."""
        return f"CAST({sql} AS TEXT)"

    def named(self, sql: str, kind: Kind | None) -> str:
        """A value of a kind that is written in one way as that text."""
        if kind == "boolean":
            sql = f"CASE WHEN {sql} THEN 'true' WHEN NOT ({sql}) THEN 'false' END"
        return self.text(sql)

    def expression(self, tree: exp.Expr, columns: Mapping[str, str] | None) -> str:
        """A tree of an analyst's expression as SQL; `columns` tells how each column is written."""
        if isinstance(tree, exp.Column):
            return self.of_query(tree) if columns is None else columns[tree.name]
        return tree.transform(self.rewritten, columns).sql(dialect=self.name, identify=True, comments=False)

    def query(self, tree: exp.Select, scan: Callable[[exp.Table], str | None]) -> str:
        """An analyst's query as SQL; `scan` gives what stands where a table is named, or None for a WITH query."""

        def replaced(node: exp.Expr) -> exp.Expr:
            if isinstance(node, exp.Table):
                sql = scan(node)
                return written(
                    f"{self.with_name(node.name)} AS {self.identifier(node.alias_or_name)}" if sql is None else sql
                )
            if isinstance(node, exp.CTE):
                node.args["alias"].set("this", written(self.with_name(node.alias)))
            return self.rewritten(node, None)

        return tree.transform(replaced).sql(dialect=self.name, identify=True, comments=False)

    def of_query(self, column: exp.Column) -> str:
        """A column inside a query, which stands behind its source and knows its kind."""
        return f"{self.identifier(column.table)}.{self.identifier(column.name)}"

    def with_name(self, name: str) -> str:
        """The name of an analyst's WITH query: one that no table can have, so that neither hides the other."""
        return self.identifier(f"with {name}")

    def rewritten(self, node: exp.Expr, columns: Mapping[str, str] | None) -> exp.Expr:
        """What means the same on every engine, written so that this one does it.

        `columns` tells how columns are written; without it they are those of a query.
        """
        if isinstance(node, exp.Column):
            return written(self.expression(node, columns), kind_of(node))
        if isinstance(node, exp.If) and not isinstance(node.parent, exp.Case):
            # IF is spelt in many ways, and some want an ELSE. It is written whole: the walk does not go into a node
            # that has taken another's place, so nothing inside would be rewritten.
            case = exp.Case(ifs=[exp.If(this=node.this, true=node.args["true"])], default=node.args.get("false"))
            return written(self.expression(case, columns))
        write = WRITERS.get(type(node))
        sql = None if write is None else write(self, node, lambda inner: self.expression(inner, columns))
        return node if sql is None else written(sql)

    # What engines do not agree on: each writes a node, or gives None where the engine's own way is right. `sql` writes
    # the nodes inside it.

    def division(self, node: exp.Expr, sql: Write) -> str | None:
        """A division in floating point that is NULL where the divisor is 0."""
        return f"({self.double(sql(node.this))} / NULLIF({self.double(sql(node.expression))}, 0))"

    def arithmetic(self, node: exp.Expr, sql: Write) -> str | None:
        """+, - and * in floating point: whole numbers that become too large fail, or wrap around."""

        def operand(inner: exp.Expr) -> str:
            known = isinstance(inner.unnest(), (exp.Add, exp.Sub, exp.Mul, exp.Div))
            return sql(inner) if known else self.double(sql(inner))

        return f"({operand(node.this)} {SIGNS[type(node)]} {operand(node.expression)})"

    def negative(self, node: exp.Expr, sql: Write) -> str | None:
        """The least whole number has no counterpart: it is a double that is turned round."""
        return None if is_number_literal(node) else f"(-{self.double(sql(node.this))})"

    def of_double(self, node: exp.Expr, sql: Write) -> str | None:
        """ABS, CEIL, FLOOR, SUM and AVG in floating point."""
        distinct = isinstance(node.this, exp.Distinct)
        argument = self.double(sql(node.this.expressions[0] if distinct else node.this))
        return f"{node.key.upper()}({'DISTINCT ' if distinct else ''}{argument})"

    def compared(self, node: exp.Expr, sql: Write) -> str | None:
        """A comparison; whole numbers are compared with doubles as doubles, where some engines would do it exactly."""
        given = list(node.iter_expressions())
        mixed = {kind_of(each) for each in given} >= NUMBERS
        if not mixed and not isinstance(node, exp.Between):
            return None
        copy = node.copy()
        for inner, place in zip(given, list(copy.iter_expressions()), strict=True):
            operand = self.double(sql(inner)) if mixed and needs_cast(inner) else sql(inner)
            # Some take no more than a simple expression between BETWEEN and AND.
            simple = isinstance(inner, exp.Literal) or inner.arg_key == "this"
            place.replace(written(operand if simple else f"({operand})"))
        return copy.sql(dialect=self.name, identify=True, comments=False)

    def alike(self, nodes: Sequence[exp.Expr], sql: Write) -> Write:
        """How to write values that stand side by side: whole numbers and doubles together are doubles."""
        kinds = {kind_of(node) for node in nodes if not isinstance(node, exp.Null)}
        return (lambda node: self.double(sql(node))) if kinds >= NUMBERS else sql

    def extreme(self, node: exp.Expr, sql: Write) -> str | None:
        """GREATEST and LEAST, which pass over NULL."""
        arguments = [node.this, *node.expressions]
        return f"{node.key.upper()}({', '.join(map(self.alike(arguments, sql), arguments))})"

    def lenient_extreme(self, function: str, node: exp.Expr, sql: Write) -> str:
        """GREATEST and LEAST where the engine's own `function` is NULL as soon as one argument is.

        In the place of one that is NULL stands the first that is not.
        """
        nodes = [node.this, *node.expressions]
        arguments = list(map(self.alike(nodes, sql), nodes))
        known = (f"COALESCE({', '.join((each, *arguments))})" for each in arguments)
        return f"{function}({', '.join(known)})"

    def chosen(self, node: exp.Expr, sql: Write) -> str | None:
        """CASE, COALESCE and NULLIF, whose values may be whole numbers here and doubles there."""
        if isinstance(node, exp.Case):
            default = node.args.get("default")
            results = [each.args["true"] for each in node.args["ifs"]]
            value = self.alike([*results, *([] if default is None else [default])], sql)
            branches = "".join(
                f" WHEN {sql(met(node.this, each.this))} THEN {value(each.args['true'])}" for each in node.args["ifs"]
            )
            return f"CASE{branches}{'' if default is None else f' ELSE {value(default)}'} END"
        arguments = [node.this, *(node.expressions or [node.expression])]
        return f"{node.key.upper()}({', '.join(map(self.alike(arguments, sql), arguments))})"

    def cast(self, node: exp.Expr, sql: Write) -> str | None:
        """A decimal is a double, since precisions differ; a whole number is what stands before the point."""
        to, inner, kind = node.args["to"].this, sql(node.this), kind_of(node.this)
        if to is exp.DType.DATE:
            return None
        if to in (exp.DType.TEXT, exp.DType.VARCHAR):
            return self.named(inner, kind)
        if kind == "boolean":
            inner = f"CASE WHEN {inner} THEN 1 WHEN NOT ({inner}) THEN 0 END"
        if to in (exp.DType.INT, exp.DType.BIGINT):
            return inner if kind in ("whole", "boolean") else self.truncated(self.double(inner))
        return self.double(inner)

    def truncated(self, sql: str) -> str:
        """What stands before the point of a double; NULL where no whole number is as large."""
        return self.cut_to(self.whole_type, f"CASE WHEN ABS({sql}) < 9223372036854775808.0 THEN {sql} END")

    def cut_to(self, type_name: str, sql: str) -> str:
        """A double as a whole number that is large enough for it."""
        return f"CAST({self.cut(sql)} AS {type_name})"

    def cut(self, sql: str) -> str:
        """A double without what stands behind its point."""
        return f"TRUNC({sql})"

    def rounded(self, node: exp.Expr, sql: Write) -> str | None:
        """Half away from zero. What is too large to have such digits stays."""
        value, digits = self.double(sql(node.this)), node.args.get("decimals")
        places = 0 if digits is None else whole_literal(digits) or 0
        scale = f"1e{abs(places)}"
        up, down = ("*", "/") if places >= 0 else ("/", "*")
        scaled, back = (f" {up} {scale}", f" {down} {scale}") if places else ("", "")
        size = f"FLOOR(ABS({value}){scaled} + 0.5){back}"
        most = f"{WHOLE_DOUBLES}e{-places}"
        return f"CASE WHEN ABS({value}) >= {most} THEN {value} WHEN {value} < 0 THEN -({size}) ELSE {size} END"

    def root(self, node: exp.Expr, sql: Write) -> str | None:
        """NULL where there is none."""
        value = self.double(sql(node.this))
        return f"SQRT(CASE WHEN {value} >= 0 THEN {value} END)"

    def logarithm(self, node: exp.Expr, sql: Write) -> str | None:
        """NULL where there is none."""
        value = self.double(sql(node.this))
        return f"LN(CASE WHEN {value} > 0 THEN {value} END)"

    def exponential(self, node: exp.Expr, sql: Write) -> str | None:
        """NULL where it is beyond a double, 0 where it is below."""
        value = self.double(sql(node.this))
        return f"CASE WHEN {value} < {LEAST_EXPONENT} THEN 0.0 WHEN {value} <= {LARGEST_EXPONENT} THEN EXP({value}) END"

    def power(self, node: exp.Expr, sql: Write) -> str | None:
        """NULL where there is none, or it is beyond a double; 0 where it is below."""
        base, exponent = self.double(sql(node.this)), self.double(sql(node.expression))
        size = f"{exponent} * LN(NULLIF(ABS({base}), 0))"
        return (
            f"CASE WHEN {exponent} = 0 THEN CASE WHEN {base} IS NOT NULL THEN 1.0 END "
            f"WHEN {base} = 0 THEN CASE WHEN {exponent} > 0 THEN 0.0 END "
            f"WHEN ({base} > 0 OR {exponent} = FLOOR({exponent})) AND {size} <= {LARGEST_EXPONENT} "
            f"THEN CASE WHEN {size} < {LEAST_EXPONENT} THEN 0.0 ELSE POWER({base}, {exponent}) END END"
        )

    def like(self, node: exp.Expr, sql: Write) -> str | None:
        """% and _ stand for others, and a backslash for itself."""
        word = "NOT LIKE" if node.args.get("negate") else "LIKE"
        return f"{sql(node.this)} {word} {sql(node.expression)}{self.no_escape}"

    def lower(self, node: exp.Expr, sql: Write) -> str | None:
        """The letters A to Z, whatever the collation."""
        return None

    def upper(self, node: exp.Expr, sql: Write) -> str | None:
        """The letters a to z, whatever the collation."""
        return None

    def substring(self, node: exp.Expr, sql: Write) -> str | None:
        """By characters, not bytes, from the first one, which is at 1; a place before it is the first."""
        bounds = (("start", 1), ("length", 0))
        places = [self.place(node.args[name], least, sql) for name, least in bounds if node.args.get(name) is not None]
        return f"{self.substring_name}({', '.join((sql(node.this), *places))})"

    def place(self, node: exp.Expr, least: int, sql: Write) -> str:
        """A number of characters: whole, and neither too small nor larger than any text."""
        if is_number_literal(node):
            return str(min(whole_literal(node) or 0, LONGEST))
        value = self.double(sql(node))
        bounded = f"CASE WHEN {value} < {least} THEN {least} WHEN {value} > {LONGEST} THEN {LONGEST} ELSE {value} END"
        return self.cut_to(self.count_type, bounded)

    def trimmed(self, node: exp.Expr, sql: Write) -> str | None:
        """Without the blanks at both ends; other white space stays."""
        return f"TRIM({sql(node.this)})"

    def replaced(self, node: exp.Expr, sql: Write) -> str | None:
        """Every occurrence; none of the empty text. NULL where any argument is."""
        return None

    def counted(self, node: exp.Expr, sql: Write) -> str | None:
        """LENGTH, by characters, and COUNT."""
        return None

    def date_part(self, node: exp.Expr, sql: Write) -> str | None:
        """The year, the month or the day of a date, or the day of its week."""
        field = FIELDS.get(type(node), self.weekday_field)
        return f"CAST(EXTRACT({field} FROM {sql(node.this)}) AS {self.whole_type})"

    def joined(self, node: exp.Expr, sql: Write) -> str | None:
        """Texts, one after the other; NULL where any is."""
        parts = node.expressions if isinstance(node, exp.Concat) else [node.this, node.expression]
        return f"({' || '.join(self.named(sql(each), kind_of(each)) for each in parts)})"

    def literal(self, node: exp.Expr, sql: Write) -> str | None:
        """A text or a number, where the driver would read something else out of it."""
        return None


WRITERS: Mapping[type[exp.Expr], Callable[[Expressions, exp.Expr, Write], str | None]] = {
    exp.Div: lambda dialect, node, sql: dialect.division(node, sql),
    **dict.fromkeys(SIGNS, lambda dialect, node, sql: dialect.arithmetic(node, sql)),
    exp.Neg: lambda dialect, node, sql: dialect.negative(node, sql),
    **dict.fromkeys(
        (exp.Abs, exp.Ceil, exp.Floor, exp.Sum, exp.Avg), lambda dialect, node, sql: dialect.of_double(node, sql)
    ),
    **dict.fromkeys(COMPARISONS, lambda dialect, node, sql: dialect.compared(node, sql)),
    **dict.fromkeys((exp.Greatest, exp.Least), lambda dialect, node, sql: dialect.extreme(node, sql)),
    **dict.fromkeys((exp.Case, exp.Coalesce, exp.Nullif), lambda dialect, node, sql: dialect.chosen(node, sql)),
    exp.Cast: lambda dialect, node, sql: dialect.cast(node, sql),
    exp.Round: lambda dialect, node, sql: dialect.rounded(node, sql),
    exp.Sqrt: lambda dialect, node, sql: dialect.root(node, sql),
    exp.Ln: lambda dialect, node, sql: dialect.logarithm(node, sql),
    exp.Exp: lambda dialect, node, sql: dialect.exponential(node, sql),
    exp.Pow: lambda dialect, node, sql: dialect.power(node, sql),
    exp.Like: lambda dialect, node, sql: dialect.like(node, sql),
    exp.Lower: lambda dialect, node, sql: dialect.lower(node, sql),
    exp.Upper: lambda dialect, node, sql: dialect.upper(node, sql),
    exp.Substring: lambda dialect, node, sql: dialect.substring(node, sql),
    **dict.fromkeys((exp.Length, exp.Count), lambda dialect, node, sql: dialect.counted(node, sql)),
    exp.Replace: lambda dialect, node, sql: dialect.replaced(node, sql),
    exp.Trim: lambda dialect, node, sql: dialect.trimmed(node, sql),
    **dict.fromkeys((*FIELDS, exp.DayOfWeekIso), lambda dialect, node, sql: dialect.date_part(node, sql)),
    exp.Concat: lambda dialect, node, sql: dialect.joined(node, sql),
    exp.DPipe: lambda dialect, node, sql: dialect.joined(node, sql),
    exp.Literal: lambda dialect, node, sql: dialect.literal(node, sql),
}


def met(subject: exp.Expr | None, option: exp.Expr) -> exp.Expr:
    """The condition of a branch of CASE. What a subject is compared with may be NULL, which some take for equal."""
    return option if subject is None else exp.EQ(this=enclosed(subject), expression=enclosed(option))


def enclosed(node: exp.Expr) -> exp.Expr:
    """A copy in parentheses, if it is not one of a kind that needs none."""
    if isinstance(node, (exp.Column, exp.Literal, exp.Paren, exp.Func)) and not isinstance(node, exp.Binary):
        return node.copy()
    copy = exp.Paren(this=node.copy())
    copy.meta["kind"] = kind_of(node)
    return copy


def needs_cast(node: exp.Expr) -> bool:
    """Whether a number beside doubles is none yet, nor a literal that is one as it is."""
    literal = whole_literal(node)
    return kind_of(node) == "whole" and (literal is None or abs(literal) > WHOLE_DOUBLES)


def written(sql: str, kind: Kind | None = None) -> exp.Expr:
    """SQL that is finished already, as a node that is printed as it is."""
    node = exp.Var(this=sql)
    node.meta["kind"] = kind
    return node
