"""Tables: their columns, their physical names, and the queries that some of them are."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from sqlglot import exp

from engine.catalog.reporter import AlreadyReported, CollectErrors, Reporter
from engine.diagnostics import Diagnostics
from engine.files.definitions import TableDefinition
from engine.files.folder import MetricFolder
from engine.language.jinja import RenderedText, Sandbox, find_call_offset, render_template
from engine.language.parser import parse_select
from engine.language.select import NAME_PATTERN, REFERENCE_PREFIX, UNKNOWN_TYPE, QueryResolver
from engine.language.types import TYPE_PHRASES
from engine.suggestions import suggest_name
from engine.tables import NUMBER_TYPES, TIMESTAMP_TYPES, VALUE_TYPES, Column, Table

PHYSICAL_NAME_PATTERN = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*){0,2}", re.ASCII)
RESERVED_NAMES = frozenset(
    (
        *("user_dashboard_layouts", "app_settings", "connections", "sync_jobs", "data_versions", "alembic_version"),
        *("metric_engine_version", "sync_cursors"),
        *("information_schema", "system", "pg_catalog"),
    )
)
# What tables of ClickHouse have besides the declared columns, and what SQLite takes for a value whatever the quotes.
RESERVED_COLUMNS = frozenset(("_version", "_deleted", "true", "false"))
RESERVED_PREFIXES = ("sqlite_", "pg_")
MAX_READ_DEPTH = 10
# The tables that a query names, by name; None for one that cannot be read.
TablesByName = dict[str, Table | None]


class TableResolver:
    """Resolves each declared table once, queries after the tables that they read."""

    def __init__(
        self, folder: MetricFolder, sandbox: Sandbox, names: Mapping[str, Any], diagnostics: Diagnostics
    ) -> None:
        self.sandbox = sandbox
        self.names = names
        self.complete = folder.complete
        self.declared: dict[str, tuple[Reporter, TableDefinition]] = {}
        self.resolved: dict[str, Table | None] = {}
        self.resolving: list[tuple[Reporter, str, int]] = []
        # Tables whose query is wrong: their columns are known all the same, but not what they read.
        self.faulty: set[str] = set()
        for file in folder.files:
            self.resolved.update(dict.fromkeys(file.list_malformed("tables")))
            for name, definition in file.definition.tables.items():
                self.declare_table(Reporter(file, ("tables", name), diagnostics), name, definition)

    def declare_table(self, reporter: Reporter, name: str, definition: TableDefinition) -> None:
        if name in self.declared:
            other = self.declared[name][0].file.name
            reporter.report_at_key(
                "duplicate-table", f"table {name!r} is declared in {other} already; rename one of them"
            )
            return
        self.declared[name] = (reporter, definition)

    def resolve_all(self) -> Mapping[str, Table]:
        found = {name: self.find_table(name) for name in self.declared}
        return {name: table for name, table in found.items() if table is not None}

    def is_declared(self, name: str) -> bool:
        """Whether the name is declared, be it with errors; in a folder that could not be read whole, it may be."""
        return name in self.declared or name in self.resolved or not self.complete

    def find_table(self, name: str) -> Table | None:
        """The table called `name`; None where it is unknown or has errors of its own."""
        if name not in self.resolved and name in self.declared:
            self.resolved[name] = None
            reporter, definition = self.declared[name]
            with contextlib.suppress(AlreadyReported):
                self.resolved[name] = self.resolve_table(reporter, name, definition)
        return self.resolved.get(name)

    def describe_unknown_table(self, name: str) -> str:
        return f"no table {name!r} is declared{suggest_name(name, {**self.declared, **self.resolved})}"

    def resolve_table(self, reporter: Reporter, name: str, definition: TableDefinition) -> Table:
        """The table, be it with faults: what is said about its columns holds, and metrics are checked against it."""
        columns = {column: Column(column, UNKNOWN_TYPE, column) for column in reporter.descend("columns").list_keys()}
        columns |= {
            column: Column(column, each.type, each.column or column, each.additive, each.money)
            for column, each in definition.columns.items()
        }
        check_columns(reporter, name, definition, columns)
        check_names(reporter, name, definition, columns)
        source = reporter.file.definition.source
        if not reporter.file.document.data.get("source"):
            reporter.report_at_key("missing-source", "a file with tables needs `source:`, whose connection feeds them")
        query: exp.Select | None = None
        read: TablesByName = {}
        if definition.sql is not None:
            try:
                query = self.resolve_query(reporter, definition, columns, read)
            except AlreadyReported:
                self.faulty.add(name)
        return Table(
            name=name,
            source=source or "",
            time=definition.time,
            tenant=definition.tenant,
            physical=definition.name or name,
            columns=columns,
            key=tuple(definition.key),
            restates=definition.restates,
            currency=definition.currency,
            query=query,
            reads=tuple(table for table in read.values() if table is not None),
        )

    def resolve_query(
        self, reporter: Reporter, definition: TableDefinition, columns: dict[str, Column], read: TablesByName
    ) -> exp.Select:
        """The query of a `sql:` table; the tables that it reads are put into `read`. Raises Reported."""
        errors = CollectErrors()
        rendered = self.render_query(reporter, definition.sql or "", read, errors)
        with reporter.catch_faults("sql", rendered=rendered):
            query = parse_select(rendered.text)
            resolver = QueryResolver(query, read)
        errors.raise_if_failed()
        given = resolver.results
        with errors, reporter.catch_faults("sql", rendered=rendered):
            resolver.write_out()
        with errors:
            check_query_columns(reporter, definition.tenant, columns, given)
        errors.raise_if_failed()
        return query

    def render_query(self, reporter: Reporter, text: str, read: TablesByName, errors: CollectErrors) -> RenderedText:
        """The query with a reference for each `table()`; one that cannot be followed fails the attempt."""

        def reference_table(name: str) -> str:
            read.setdefault(name, None)
            with errors:
                read[name] = self.resolve_read_table(reporter, name, find_call_offset(text, "table", name))
            return f'"{REFERENCE_PREFIX}{name}"'

        def reject_metric(key: str) -> str:
            raise ValueError("metric() is for the expressions of metrics")

        with reporter.catch_faults("sql"):
            return render_template(
                self.sandbox, text, {**self.names, "table": reference_table, "metric": reject_metric}
            )

    def resolve_read_table(self, reporter: Reporter, name: str, offset: int) -> Table:
        """The table that another one reads. Raises Reported."""
        position = reporter.locate_character(("sql",), offset)
        if not self.is_declared(name):
            reporter.report_at_position(position, "unknown-table", self.describe_unknown_table(name))
            raise AlreadyReported
        self.raise_if_table_cycle(reporter, name, offset)
        if len(self.resolving) == MAX_READ_DEPTH:
            reporter.report_at_position(position, "too-deep", f"tables read each other more than {MAX_READ_DEPTH} deep")
            raise AlreadyReported
        self.resolving.append((reporter, name, offset))
        try:
            table = self.find_table(name)
        finally:
            self.resolving.pop()
        source = reporter.file.definition.source
        if table is not None and source and table.source and table.source != source:
            message = f"table {name!r} belongs to source {table.source}, this one to {source}; derive across sources"
            reporter.report_at_position(position, "wrong-source", message)
            raise AlreadyReported
        if table is None or name in self.faulty:
            raise AlreadyReported
        return table

    def raise_if_table_cycle(self, reporter: Reporter, name: str, offset: int) -> None:
        route = [*self.resolving, (reporter, name, offset)]
        names = [each.path[1] for each, _, _ in route]
        if name not in names:
            return
        cycle = route[names.index(name) :]
        first = min(
            range(len(cycle)), key=lambda index: (cycle[index][0].file.name, cycle[index][0].locate_value("sql"))
        )
        cycle = cycle[first:] + cycle[:first]
        named = " → ".join(str(each.path[1]) for each, _, _ in (*cycle, cycle[0]))
        first_reporter, _, where = cycle[0]
        first_reporter.report_at_position(
            first_reporter.locate_character(("sql",), where), "cycle", f"tables read each other: {named}"
        )
        raise AlreadyReported


def check_query_columns(
    reporter: Reporter, tenant: str, columns: dict[str, Column], given: Mapping[str, Column]
) -> None:
    """Hold the declared columns of a query against those that it gives. Raises Reported."""
    errors = CollectErrors()
    for name, column in columns.items():
        if name not in given:
            message = f"the query gives no column {name!r}{suggest_name(name, given)}"
            reporter.report_at_key("unknown-column", message, "columns", name)
            errors.failed = True
            continue
        matched = match_query_column(column, given[name], is_tenant=name == tenant)
        if isinstance(matched, Column):
            columns[name] = matched
            continue
        reporter.report_at_key("wrong-column-type", f"{name!r} is {column.type} here, but {matched}", "columns", name)
        errors.failed = True
    errors.raise_if_failed()


def match_query_column(column: Column, given: Column, *, is_tenant: bool) -> Column | str:
    """The declared column as the query gives it, or why it cannot be what it is declared as."""
    declared, found = VALUE_TYPES.get(column.type), VALUE_TYPES.get(given.type)
    if declared is None or found is None or declared == found:
        return column
    if {declared, found} <= NUMBER_TYPES:
        # A sum or a product is a double, also one of whole numbers.
        return replace(column, type="double")
    if is_tenant and {declared, found} == {"uuid", "text"}:
        # Nothing is asked of it but to be there: it is what the query makes of it.
        return replace(column, type=given.type)
    dated = declared == "date" and found in TIMESTAMP_TYPES
    remedy = f"write date(…) AS {column.name}" if dated else f"declare it as {given.type}"
    return f"the query gives {TYPE_PHRASES[found]}; {remedy}"


def check_columns(reporter: Reporter, name: str, definition: TableDefinition, columns: Mapping[str, Column]) -> None:
    """Report what the table's own keys say of columns that are not there, or do not fit."""

    def check_column(column: str, *path: str | int, kinds: Collection[str] = VALUE_TYPES, what: str = "") -> None:
        if column not in columns:
            reporter.report_at_value(
                "unknown-column", f"column {column!r} is not in table {name}{suggest_name(column, columns)}", *path
            )
        elif columns[column].type not in (*kinds, UNKNOWN_TYPE):
            reporter.report_at_value("wrong-column-type", f"{column!r} is {columns[column].type}; {what}", *path)

    check_column(definition.time, "time", kinds=("date",), what="`time` is a date column; a `sql:` table can make one")
    if "tenant" in definition.model_fields_set:
        check_column(definition.tenant, "tenant", kinds=("uuid", "text"), what="`tenant` is a uuid column")
    elif definition.sql is None and definition.tenant not in columns:
        message = f"the tenant's column {definition.tenant!r} is missing; add it, or name another one in `tenant:`"
        reporter.report_at_value("unknown-column", message, "columns")
    if definition.currency is not None:
        check_column(definition.currency, "currency", kinds=("text",), what="`currency` is a text column")
    for index, column in enumerate(definition.key):
        check_column(column, "key", index)
    for column, resolved in columns.items():
        if (resolved.money or not resolved.additive) and resolved.value_type not in NUMBER_TYPES:
            key = "money" if resolved.money else "additive"
            reporter.report_at_key(
                "wrong-column-type", f"{key} is for numbers, not {resolved.type}", "columns", column, key
            )


def check_names(reporter: Reporter, name: str, definition: TableDefinition, columns: Mapping[str, Column]) -> None:
    """Report physical names that are none, or that are the installation's own."""
    if not NAME_PATTERN.fullmatch(name):
        reporter.report_at_key("bad-name", f"{name!r} is not a table's name; use letters, digits and _")
    seen: dict[str, str] = {}
    for column, resolved in columns.items():
        if column.startswith("__") or {column.lower(), resolved.physical.lower()} & RESERVED_COLUMNS:
            reporter.report_at_key(
                "bad-name", f"{column!r} is a name of the engine's or of a database's own", "columns", column
            )
        elif seen.setdefault(column.lower(), column) != column:
            message = f"{column!r} and {seen[column.lower()]!r} are one name on some databases; rename one of them"
            reporter.report_at_key("bad-name", message, "columns", column)
        elif not NAME_PATTERN.fullmatch(column):
            reporter.report_at_key(
                "bad-name", f"{column!r} is not a column's name; use letters, digits and _", "columns", column
            )
        elif not NAME_PATTERN.fullmatch(resolved.physical.replace("$", "_")):
            message = f"{resolved.physical!r} is not a column's name; use letters, digits and _"
            reporter.report_at_value("bad-name", message, "columns", column, "column")
    if definition.name is not None and definition.sql is not None:
        reporter.report_at_key("misplaced-key", "`name` is for physical tables; this one is a query", "name")
    elif definition.name is not None and not PHYSICAL_NAME_PATTERN.fullmatch(definition.name):
        reporter.report_at_value(
            "bad-name", f"{definition.name!r} is not a table's name, such as analytics.ga4_fact", "name"
        )
    elif definition.sql is None:
        parts = [part.lower() for part in (definition.name or name).split(".")]
        if any(part in RESERVED_NAMES or part.startswith(RESERVED_PREFIXES) for part in parts):
            report, segments = (
                (reporter.report_at_value, ("name",)) if definition.name else (reporter.report_at_key, ())
            )
            message = f"{definition.name or name!r} is the installation's own table; it cannot be declared"
            report("reserved-table", message, *segments)
