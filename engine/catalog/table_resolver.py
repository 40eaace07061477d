"""Resolution of tables: their columns, their physical names, and their queries."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlglot import exp

from engine.catalog.definition_resolver import DefinitionResolver, Section
from engine.catalog.dimensions import resolve_dimensions
from engine.catalog.reporter import AlreadyReported, CollectErrors, Reporter
from engine.diagnostics import Diagnostics, Position
from engine.files.folder import MetricFolder
from engine.files.table_definitions import TableDefinition
from engine.language.jinja import Sandbox
from engine.language.parser import parse_query
from engine.language.queries.names import NAME_PATTERN, REFERENCE_PREFIX
from engine.language.queries.query_resolver import QueryResolver
from engine.language.queries.relations import Relation
from engine.language.queries.scope import UNKNOWN_TYPE
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
DEFAULT_TENANT: str = TableDefinition.model_fields["tenant"].default
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
        columns = {column: Column(column, UNKNOWN_TYPE, column) for column in reporter.list_keys("columns")}
        columns |= {
            column: Column(column, each.type, each.column or column, each.additive, each.money)
            for column, each in definition.columns.items()
            if each.model_fields_set.issuperset(reporter.list_keys("columns", column))
        }
        check_columns(reporter, name, definition, columns)
        check_tenant(reporter, name, definition, columns)
        check_names(reporter, name, definition, columns)
        source = reporter.file.definition.source
        # Once a file, at its first table.
        physical = (each for each, other in reporter.file.definition.tables.items() if other.sql is None)
        if "source" not in reporter.file.document.data and name == next(physical, None):
            reporter.report_at_key("missing-source", "a file with tables needs `source:`, whose connection feeds them")
        query: exp.Query | None = None
        read: TablesByName = {}
        row_key = frozenset(definition.key) - {definition.tenant} if definition.key else None
        if definition.sql is None:
            check_currency(reporter, definition)
        else:
            try:
                query, derived_key = self.resolve_query(reporter, definition, columns, read)
                row_key = derived_key if row_key is None else row_key
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
            account=definition.account if definition.account in columns else None,
            query=query,
            dimensions=resolve_dimensions(reporter, definition.dimensions, name, columns),
            reads=tuple(table for table in read.values() if table is not None),
            row_key=row_key,
        )

    def check_shared_tables(self) -> None:
        """Report declarations of one physical table that name different tenant columns.

        A declaration that keeps to the default names is right rather than one that departs from them.
        """
        accepted: list[Table] = []
        tables = [
            table for table in self.resolve_all().values() if table.query is None and table.tenant in table.columns
        ]
        for table in sorted(
            tables, key=lambda each: (each.tenant_column != DEFAULT_TENANT, each.physical != each.name)
        ):
            other = next(
                (each for each in accepted if each.tenant_column != table.tenant_column and each.may_share_rows(table)),
                None,
            )
            if other is None:
                accepted.append(table)
                continue
            reporter, definition = self.declared[table.name]
            message = (
                f"this is the table {other.name!r} of {self.declared[other.name][0].file.name}, "
                f"whose tenant's column is {other.tenant_column!r}; write that one here, too"
            )
            if "tenant" in definition.model_fields_set:
                reporter.report_at_value("wrong-tenant", message, "tenant")
            else:
                reporter.report_at_key("wrong-tenant", message, "columns", table.tenant)

    def resolve_query(
        self, reporter: Reporter, definition: TableDefinition, columns: dict[str, Column], read: TablesByName
    ) -> tuple[exp.Query, frozenset[str] | None]:
        """Resolve the query of a `sql:` table, and return it with the columns that identify a row.

        Puts the tables that it reads into `read`. Raises AlreadyReported.
        """
        errors, positions = CollectErrors(), list[Position]()

        def follow_table(position: Position, name: str) -> str:
            read.setdefault(name, None)
            positions.append(position)
            with errors:
                read[name] = self.resolve_read_table(reporter, position, name)
            return f'"{REFERENCE_PREFIX}{name}"'

        rendered = self.render_text(reporter, definition.sql or "", follow_table, "sql")
        with reporter.catch_faults("sql", rendered=rendered):
            query = parse_query(rendered.text)
            resolver = QueryResolver(query, read)
        errors.raise_if_failed()
        check_sources(reporter, positions, [table for table in read.values() if table is not None])
        given = resolver.relation
        with errors, reporter.catch_faults("sql", rendered=rendered):
            resolver.write_out()
        with errors:
            check_query_columns(reporter, definition.tenant, columns, given.columns)
        errors.raise_if_failed()
        check_lineage(reporter, definition, columns, given)
        check_currency(reporter, definition, given)
        # A key of the query's results is one of the table only if its columns are declared.
        return query, given.key if given.key is not None and given.key <= columns.keys() else None

    def may_declare(self, table: Table, dimension: str) -> bool:
        """Whether the table's file declares a dimension of this name, or what stands there cannot be read."""
        reporter, _ = self.declared[table.name]
        if dimension in (names := reporter.list_keys("dimensions")):
            return True
        return not names and "dimensions" in reporter.list_keys() and not reporter.is_empty_mapping("dimensions")

    def resolve_read_table(self, reporter: Reporter, position: Position, name: str) -> Table:
        """Return a table that another one reads. Raises AlreadyReported."""
        table = self.follow_reference(reporter, position, name)
        if name in self.faulty:
            raise AlreadyReported
        return table


def check_sources(reporter: Reporter, positions: Sequence[Position], read: Sequence[Table]) -> None:
    """Report a query of which no table belongs to its file's source. Raises AlreadyReported."""
    source = reporter.file.definition.source
    if source is None or not read or any(table.may_belong_to(source) for table in read):
        return
    message = f"table {read[0].name!r} belongs to {format_sources(read[0].sources)}, this file to {source}"
    reporter.report_at_position(positions[0], "wrong-source", message)
    raise AlreadyReported


def format_sources(sources: Sequence[str]) -> str:
    return f"source{'' if len(sources) == 1 else 's'} {' and '.join(sources)}"


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


def check_lineage(
    reporter: Reporter, definition: TableDefinition, columns: Mapping[str, Column], given: Relation
) -> None:
    """Report numbers of a query that are made of money, or have no sum, and do not say what they are."""
    for name, column in definition.columns.items():
        if VALUE_TYPES.get(columns[name].type) not in NUMBER_TYPES:
            continue
        lost_money = given.columns[name].money and "money" not in column.model_fields_set
        lost_sum = name in given.reasons and "additive" not in column.model_fields_set
        if lost_money:
            also = f", and {given.reasons[name]}; say both `money:` and `additive:`" if lost_sum else ""
            message = f"{name!r} is made of money{also or '; say `money: true`, or `money: false` if it is none'}"
            reporter.report_at_key("money-lost", message, "columns", name)
        elif lost_sum:
            message = (
                f"{name!r} is {given.reasons[name]}; say `additive: false`, or `additive: true` if its sum is right"
            )
            reporter.report_at_key("additivity-lost", message, "columns", name)


def check_currency(reporter: Reporter, definition: TableDefinition, given: Relation | None = None) -> None:
    """Report money without its currency: of a physical table, or of what a query gives."""
    currency = definition.currency
    if currency is None and "currency" in reporter.list_keys():
        return  # What stands there is no column's name, which is its own problem.
    for name, column in definition.columns.items():
        if not column.money:
            continue
        if currency is None:
            message = f"{name!r} is money; name the column of its currency in `currency:`"
            reporter.report_at_key("missing-currency", message, "columns", name)
        elif given is not None and currency not in given.currencies.get(name, given.currency_columns):
            message = (
                f"{currency!r} is not the currency of {name!r}; give the currency's own column, outside of an "
                f"aggregate, or a text such as 'USD' AS {currency} if it was converted"
            )
            reporter.report_at_value("wrong-currency", message, "currency")
            return


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
    if definition.currency is not None:
        check_column(definition.currency, "currency", kinds=("text",), what="`currency` is a text column")
    for index, column in enumerate(definition.key):
        check_column(column, "key", index)
    if definition.account is not None:
        check_column(definition.account, "account", kinds=("text",), what="`account` is a text column")
        is_key_known = bool(definition.key) and columns.keys() >= set(definition.key)
        if definition.account in columns and is_key_known and definition.account not in definition.key:
            message = f"`key` lacks the account {definition.account!r}: rows of two accounts would replace each other"
            reporter.report_at_value("wrong-value", message, "account")
    for column, resolved in columns.items():
        if (resolved.money or not resolved.additive) and resolved.value_type not in NUMBER_TYPES:
            key = "money" if resolved.money else "additive"
            reporter.report_at_key(
                "wrong-column-type", f"{key} is for numbers, not {resolved.type}", "columns", column, key
            )


def check_tenant(reporter: Reporter, name: str, definition: TableDefinition, columns: Mapping[str, Column]) -> None:
    """Report a tenant column that is missing, is no uuid, or is no part of a physical table's key."""
    tenant, is_stated = definition.tenant, "tenant" in definition.model_fields_set
    if tenant not in columns:
        if is_stated:
            message = f"column {tenant!r} is not in table {name}{suggest_name(tenant, columns)}"
            reporter.report_at_value("unknown-column", message, "tenant")
        elif definition.sql is None:
            message = f"the tenant's column {tenant!r} is missing; add it, or name another one in `tenant:`"
            reporter.report_at_value("unknown-column", message, "columns")
    elif columns[tenant].type not in ("uuid", UNKNOWN_TYPE) and (is_stated or definition.sql is None):
        message = f"{tenant!r} is {columns[tenant].type}; `tenant` is a uuid column"
        if is_stated:
            reporter.report_at_value("wrong-column-type", message, "tenant")
        else:
            reporter.report_at_key("wrong-column-type", message, "columns", tenant)
    elif definition.sql is None and not is_in_key(tenant, definition.key, columns):
        message = f"{tenant!r} is not in the table's `key`, which a tenant's column is part of"
        reporter.report_at_value("wrong-tenant", message, "tenant" if is_stated else "key")


def is_in_key(tenant: str, key: Collection[str], columns: Mapping[str, Column]) -> bool:
    """Whether the tenant's column is part of a key, as far as the key is known."""
    if not key or not columns.keys() >= set(key):
        return True
    return columns[tenant].physical in {columns[column].physical for column in key}


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
