"""Scans → SQL text, with named parameters and each physical table's tenant predicate.

The text depends on the scan, on the dialect, on whether the two windows touch, and on which dimensions are filtered;
never on a request's values.

Parameters: tenant; start0, end0 (and start1, end1: the days to read); slots; mixed; include0_0, exclude0_0, …: the
members that the first filter names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from engine.compiler.dialects.base import Dialect
from engine.compiler.dialects.expressions import wrap_sql
from engine.compiler.filters import FilterShape
from engine.compiler.plan import Breakdown, ItemsScan, LabelScan, Scan, Shape
from engine.language.expressions import Aggregate, Expression
from engine.language.queries.names import REFERENCE_PREFIX
from engine.query import NOT_SET
from engine.tables import Table

OTHER = "Other"
# What a scan's own rows end with where its statement brings the first and last days of tables too.
SCANNED = 0


class StatementBuilder:
    """Builds the statements of one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect

    def emit_scan(
        self, scan: Scan, range_count: int, filters: Sequence[FilterShape] = (), ends: Sequence[Table] = ()
    ) -> str:
        """Emit the statement of a scan whose days lie in one range or in two.

        A scan of days brings the first and the last days of the physical tables `ends` too. Each row then has behind
        its columns the number of the table whose day it is, from 1 on, and the scan's own rows have SCANNED.
        """
        condition = self.emit_filters(scan.table, filters)
        if scan.member is not None:
            return self.emit_rows_scan(scan, scan.member, range_count, condition)
        if scan.shape is Shape.SLOTS and scan.breakdown is None:
            return self.emit_slot_scan(scan, condition)
        marks = [f"{SCANNED} AS ends"] if ends else []
        if scan.breakdown is not None:
            emitted = self.emit_member_scan(scan, scan.breakdown, range_count, condition, marks)
        else:
            emitted = self.emit_day_scan(scan, range_count, condition, marks)
        blanks = ["NULL"] * (scan.width - 1)
        rows = (self.emit_row_days(table, *blanks, str(place)) for place, table in enumerate(ends, SCANNED + 1))
        return "\nUNION ALL\n".join((emitted, *rows))

    def emit_row_days(self, table: Table, *more: str) -> str:
        """Emit the first and the last day of which a physical table has rows for the tenant; no rows without any."""
        day = self.emit_columns(table)[table.time]
        selected = ", ".join(("e.day", *more))
        return "\nUNION ALL\n".join(
            f"SELECT {selected} FROM (SELECT {day} AS day FROM {self.emit_source(table)}\n"
            f"WHERE {self.emit_tenant_conjunct(table)}{day} IS NOT NULL\nORDER BY {day}{order} LIMIT 1) AS e"
            for order in ("", " DESC")
        )

    # Without a breakdown

    def emit_day_scan(self, scan: Scan, range_count: int, condition: str, marks: Sequence[str]) -> str:
        columns = self.emit_columns(scan.table)
        day = columns[scan.table.time]
        account = [columns[scan.table.account]] if scan.by_account and scan.table.account else []
        leading = [f"{day} AS day", *(f"{sql} AS account" for sql in account)]
        selected = ",\n  ".join((*leading, *self.emit_aggregates(scan.aggregates, columns), *marks))
        return "\nUNION ALL\n".join(
            f"SELECT\n  {selected}\nFROM {self.emit_source(scan.table)}\n"
            f"WHERE {self.emit_tenant_conjunct(scan.table)}{self.emit_day_range(day, index)}{condition}\n"
            f"GROUP BY {', '.join((day, *account))}"
            for index in range(range_count)
        )

    def emit_slot_scan(self, scan: Scan, condition: str) -> str:
        columns = self.emit_columns(scan.table)
        day = columns[scan.table.time]
        selected = ",\n  ".join(("k.slot AS slot", *self.emit_aggregates(scan.aggregates, columns)))
        return (
            f"WITH slots AS {self.dialect.emit_materialized()}(\n{indent_sql(self.dialect.emit_slots())}\n)\n"
            f"SELECT\n  {selected}\nFROM slots AS k CROSS JOIN {self.emit_source(scan.table)}\n"
            f"WHERE {self.emit_tenant_conjunct(scan.table)}{day} = k.day{condition}\nGROUP BY k.slot"
        )

    # The rows of a table

    def emit_rows_scan(self, scan: Scan, member: str, range_count: int, condition: str) -> str:
        """Emit a row for each member of each range, which is a whole window, or for each of its days."""
        columns = self.emit_columns(scan.table)
        day, name = columns[scan.table.time], self.emit_member(scan.table, member)
        keys = {"day": day} if scan.shape is Shape.DAYS else {}
        keys["member"] = name
        if scan.by_account and scan.table.account:
            keys["account"] = columns[scan.table.account]
        aggregates = self.emit_aggregates(scan.aggregates, columns)
        # A member is called by its label in the asked window, which is the first one.
        unlabelled = [
            f"NULL AS a{index}" if each in scan.labels else aggregates[index]
            for index, each in enumerate(scan.aggregates)
        ]

        def emit_range(index: int) -> str:
            window = [f"{index} AS slot"] if scan.shape is Shape.WINDOWS else []
            leading = (*window, *(f"{sql} AS {alias}" for alias, sql in keys.items()))
            selected = ",\n  ".join((*leading, *(unlabelled if index else aggregates)))
            return (
                f"SELECT\n  {selected}\nFROM {self.emit_source(scan.table)}\n"
                f"WHERE {self.emit_tenant_conjunct(scan.table)}{self.emit_day_range(day, index)}{condition}\n"
                f"GROUP BY {', '.join(keys.values())}"
            )

        return "\nUNION ALL\n".join(map(emit_range, range(range_count)))

    # With a breakdown

    def emit_member_scan(
        self, scan: Scan, breakdown: Breakdown, range_count: int, condition: str, marks: Sequence[str]
    ) -> str:
        """Rank the members over both windows, then group their rows, and the rest as one group."""
        needed = [*scan.aggregates, *breakdown.ranking.aggregates]
        names = collect_used_columns(needed, *([breakdown.currency] if breakdown.currency else []))
        inner = self.emit_columns(scan.table)
        member = self.emit_member(scan.table, breakdown.column)
        own = {"__day": inner[scan.table.time], "__member": member}
        if scan.by_account and scan.table.account:
            own["__account"] = inner[scan.table.account]
        scoped = self.emit_scoped_rows(scan.table, own, names, range_count, condition)
        outer = {name: self.dialect.emit_column("s", name) for name in names}
        queries = {"scoped": scoped, "ranked": self.emit_ranking(breakdown, outer)}
        if scan.shape is Shape.SLOTS:
            queries["slots"] = self.dialect.emit_slots()
            leading, groups = ["k.slot AS slot"], "k.slot"
            source, matched = "slots AS k CROSS JOIN scoped AS s", "\nWHERE s.__day = k.day"
        else:
            leading, groups, source, matched = ["s.__day AS day"], "s.__day", "scoped AS s", ""
        leading += ["r.place AS place", "MIN(r.member) AS member"]
        groups += ", r.place"
        if scan.by_account:
            leading.append("s.__account AS account")
            groups += ", s.__account"
        selected = ",\n  ".join((*leading, *self.emit_aggregates(scan.aggregates, outer), *marks))
        return (
            f"{self.emit_with_clause(queries)}\nSELECT\n  {selected}\nFROM {source}\n"
            f"LEFT JOIN ranked AS r ON r.member = s.__member{matched}\n"
            f"GROUP BY {groups}"
        )

    def emit_ranking(self, breakdown: Breakdown, columns: Mapping[str, str]) -> str:
        aggregates = {each: self.emit_aggregate(each, columns) for each in breakdown.ranking.aggregates}
        value = f"COALESCE({self.emit_value(breakdown.ranking, aggregates)}, 0)"
        if breakdown.currency is not None:
            # Amounts in several currencies have no order: their members are ranked by name.
            currency = columns[breakdown.currency]
            value = f"CASE WHEN (SELECT MIN({currency}) < MAX({currency}) FROM scoped AS s) THEN 0 ELSE {value} END"
        having = f"\nHAVING {self.emit_aggregate(breakdown.passing, columns)} > 0" if breakdown.passing else ""
        return (
            f"SELECT s.__member AS member, ROW_NUMBER() OVER (ORDER BY {value} DESC, s.__member) AS place\n"
            f"FROM scoped AS s\nWHERE s.__member <> {quote_literal(OTHER)}\nGROUP BY s.__member{having}\n"
            # Each row is compared with all that is left here, where an engine makes no index of it.
            f"ORDER BY place LIMIT {breakdown.top}"
        )

    def emit_labels(self, scan: LabelScan, range_count: int, filters: Sequence[FilterShape] = ()) -> str:
        """Emit each label of each member, and the last day on which it has that label."""
        table, columns = scan.table, self.emit_columns(scan.table)
        day, member, label = columns[table.time], self.emit_member(table, scan.member), columns[scan.label]
        return "\nUNION ALL\n".join(
            f"SELECT {member} AS member, {label} AS label, MAX({day}) AS day\nFROM {self.emit_source(table)}\n"
            f"WHERE {self.emit_tenant_conjunct(table)}{self.emit_day_range(day, index)}"
            f"{self.emit_filters(table, filters)} AND {label} <> ''\nGROUP BY {member}, {label}"
            for index in range(range_count)
        )

    # Items

    def emit_items(self, scan: ItemsScan, filters: Sequence[FilterShape] = ()) -> str:
        """Emit the items with the largest values in the requested window.

        Each has the columns of its latest row.
        """
        table, items = scan.table, scan.items
        aggregates = collect_item_aggregates(scan)
        names = collect_used_columns(aggregates, *items.show, *table.key)
        inner = self.emit_columns(table)
        identifier = self.emit_member_name(table, items.by)
        condition = f"{self.emit_filters(table, filters)} AND {inner[items.by]} IS NOT NULL"
        if scan.where is not None:
            condition += f" AND ({self.dialect.emit_expression(scan.where, inner)})"
        leading = {"__day": inner[table.time], "__id": identifier}
        outer = {name: self.dialect.emit_column("s", name) for name in names}
        values = self.emit_aggregates(aggregates, outer)
        shown = [f"{outer[name]} AS shown{index}" for index, name in enumerate(items.show)]
        order = self.emit_item_order(scan, {each: f"v.a{index}" for index, each in enumerate(aggregates)})
        latest = ", ".join(("s.__day DESC", *(outer[name] for name in table.key)))
        queries = {
            "scoped": self.emit_scoped_rows(table, leading, names, 1, condition),
            "valued": f"SELECT s.__id AS id, {', '.join(values)}\nFROM scoped AS s\nGROUP BY s.__id",
            "ranked": f"SELECT v.*, ROW_NUMBER() OVER (ORDER BY {order}, v.id) AS place\nFROM valued AS v",
            "latest": f"SELECT {', '.join(('s.__id AS id', *shown))}, "
            f"ROW_NUMBER() OVER (PARTITION BY s.__id ORDER BY {latest}) AS nth\nFROM scoped AS s",
        }
        selected = ["r.id AS id", *(f"r.a{index} AS a{index}" for index in range(len(aggregates)))]
        selected += [f"l.shown{index} AS shown{index}" for index in range(len(items.show))]
        return (
            f"{self.emit_with_clause(queries)}\nSELECT\n  {f',{chr(10)}  '.join(selected)}\nFROM ranked AS r\n"
            f"JOIN latest AS l ON l.id = r.id AND l.nth = 1\nWHERE r.place <= {items.limit}\nORDER BY r.place"
        )

    def emit_item_order(self, scan: ItemsScan, columns: Mapping[Aggregate, str]) -> str:
        expression = scan.items.order.expression
        value = self.emit_value(expression, columns)
        if expression.additive:
            value = f"COALESCE({value}, 0)"
        if expression.money:
            value = f"CASE WHEN {self.dialect.emit_parameter('mixed')} = 1 THEN NULL ELSE {value} END"
        return f"CASE WHEN {value} IS NULL THEN 1 ELSE 0 END, {value} DESC"

    # Parts

    def emit_with_clause(self, queries: Mapping[str, str]) -> str:
        materialized = self.dialect.emit_materialized()
        return "WITH " + ", ".join(
            f"{name} AS {materialized if name in ('scoped', 'slots') else ''}(\n{indent_sql(sql)}\n)"
            for name, sql in queries.items()
        )

    def emit_scoped_rows(
        self, table: Table, leading: Mapping[str, str], names: Sequence[str], range_count: int, condition: str = ""
    ) -> str:
        """Emit the tenant's rows within the ranges, with these columns under their own names."""
        columns = self.emit_columns(table)
        selected = [f"{sql} AS {name}" for name, sql in leading.items()]
        selected += [f"{columns[name]} AS {self.dialect.quote_identifier(name)}" for name in names]
        return "\nUNION ALL\n".join(
            f"SELECT {', '.join(selected)}\nFROM {self.emit_source(table)}\n"
            f"WHERE {self.emit_tenant_conjunct(table)}{self.emit_day_range(columns[table.time], index)}"
            f"{condition}"
            for index in range(range_count)
        )

    def emit_columns(self, table: Table) -> dict[str, str]:
        """Emit each column: by its physical name, or by its own where the table is a query."""
        return {
            name: self.dialect.normalize_column(
                self.dialect.emit_column("t", column.physical if table.query is None else name), column.type
            )
            for name, column in table.columns.items()
        }

    def emit_member_name(self, table: Table, column: str) -> str:
        """Emit a column's values as the names of members or items."""
        return self.dialect.emit_name(self.emit_columns(table)[column], table.columns[column].value_type)

    def emit_member(self, table: Table, column: str) -> str:
        """Emit the member that a row belongs to; NULL and an empty text are one member with the name for both."""
        name = self.emit_member_name(table, column)
        if table.columns[column].value_type == "text":
            name = f"NULLIF({name}, '')"
        return f"COALESCE({name}, {quote_literal(NOT_SET)})"

    def emit_filters(self, table: Table, filters: Sequence[FilterShape]) -> str:
        """Emit the conditions, each after AND, that a row is of the members that the filters let through."""
        conditions = []
        for index, shape in enumerate(filters):
            member = self.emit_member(table, table.dimensions[shape.dimension].column)
            for word, name, count in (("IN", "include", shape.include), ("NOT IN", "exclude", shape.exclude)):
                if count:
                    bound = (self.dialect.emit_text_parameter(f"{name}{index}_{each}") for each in range(count))
                    conditions.append(f"\nAND {member} {word} ({', '.join(bound)})")
        return "".join(conditions)

    def emit_source(self, table: Table) -> str:
        if table.query is None:
            return f"{self.dialect.quote_identifier(table.physical)} AS t"
        reads = {read.name: read for read in table.reads}

        def emit_table(node: exp.Table) -> str | None:
            if not node.name.startswith(REFERENCE_PREFIX):
                return None
            name = node.name.removeprefix(REFERENCE_PREFIX)
            return f"{self.emit_tenant_rows(reads[name])} AS {self.dialect.quote_identifier(node.alias or name)}"

        return f"(\n{indent_sql(self.dialect.emit_query(table.query, emit_table))}\n) AS t"

    def emit_tenant_rows(self, table: Table) -> str:
        """Emit the tenant's rows of a table as a subquery with the declared names."""
        columns = ", ".join(
            f"{sql} AS {self.dialect.quote_identifier(name)}" for name, sql in self.emit_columns(table).items()
        )
        where = f" WHERE {self.emit_tenant_predicate(table)}" if table.query is None else ""
        return f"(SELECT {columns} FROM {self.emit_source(table)}{where})"

    def emit_tenant_predicate(self, table: Table) -> str:
        tenant = table.columns[table.tenant]
        return f"{self.dialect.emit_column('t', tenant.physical)} = {self.dialect.emit_tenant_parameter(tenant.type)}"

    def emit_tenant_conjunct(self, table: Table) -> str:
        """Emit a physical table's tenant predicate; the scans inside a query have their own."""
        return f"{self.emit_tenant_predicate(table)} AND " if table.query is None else ""

    def emit_day_range(self, day: str, index: int) -> str:
        start, end = (self.dialect.emit_parameter(f"{bound}{index}") for bound in ("start", "end"))
        return f"{day} BETWEEN {start} AND {end}"

    def emit_aggregates(self, aggregates: Sequence[Aggregate], columns: Mapping[str, str]) -> list[str]:
        return [f"{self.emit_aggregate(each, columns)} AS a{index}" for index, each in enumerate(aggregates)]

    def emit_aggregate(self, aggregate: Aggregate, columns: Mapping[str, str]) -> str:
        if aggregate.argument is None:
            return "COUNT(*)"
        argument = self.dialect.emit_expression(aggregate.argument, columns)
        if aggregate.fraction is not None:
            return self.dialect.emit_percentile(self.dialect.emit_double(argument), aggregate.fraction)
        if aggregate.function == "sum":
            # A sum of big integers may overflow or come back as a decimal; a double does neither.
            argument = self.dialect.emit_double(argument)
        return f"{aggregate.function.upper()}({'DISTINCT ' if aggregate.distinct else ''}{argument})"

    def emit_value(self, expression: Expression, aggregates: Mapping[Aggregate, str]) -> str:
        """Emit an expression over its aggregates, in floating point."""

        def fill_placeholder(node: exp.Expr) -> exp.Expr:
            if not isinstance(node, exp.Placeholder):
                return node
            sql = self.dialect.emit_double(aggregates[expression.aggregates[int(node.name)]])
            return wrap_sql(f"COALESCE({sql}, 0)" if expression.is_sum_of_several else sql, "double")

        return self.dialect.emit_expression(expression.tree.transform(fill_placeholder), None)


def collect_item_aggregates(scan: ItemsScan) -> list[Aggregate]:
    """List the aggregates that the items' values are computed from, each once."""
    return list(dict.fromkeys(each for value in scan.items.values for each in value.expression.aggregates))


def collect_used_columns(aggregates: Sequence[Aggregate], *more: str) -> list[str]:
    """List the columns that the aggregates read, and those of `more`, each once."""
    names = [
        column.name
        for aggregate in aggregates
        if aggregate.argument is not None
        for column in aggregate.argument.find_all(exp.Column)
    ]
    return list(dict.fromkeys((*names, *more)))


def quote_literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def indent_sql(sql: str) -> str:
    return "\n".join(f"  {line}" for line in sql.split("\n"))
