"""An analyst's expressions as SQL that means the same on every engine."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Mapping
from typing import ClassVar

from sqlglot import exp

# Writes a node of an expression as SQL.
Write = Callable[[exp.Expr], str]

SIGNS: Mapping[type[exp.Expr], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*"}
CONDITIONS = (
    *(exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.In, exp.Between, exp.Is, exp.Like),
    *(exp.And, exp.Or, exp.Not, exp.Boolean),
)


class Double(str):
    """SQL whose value is a double already."""


class Whole(str):
    """SQL whose value is a whole number."""


class Truth(str):
    """SQL whose value is true or false."""


class Expressions(ABC):
    """How one engine writes what an analyst may write."""

    # sqlglot's name for it.
    name: ClassVar[str]
    # The type of a double.
    double_type: ClassVar[str] = "DOUBLE PRECISION"
    # That of a whole number.
    whole_type: ClassVar[str] = "BIGINT"
    # What follows a pattern of LIKE, so that nothing is an escape in it.
    no_escape: ClassVar[str] = ""

    def identifier(self, name: str) -> str:
        """A name in quotes; a dotted one is quoted part by part."""
        return ".".join(f'"{part}"' for part in name.split("."))

    def read(self, sql: str, type_name: str) -> str:
        """A column of a table such that its values compare, sort and add up alike on every engine."""
        match type_name:
            case "double" | "numeric":
                # What is declared a double may be a decimal in the database.
                return self.double(sql)
            case "integer" | "bigint":
                return Whole(sql)
            case "boolean":
                return Truth(sql)
        return sql

    def double(self, sql: str) -> str:
        return sql if isinstance(sql, Double) else Double(f"CAST({sql} AS {self.double_type})")

    def text(self, sql: str) -> str:
        """A value as text that sorts by code points."""
        return f"CAST({sql} AS TEXT)"

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
        """A column inside a query, which stands behind its source and knows its type."""
        sql = f"{self.identifier(column.table)}.{self.identifier(column.name)}"
        match column.meta.get("type"):
            case "integer" | "bigint":
                return Whole(sql)
            case "boolean":
                return Truth(sql)
        return sql

    def with_name(self, name: str) -> str:
        """The name of an analyst's WITH query: one that no table can have, so that neither hides the other."""
        return self.identifier(f"with {name}")

    def rewritten(self, node: exp.Expr, columns: Mapping[str, str] | None) -> exp.Expr:
        """What means the same on every engine, written so that this one does it.

        `columns` tells how columns are written; without it they stay as they are.
        """
        if isinstance(node, exp.Column) and columns is not None:
            return written(columns[node.name])
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

    def total(self, node: exp.Expr, sql: Write) -> str | None:
        """SUM and AVG inside a query, over doubles: a sum of whole numbers may become too large."""
        distinct = isinstance(node.this, exp.Distinct)
        argument = node.this.expressions[0] if distinct else node.this
        return f"{node.key.upper()}({'DISTINCT ' if distinct else ''}{self.double(sql(argument))})"

    def equal(self, node: exp.Expr, sql: Write) -> str | None:
        """An equality, which may be what two tables are joined by."""
        return None

    def member(self, node: exp.Expr, sql: Write) -> str | None:
        """IN; it is NULL where nothing is equal and something is NULL."""
        return None

    def extreme(self, node: exp.Expr, sql: Write) -> str | None:
        """GREATEST and LEAST, which pass over NULL."""
        return f"{node.key.upper()}({', '.join(sql(each) for each in (node.this, *node.expressions))})"

    def chosen(self, node: exp.Expr, sql: Write) -> str | None:
        """CASE and COALESCE, whose values may be whole numbers here and doubles there."""
        return None

    def cast(self, node: exp.Expr, sql: Write) -> str | None:
        """A decimal is a double, since precisions differ; a whole number is what stands before the point."""
        to = node.args["to"].this
        if to in (exp.DType.DECIMAL, exp.DType.DOUBLE):
            return self.double(sql(node.this))
        if to in (exp.DType.INT, exp.DType.BIGINT):
            inner = sql(node.this)
            if isinstance(inner, Truth) or isinstance(node.this.unnest(), CONDITIONS):
                return f"CASE WHEN {inner} THEN 1 WHEN NOT ({inner}) THEN 0 END"
            return self.truncated(self.double(inner))
        return None

    def truncated(self, sql: str) -> str:
        """What stands before the point of a double."""
        return f"CAST(TRUNC({sql}) AS {self.whole_type})"

    def rounded(self, node: exp.Expr, sql: Write) -> str | None:
        """Half away from zero."""
        value, digits = self.double(sql(node.this)), node.args.get("decimals")
        scale = "1.0" if digits is None else f"POWER(10.0, {sql(digits)})"
        size = f"FLOOR(ABS({value}) * {scale} + 0.5) / {scale}"
        return f"CASE WHEN {value} < 0 THEN -({size}) ELSE {size} END"

    def root(self, node: exp.Expr, sql: Write) -> str | None:
        """NULL where there is none."""
        value = self.double(sql(node.this))
        return f"SQRT(CASE WHEN {value} >= 0 THEN {value} END)"

    def logarithm(self, node: exp.Expr, sql: Write) -> str | None:
        """NULL where there is none."""
        value = self.double(sql(node.this))
        return f"LN(CASE WHEN {value} > 0 THEN {value} END)"

    def power(self, node: exp.Expr, sql: Write) -> str | None:
        """NULL where there is none."""
        base, exponent = self.double(sql(node.this)), self.double(sql(node.expression))
        known = f"{base} > 0 OR {base} = 0 AND {exponent} >= 0 OR {base} < 0 AND {exponent} = FLOOR({exponent})"
        return f"CASE WHEN {known} THEN POWER({base}, {exponent}) END"

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
        """By characters, not bytes."""
        return None

    def joined(self, node: exp.Expr, sql: Write) -> str | None:
        """Texts, one after the other; NULL where any is."""
        parts = node.expressions if isinstance(node, exp.Concat) else [node.this, node.expression]
        return f"({' || '.join(self.text(sql(each)) for each in parts)})"

    def literal(self, node: exp.Expr, sql: Write) -> str | None:
        """A text or a number, where the driver would read something else out of it."""
        return None


WRITERS: Mapping[type[exp.Expr], Callable[[Expressions, exp.Expr, Write], str | None]] = {
    exp.Div: lambda dialect, node, sql: dialect.division(node, sql),
    **dict.fromkeys(SIGNS, lambda dialect, node, sql: dialect.arithmetic(node, sql)),
    exp.Sum: lambda dialect, node, sql: dialect.total(node, sql),
    exp.Avg: lambda dialect, node, sql: dialect.total(node, sql),
    exp.EQ: lambda dialect, node, sql: dialect.equal(node, sql),
    exp.In: lambda dialect, node, sql: dialect.member(node, sql),
    exp.Greatest: lambda dialect, node, sql: dialect.extreme(node, sql),
    exp.Least: lambda dialect, node, sql: dialect.extreme(node, sql),
    exp.Case: lambda dialect, node, sql: dialect.chosen(node, sql),
    exp.Coalesce: lambda dialect, node, sql: dialect.chosen(node, sql),
    exp.Cast: lambda dialect, node, sql: dialect.cast(node, sql),
    exp.Round: lambda dialect, node, sql: dialect.rounded(node, sql),
    exp.Sqrt: lambda dialect, node, sql: dialect.root(node, sql),
    exp.Ln: lambda dialect, node, sql: dialect.logarithm(node, sql),
    exp.Pow: lambda dialect, node, sql: dialect.power(node, sql),
    exp.Like: lambda dialect, node, sql: dialect.like(node, sql),
    exp.Lower: lambda dialect, node, sql: dialect.lower(node, sql),
    exp.Upper: lambda dialect, node, sql: dialect.upper(node, sql),
    exp.Substring: lambda dialect, node, sql: dialect.substring(node, sql),
    exp.Concat: lambda dialect, node, sql: dialect.joined(node, sql),
    exp.DPipe: lambda dialect, node, sql: dialect.joined(node, sql),
    exp.Literal: lambda dialect, node, sql: dialect.literal(node, sql),
}


def written(sql: str) -> exp.Expr:
    """SQL that is finished already, as a node that is printed as it is."""
    return exp.Var(this=sql)
