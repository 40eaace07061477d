"""Compare the declared tables with those in the database: what is missing, what differs."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import Engine, Index, Inspector, MetaData, types
from sqlalchemy.dialects.postgresql.base import PGInspector
from sqlalchemy.exc import SAWarning, SQLAlchemyError
from sqlalchemy.schema import CreateIndex

from engine.catalog.catalog import raise_if_invalid
from engine.catalog.reporter import Reporter
from engine.diagnostics import Diagnostics
from engine.errors import InvalidSetting, WarehouseUnavailable
from engine.files.folder import read_folder
from engine.suggestions import did_you_mean, find_nearest_names
from engine.tables import Column, Table

LiveType = types.TypeEngine[Any]

# The database types that a declared type can be read from. Every aggregate is cast to double, so that a fraction may be
# declared where the database has whole numbers; the reverse declaration would be wrong.
READABLE_TYPES: Mapping[str, tuple[type[LiveType], ...]] = {
    "uuid": (types.Uuid,),
    "text": (types.String,),
    "date": (types.Date,),
    "timestamp": (types.DateTime,),
    "timestamptz": (types.DateTime,),
    "boolean": (types.Boolean,),
    "integer": (types.Integer,),
    "bigint": (types.Integer,),
    "double": (types.Float, types.Numeric, types.Integer),
    "numeric": (types.Float, types.Numeric, types.Integer),
}
# SQLite has no such types: their values are ISO text, and 0 or 1.
SQLITE_TYPES: Mapping[str, tuple[type[LiveType], ...]] = {
    "uuid": (types.String,),
    "date": (types.String,),
    "timestamp": (types.String,),
    "timestamptz": (types.String,),
    "boolean": (types.Integer, types.Numeric),
}
# ClickHouse's types, which are no subclasses of SQLAlchemy's own.
CLICKHOUSE_TYPES: Mapping[str, LiveType] = {
    "UUID": types.Uuid(),
    "String": types.String(),
    "FixedString": types.String(),
}
# ClickHouse's table engines that keep rows without an order.
UNSORTED_ENGINES = ("Log", "TinyLog", "StripeLog", "Memory")
# How to declare a column of the database: by the first class that its type is an instance of.
DECLARED_AS: Sequence[tuple[type[types.TypeEngine[Any]], str]] = (
    (types.Uuid, "uuid"),
    (types.Date, "date"),
    (types.DateTime, "timestamp"),
    (types.Boolean, "boolean"),
    (types.Integer, "bigint"),
    (types.Float, "double"),
    (types.Numeric, "numeric"),
    (types.String, "text"),
)


def get_first_line(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).split("\n")[0]


def check_live_tables(
    folder: Path,
    tables: Mapping[str, Table],
    database: Engine,
    *,
    setting: str = "WAREHOUSE_URL",
    reason: Callable[[Exception], str] = get_first_line,
) -> None:
    """Check the declared tables of a folder against a database; queries are skipped.

    `setting` names where the database's URL is from, `reason` explains the database's errors. Raises InvalidCatalog
    with every difference at its declaration, InvalidSetting or WarehouseUnavailable.
    """
    raise_if_file_missing(database, setting)
    diagnostics = Diagnostics()
    read = read_folder(folder, Diagnostics())
    try:
        live = LiveTableChecker(sqlalchemy.inspect(database))
        for file in read.files:
            for name in file.definition.tables:
                if tables[name].query is None:
                    live.check_table(Reporter(file, ("tables", name), diagnostics), tables[name])
    except SQLAlchemyError as error:
        raise WarehouseUnavailable(f"{setting}: the warehouse cannot be used: {reason(error)}") from error
    raise_if_invalid(diagnostics, read)


def raise_if_file_missing(database: Engine, setting: str) -> None:
    """Raise InvalidSetting for a missing file, which SQLite and DuckDB would create."""
    name = database.url.database
    in_memory = not name or name == ":memory:" or name.startswith("file:")
    if database.dialect.name not in ("sqlite", "duckdb") or in_memory:
        return
    try:
        is_there = Path(str(name)).exists()
    except OSError:
        # What keeps the file from being seen is reported when it is opened.
        return
    if not is_there:
        raise InvalidSetting(f"{setting}: there is no database {name}; `metric-engine load` or `serve` makes it")


class LiveTableChecker:
    """Checks declared tables against a database, through SQLAlchemy's inspector."""

    def __init__(self, inspector: Inspector) -> None:
        self.inspector = inspector
        self.dialect = inspector.dialect
        self.is_sqlite = self.dialect.name == "sqlite"
        self.is_case_blind = self.dialect.name in ("sqlite", "duckdb")
        self.is_clickhouse = self.dialect.name == "clickhousedb"

    def check_table(self, reporter: Reporter, table: Table) -> None:
        """Report how the database differs from a declared table."""
        schema, _, declared = table.physical.rpartition(".")
        renamed = reporter.file.definition.tables[table.name].name is not None
        where = reporter.descend("name") if renamed else reporter
        report = where.report_at_value if renamed else where.report_at_key
        if schema and schema not in self.inspector.get_schema_names():
            hint = did_you_mean(find_nearest_names(schema, self.inspector.get_schema_names(), limit=1))
            report("missing-live-table", f"the database has no schema {schema!r}{hint}")
            return
        name = self.find_live_name(declared, schema or None)
        if not self.inspector.has_table(name, schema=schema or None):
            hint = did_you_mean(find_nearest_names(name, self.iter_names(schema or None), limit=1))
            remedy = hint or "; `metric-engine ddl` prints the statement that makes it"
            report("missing-live-table", f"the database has no table {table.physical!r}{remedy}")
        else:
            live = self.get_columns(name, schema or None)
            missing = [column for column in table.columns.values() if self.fold_name(column.physical) not in live]
            for column in missing:
                self.report_missing_column(reporter, table, column, live)
            for column in table.columns.values():
                if column not in missing:
                    is_fixed = column.name in (table.time, table.tenant)
                    self.check_type(reporter, column, live[self.fold_name(column.physical)][1], is_fixed=is_fixed)
            if not {table.columns[table.tenant], table.columns[table.time]} & set(missing):
                self.check_index(reporter, table, name, schema or None)

    def find_live_name(self, declared: str, schema: str | None) -> str:
        """Find the name as the database writes it: the inspector compares it to the letter, the database may not."""
        if self.is_case_blind:
            for name in self.iter_names(schema):
                if self.fold_name(name) == self.fold_name(declared):
                    return name
        return declared

    def iter_names(self, schema: str | None) -> Iterator[str]:
        yield from self.inspector.get_table_names(schema)
        yield from self.inspector.get_view_names(schema)

    def get_columns(self, name: str, schema: str | None) -> Mapping[str, tuple[str, LiveType]]:
        """Return the name and type of each column, by its folded name."""
        return {
            self.fold_name(column["name"]): (column["name"], column["type"])
            for column in self.inspector.get_columns(name, schema)
        }

    def fold_name(self, name: str) -> str:
        """Fold a name for comparison: SQLite and DuckDB ignore upper and lower case."""
        return name.lower() if self.is_case_blind else name

    def report_missing_column(
        self, reporter: Reporter, table: Table, column: Column, live: Mapping[str, tuple[str, LiveType]]
    ) -> None:
        # The nearest one may be declared already: then this one is a misspelt second declaration of it.
        hint = did_you_mean(find_nearest_names(column.physical, [name for name, _ in live.values()], limit=1))
        remedy = hint or "; if it is called otherwise there, name it with `column:`"
        message = f"the database's table {table.physical} has no column {column.physical!r}{remedy}"
        if column.physical == column.name:
            reporter.report_at_key("missing-live-column", message, "columns", column.name)
        else:
            reporter.report_at_value("missing-live-column", message, "columns", column.name, "column")

    def check_type(self, reporter: Reporter, column: Column, live: LiveType, *, is_fixed: bool) -> None:
        """Report a type that the declared one cannot be read from; `is_fixed` where no other may be declared."""
        fitting = READABLE_TYPES[column.type] + (SQLITE_TYPES.get(column.type, ()) if self.is_sqlite else ())
        live = getattr(live, "data_type", live)  # a domain of PostgreSQL has another type below it
        plain_type = CLICKHOUSE_TYPES.get(type(live).__name__, live) if self.is_clickhouse else live
        # An enumeration sorts by its numbers and rejects any text that is not its own.
        is_enum = isinstance(plain_type, types.Enum)
        if isinstance(plain_type, (types.NullType, *fitting)) and not is_enum:
            return
        as_declared = (
            None if is_enum else next((name for each, name in DECLARED_AS if isinstance(plain_type, each)), None)
        )
        if is_fixed:
            remedy = f"make a {column.type} of it, in a column of its own or a view, and name that"
        elif as_declared is None:
            remedy = f"make it {column.type}, in a column of its own or a view, and name that"
        else:
            remedy = f"declare it {as_declared}"
        message = f"column {column.physical!r} is {self.format_type(live)} in the database, not {column.type}; {remedy}"
        is_short_form = not isinstance(
            reporter.file.document.data["tables"][reporter.path[1]]["columns"][column.name], dict
        )
        reporter.report_at_value(
            "wrong-live-type", message, "columns", column.name, *(() if is_short_form else ("type",))
        )

    def format_type(self, live: LiveType) -> str:
        return live.compile(self.dialect).lower()

    def check_index(self, reporter: Reporter, table: Table, name: str, schema: str | None) -> None:
        """Report a table that must be read whole to find the rows of one tenant.

        Skipped are views, which have no index of their own, foreign tables, whose indexes are elsewhere, and DuckDB,
        which finds rows by the least and greatest value of each row group.
        """
        if self.dialect.name == "duckdb":
            return
        tenant = self.fold_name(table.columns[table.tenant].physical)
        if name in self.inspector.get_view_names(schema):
            return
        if isinstance(self.inspector, PGInspector) and name in self.inspector.get_foreign_table_names(schema):
            return
        if self.is_clickhouse:
            order = ", ".join(table.columns[column].physical for column in (table.tenant, table.time))
            message = f"this table is not sorted by {tenant!r} first, so that every request reads all of its rows"
            if self.get_sorting_column(name, schema) not in (tenant, None):
                reporter.report_at_key("missing-live-index", f"{message}; make it with ORDER BY ({order})")
            return
        if any(
            leading is not None and self.fold_name(leading) == tenant
            for leading in self.iter_leading_columns(name, schema)
        ):
            return
        statement = self.render_create_index(table, name, schema)
        message = f"no index of this table begins with {tenant!r}, so that every request reads all of its rows"
        reporter.report_at_key("missing-live-index", f"{message}; make one: {statement}")

    def iter_leading_columns(self, name: str, schema: str | None) -> Iterator[str | None]:
        """Yield the first column of the primary key and of each index that covers every row.

        None stands for an expression.
        """
        yield from self.inspector.get_pk_constraint(name, schema)["constrained_columns"][:1]
        with warnings.catch_warnings():
            # SQLAlchemy warns about an index on an expression, which cannot find a tenant anyway.
            warnings.simplefilter("ignore", SAWarning)
            uniques = self.inspector.get_unique_constraints(name, schema)
            indexes = self.inspector.get_indexes(name, schema)
        for unique in uniques:
            yield from unique["column_names"][:1]
        for index in indexes:
            if index.get("dialect_options", {}).get(f"{self.dialect.name}_where") is None:
                yield from index["column_names"][:1]

    def get_sorting_column(self, name: str, schema: str | None) -> str | None:
        """Return the first sorting column of a ClickHouse table, or of a Distributed table's shards.

        None where the shards' tables have names that this process cannot derive, and for a view or a table that stands
        for one elsewhere.
        """
        database = "currentDatabase()" if schema is None else "%(schema)s"
        source = f"FROM system.tables WHERE database = {database} AND name = %(name)s"
        with self.inspector.engine.connect() as connection:
            parameters = {"name": name, "schema": schema}
            engine, key = connection.exec_driver_sql(f"SELECT engine, sorting_key {source}", parameters).one()
            if engine == "Distributed":
                parameters["name"] = f"{name}_local"
                local = connection.exec_driver_sql(f"SELECT sorting_key {source}", parameters).scalar()
                return None if local is None else str(local).partition(",")[0]
        if not (engine.endswith("MergeTree") or engine in UNSORTED_ENGINES):
            return None
        return str(key).partition(",")[0]

    def render_create_index(self, table: Table, name: str, schema: str | None) -> str:
        """Render the statement that creates the index, in the database's dialect."""
        physical = [table.columns[column].physical for column in (table.tenant, table.time)]
        stub = sqlalchemy.Table(name, MetaData(), *(sqlalchemy.Column(column) for column in physical), schema=schema)
        index = Index(f"{name}_{'_'.join(physical)}", *(stub.c[column] for column in physical))
        return str(CreateIndex(index).compile(dialect=self.dialect))
