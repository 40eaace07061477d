"""Resolution of tables: their columns, their physical names, and their queries."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from sqlglot import exp

from engine.catalog.definition_resolver import DefinitionResolver, Section
from engine.catalog.reporter import AlreadyReported, CollectErrors, Reporter
from engine.diagnostics import Diagnostics, Position
from engine.files.definitions import TableDefinition
from engine.files.folder import MetricFolder
from engine.language.jinja import Sandbox
from engine.language.parser import parse_select
from engine.language.select import NAME_PATTERN, REFERENCE_PREFIX, UNKNOWN_TYPE, QueryResolver
from engine.language.types import TYPE_PHRASES
from engine.suggestions import suggest_name
from engine.tables import NUMBER_TYPES, TIMESTAMP_TYPES, VALUE_TYPES, Column, Table

PHYSICAL_NAME_PATTERN = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*){0,2}", re.ASCII)
RESERVED_NAMES = frozenset(
    (
        *("user_dashboard_layouts", "app_settings", "connections", "sync_jobs", "data_versions", "alembic_version"),
        *("metric_engine_version", "sync_cursors", "data_notes", "account_leases"),
        *("information_schema", "system", "pg_catalog"),
    )
)
# Columns that ClickHouse's tables have anyway, and words that SQLite reads as values even in quotes.
RESERVED_COLUMNS = frozenset(("_version", "_deleted", "true", "false"))
RESERVED_PREFIXES = ("sqlite_", "pg_")
# The tables that a query reads, by name; None for one with errors.
TablesByName = dict[str, Table | None]


class TableResolver(DefinitionResolver[TableDefinition, Table]):
    """Resolver of tables: each once, and queries after the tables that they read."""

    section = Section(
        name="tables",
        noun="table",
        unknown_code="unknown-table",
        duplicate_code="duplicate-table",
        duplicate_error="table {name!r} is declared in {file} already; rename one of them",
        relation="tables read each other",
        foreign="metric",
        foreign_error="metric() is for the expressions of metrics",
    )

    def __init__(
        self, folder: MetricFolder, sandbox: Sandbox, names: Mapping[str, Any], diagnostics: Diagnostics
    ) -> None:
        super().__init__(folder, sandbox, names, diagnostics)
        # Tables whose query has errors: their columns are known nevertheless, but not what they read.
        self.faulty: set[str] = set()

    def resolve_definition(self, reporter: Reporter, definition: TableDefinition) -> Table:
        """Resolve a table, even one with errors.

        Its declared columns are valid, and metrics are checked against them.
        """
        name = reporter.name
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
        """Resolve the query of a `sql:` table, and put the tables that it reads into `read`.

        Raises AlreadyReported.
        """
        errors = CollectErrors()

        def follow_table(position: Position, name: str) -> str:
            read.setdefault(name, None)
            with errors:
                read[name] = self.resolve_read_table(reporter, position, name)
            return f'"{REFERENCE_PREFIX}{name}"'

        rendered = self.render_text(reporter, definition.sql or "", follow_table, "sql")
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

    def resolve_read_table(self, reporter: Reporter, position: Position, name: str) -> Table:
        """Return a table that another one reads. Raises AlreadyReported."""
        table = self.follow_reference(reporter, position, name)
        source = reporter.file.definition.source
        if source and table.source and table.source != source:
            message = f"table {name!r} belongs to source {table.source}, this one to {source}; derive across sources"
            reporter.report_at_position(position, "wrong-source", message)
            raise AlreadyReported
        if name in self.faulty:
            raise AlreadyReported
        return table


def check_query_columns(
    reporter: Reporter, tenant: str, columns: dict[str, Column], given: Mapping[str, Column]
) -> None:
    """Compare the declared columns of a query with those that it gives. Raises AlreadyReported."""
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
    """Return the declared column as the query gives it, or why its declaration is wrong."""
    declared, found = VALUE_TYPES.get(column.type), VALUE_TYPES.get(given.type)
    if declared is None or found is None or declared == found:
        return column
    if {declared, found} <= NUMBER_TYPES:
        # A sum or a product of whole numbers is a double, too.
        return replace(column, type="double")
    if is_tenant and {declared, found} == {"uuid", "text"}:
        # The column only has to exist, so it has the type that the query gives.
        return replace(column, type=given.type)
    dated = declared == "date" and found in TIMESTAMP_TYPES
    remedy = f"write date(…) AS {column.name}" if dated else f"declare it as {given.type}"
    return f"the query gives {TYPE_PHRASES[found]}; {remedy}"


def check_columns(reporter: Reporter, name: str, definition: TableDefinition, columns: Mapping[str, Column]) -> None:
    """Report keys of the table that name a missing column, or one of a wrong type."""

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
    """Report invalid physical names, and those of the installation's own tables."""
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
