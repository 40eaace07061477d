"""Scans → SQL text, with named parameters and the tenant's predicate on every physical table.

The text depends on the scan, on the dialect and on whether the two windows touch; never on a request.

Parameters: tenant; start0, end0 (and start1, end1: the days to read); slots; mixed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from engine.compiler.dialects.base import Dialect
from engine.compiler.dialects.expressions import written
from engine.compiler.plan import Breakdown, ItemsScan, Scan, Shape
from engine.language.expressions import Aggregate, Expression
from engine.language.select import REFERENCE
from engine.tables import Table

NOT_SET = "(not set)"
OTHER = "Other"


class Builder:
    """Writes the statements of one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect

    def scan(self, scan: Scan, ranges: int) -> str:
        """The statement of a scan whose days lie in one range or in two."""
        if scan.breakdown is not None:
            return self.members(scan, scan.breakdown, ranges)
        return self.days(scan, ranges) if scan.shape is Shape.DAYS else self.slots(scan)

    # Without a breakdown

    def days(self, scan: Scan, ranges: int) -> str:
        columns = self.columns(scan.table)
        day = columns[scan.table.time]
        selected = ",\n  ".join((f"{day} AS day", *self.aggregates(scan.aggregates, columns)))
        return "\nUNION ALL\n".join(
            f"SELECT\n  {selected}\nFROM {self.source(scan.table)}\n"
            f"WHERE {self.covered(scan.table)}{self.between(day, index)}\nGROUP BY {day}"
            for index in range(ranges)
        )

    def slots(self, scan: Scan) -> str:
        columns = self.columns(scan.table)
        day = columns[scan.table.time]
        leading = ("k.slot AS slot", f"MIN({day}) AS first", f"MAX({day}) AS last")
        selected = ",\n  ".join((*leading, *self.aggregates(scan.aggregates, columns)))
        return (
            f"WITH slots AS {self.dialect.materialized()}(\n{indented(self.dialect.slots())}\n)\n"
            f"SELECT\n  {selected}\nFROM slots AS k CROSS JOIN {self.source(scan.table)}\n"
            f"WHERE {self.covered(scan.table)}{day} = k.day\nGROUP BY k.slot"
        )

    # With a breakdown

    def members(self, scan: Scan, breakdown: Breakdown, ranges: int) -> str:
        """Rank the members over both windows, then group their rows; the rest is folded before it is grouped."""
        needed = [*scan.aggregates, *breakdown.ranking.aggregates]
        names = used_columns(needed, *([breakdown.currency] if breakdown.currency else []))
        inner = self.columns(scan.table)
        member = f"COALESCE({self.named(scan.table, breakdown.column)}, {quoted(NOT_SET)})"
        scoped = self.scoped(scan.table, {"__day": inner[scan.table.time], "__member": member}, names, ranges)
        outer = {name: self.dialect.column("s", name) for name in names}
        queries = {"scoped": scoped, "ranked": self.ranked(breakdown, outer)}
        if scan.shape is Shape.SLOTS:
            queries["slots"] = self.dialect.slots()
            leading = ["k.slot AS slot", "MIN(s.__day) AS first", "MAX(s.__day) AS last"]
            source, condition, groups = "slots AS k CROSS JOIN scoped AS s", "\nWHERE s.__day = k.day", "k.slot"
        else:
            leading, source, condition, groups = ["s.__day AS day"], "scoped AS s", "", "s.__day"
        leading += ["r.place AS place", "MIN(r.member) AS member"]
        selected = ",\n  ".join((*leading, *self.aggregates(scan.aggregates, outer)))
        return (
            f"{self.queries(queries)}\nSELECT\n  {selected}\nFROM {source}\n"
            f"LEFT JOIN ranked AS r ON r.member = s.__member AND r.place <= {breakdown.top}{condition}\n"
            f"GROUP BY {groups}, r.place"
        )

    def ranked(self, breakdown: Breakdown, columns: Mapping[str, str]) -> str:
        aggregates = {each: self.aggregate(each, columns) for each in breakdown.ranking.aggregates}
        value = f"COALESCE({self.value(breakdown.ranking, aggregates)}, 0)"
        if breakdown.currency is not None:
            # Amounts in several currencies have no order: their members are ranked by name.
            currency = columns[breakdown.currency]
            value = f"CASE WHEN (SELECT MIN({currency}) < MAX({currency}) FROM scoped AS s) THEN 0 ELSE {value} END"
        having = f"\nHAVING {self.aggregate(breakdown.passing, columns)} > 0" if breakdown.passing else ""
        return (
            f"SELECT s.__member AS member, ROW_NUMBER() OVER (ORDER BY {value} DESC, s.__member) AS place\n"
            f"FROM scoped AS s\nWHERE s.__member <> {quoted(OTHER)}\nGROUP BY s.__member{having}"
        )

    # Items

    def items(self, scan: ItemsScan) -> str:
        """The items with the largest values over the asked window, each with the columns of its latest row."""
        table, items = scan.table, scan.items
        aggregates = item_aggregates(scan)
        names = used_columns(aggregates, *items.show, *table.key)
        inner = self.columns(table)
        identifier = self.named(table, items.by)
        condition = f"{inner[items.by]} IS NOT NULL"
        if scan.where is not None:
            condition += f" AND ({self.dialect.expression(scan.where, inner)})"
        leading = {"__day": inner[table.time], "__id": identifier}
        outer = {name: self.dialect.column("s", name) for name in names}
        values = self.aggregates(aggregates, outer)
        shown = [f"{outer[name]} AS shown{index}" for index, name in enumerate(items.show)]
        order = self.item_order(scan, {each: f"v.a{index}" for index, each in enumerate(aggregates)})
        latest = ", ".join(("s.__day DESC", *(outer[name] for name in table.key)))
        queries = {
            "scoped": self.scoped(table, leading, names, 1, condition),
            "valued": f"SELECT s.__id AS id, {', '.join(values)}\nFROM scoped AS s\nGROUP BY s.__id",
            "ranked": f"SELECT v.*, ROW_NUMBER() OVER (ORDER BY {order}, v.id) AS place\nFROM valued AS v",
            "latest": f"SELECT {', '.join(('s.__id AS id', *shown))}, "
            f"ROW_NUMBER() OVER (PARTITION BY s.__id ORDER BY {latest}) AS nth\nFROM scoped AS s",
        }
        selected = ["r.id AS id", *(f"r.a{index} AS a{index}" for index in range(len(aggregates)))]
        selected += [f"l.shown{index} AS shown{index}" for index in range(len(items.show))]
        return (
            f"{self.queries(queries)}\nSELECT\n  {f',{chr(10)}  '.join(selected)}\nFROM ranked AS r\n"
            f"JOIN latest AS l ON l.id = r.id AND l.nth = 1\nWHERE r.place <= {items.limit}\nORDER BY r.place"
        )

    def item_order(self, scan: ItemsScan, columns: Mapping[Aggregate, str]) -> str:
        expression = scan.items.order.expression
        value = self.value(expression, columns)
        if expression.additive:
            value = f"COALESCE({value}, 0)"
        if expression.money:
            value = f"CASE WHEN {self.dialect.bind('mixed')} = 1 THEN NULL ELSE {value} END"
        return f"CASE WHEN {value} IS NULL THEN 1 ELSE 0 END, {value} DESC"

    # Parts

    def queries(self, queries: Mapping[str, str]) -> str:
        word = self.dialect.materialized()
        return "WITH " + ", ".join(
            f"{name} AS {word if name in ('scoped', 'slots') else ''}(\n{indented(sql)}\n)"
            for name, sql in queries.items()
        )

    def scoped(
        self, table: Table, leading: Mapping[str, str], names: Sequence[str], ranges: int, condition: str = ""
    ) -> str:
        """The rows of the tenant within the ranges, with these columns by their own names."""
        columns = self.columns(table)
        selected = [f"{sql} AS {name}" for name, sql in leading.items()]
        selected += [f"{columns[name]} AS {self.dialect.identifier(name)}" for name in names]
        return "\nUNION ALL\n".join(
            f"SELECT {', '.join(selected)}\nFROM {self.source(table)}\n"
            f"WHERE {self.covered(table)}{self.between(columns[table.time], index)}"
            + (f" AND {condition}" if condition else "")
            for index in range(ranges)
        )

    def columns(self, table: Table) -> dict[str, str]:
        """How the columns of a table are written: by their physical names, unless it is a query."""
        return {
            name: self.dialect.read(
                self.dialect.column("t", column.physical if table.query is None else name), column.type
            )
            for name, column in table.columns.items()
        }

    def named(self, table: Table, column: str) -> str:
        """A column's values as the names of members or items."""
        return self.dialect.named(self.columns(table)[column], table.columns[column].kind)

    def source(self, table: Table) -> str:
        if table.query is None:
            return f"{self.dialect.identifier(table.physical)} AS t"
        reads = {read.name: read for read in table.reads}

        def scanned(node: exp.Table) -> str | None:
            if not node.name.startswith(REFERENCE):
                return None
            name = node.name.removeprefix(REFERENCE)
            return f"{self.rows_of(reads[name])} AS {self.dialect.identifier(node.alias or name)}"

        return f"(\n{indented(self.dialect.query(table.query, scanned))}\n) AS t"

    def rows_of(self, table: Table) -> str:
        """The tenant's rows of a table that a query reads, as a query of its own, with the declared names."""
        columns = ", ".join(f"{sql} AS {self.dialect.identifier(name)}" for name, sql in self.columns(table).items())
        where = f" WHERE {self.predicate(table)}" if table.query is None else ""
        return f"(SELECT {columns} FROM {self.source(table)}{where})"

    def predicate(self, table: Table) -> str:
        tenant = table.columns[table.tenant]
        return f"{self.dialect.column('t', tenant.physical)} = {self.dialect.bind_tenant(tenant.type)}"

    def covered(self, table: Table) -> str:
        """The tenant's predicate, for a physical table; the scans inside a query have their own."""
        return f"{self.predicate(table)} AND " if table.query is None else ""

    def between(self, day: str, index: int) -> str:
        return f"{day} BETWEEN {self.dialect.bind(f'start{index}')} AND {self.dialect.bind(f'end{index}')}"

    def aggregates(self, aggregates: Sequence[Aggregate], columns: Mapping[str, str]) -> list[str]:
        return [f"{self.aggregate(each, columns)} AS a{index}" for index, each in enumerate(aggregates)]

    def aggregate(self, aggregate: Aggregate, columns: Mapping[str, str]) -> str:
        if aggregate.argument is None:
            return "COUNT(*)"
        argument = self.dialect.expression(aggregate.argument, columns)
        if aggregate.function == "sum":
            # A sum of big integers may overflow or come back as a decimal; a double does neither.
            argument = self.dialect.double(argument)
        return f"{aggregate.function.upper()}({'DISTINCT ' if aggregate.distinct else ''}{argument})"

    def value(self, expression: Expression, aggregates: Mapping[Aggregate, str]) -> str:
        """An expression with its aggregates in place, in floating point."""

        def filled(node: exp.Expr) -> exp.Expr:
            if not isinstance(node, exp.Placeholder):
                return node
            sql = self.dialect.double(aggregates[expression.aggregates[int(node.name)]])
            return written(f"COALESCE({sql}, 0)" if expression.sum_of_several else sql, "double")

        return self.dialect.expression(expression.tree.transform(filled), None)


def item_aggregates(scan: ItemsScan) -> list[Aggregate]:
    """The aggregates that the values of the items are computed from, each once."""
    return list(dict.fromkeys(each for value in scan.items.values for each in value.expression.aggregates))


def used_columns(aggregates: Sequence[Aggregate], *more: str) -> list[str]:
    """The columns that some aggregates read, and these, each once."""
    names = [
        column.name
        for aggregate in aggregates
        if aggregate.argument is not None
        for column in aggregate.argument.find_all(exp.Column)
    ]
    return list(dict.fromkeys((*names, *more)))


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def indented(sql: str) -> str:
    return "\n".join(f"  {line}" for line in sql.split("\n"))
