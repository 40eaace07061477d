"""Tables: their columns, their physical names, and the queries that some of them are."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from sqlglot import exp

from engine.catalog.reporter import Attempt, Place, Reported
from engine.diagnostics import Diagnostics
from engine.files.definitions import TableDefinition
from engine.files.folder import Folder
from engine.language.jinja import Rendered, Sandbox, TemplateFaults, call_offset, render
from engine.language.parser import parse_query
from engine.language.select import NAME, REFERENCE, UNREAD, Reading
from engine.language.types import SPOKEN
from engine.suggestions import hint
from engine.tables import KINDS, MOMENTS, NUMBERS, Column, Table

PHYSICAL = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*){0,2}", re.ASCII)
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
MOST_DEPTH = 10
# The tables that a query names, by name; None for one that cannot be read.
Found = dict[str, Table | None]


class TableResolver:
    """Resolves each declared table once, queries after the tables that they read."""

    def __init__(self, folder: Folder, sandbox: Sandbox, names: Mapping[str, Any], diagnostics: Diagnostics) -> None:
        self.sandbox = sandbox
        self.names = names
        self.complete = folder.complete
        self.declared: dict[str, tuple[Place, TableDefinition]] = {}
        self.resolved: dict[str, Table | None] = {}
        self.resolving: list[tuple[Place, str, int]] = []
        # Tables whose query is wrong: their columns are known all the same, but not what they read.
        self.faulty: set[str] = set()
        for file in folder.files:
            self.resolved.update(dict.fromkeys(file.lost("tables")))
            for name, definition in file.definition.tables.items():
                self.declare(Place(file, ("tables", name), diagnostics), name, definition)

    def declare(self, place: Place, name: str, definition: TableDefinition) -> None:
        if name in self.declared:
            other = self.declared[name][0].file.name
            place.at_key("duplicate-table", f"table {name!r} is declared in {other} already; rename one of them")
            return
        self.declared[name] = (place, definition)

    def resolve_all(self) -> Mapping[str, Table]:
        found = {name: self.find(name) for name in self.declared}
        return {name: table for name, table in found.items() if table is not None}

    def known(self, name: str) -> bool:
        """Whether the name is declared, be it with errors; in a folder that could not be read whole, it may be."""
        return name in self.declared or name in self.resolved or not self.complete

    def find(self, name: str) -> Table | None:
        """The table called `name`; None where it is unknown or has errors of its own."""
        if name not in self.resolved and name in self.declared:
            self.resolved[name] = None
            place, definition = self.declared[name]
            with contextlib.suppress(Reported):
                self.resolved[name] = self.resolve(place, name, definition)
        return self.resolved.get(name)

    def unknown(self, name: str) -> str:
        return f"no table {name!r} is declared{hint(name, {**self.declared, **self.resolved})}"

    def resolve(self, place: Place, name: str, definition: TableDefinition) -> Table:
        """The table, be it with faults: what is said about its columns holds, and metrics are checked against it."""
        columns = {column: Column(column, UNREAD, column) for column in place.within("columns").stated()}
        columns |= {
            column: Column(column, each.type, each.column or column, each.additive, each.money)
            for column, each in definition.columns.items()
        }
        check_columns(place, name, definition, columns)
        check_names(place, name, definition, columns)
        source = place.file.definition.source
        if not place.file.document.data.get("source"):
            place.at_key("missing-source", "a file with tables needs `source:`, whose connection feeds them")
        query: exp.Select | None = None
        read: Found = {}
        if definition.sql is not None:
            try:
                query = self.query(place, definition, columns, read)
            except Reported:
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

    def query(self, place: Place, definition: TableDefinition, columns: dict[str, Column], read: Found) -> exp.Select:
        """The query of a `sql:` table; the tables that it reads are put into `read`. Raises Reported."""
        attempt = Attempt()
        rendered = self.rendered(place, definition.sql or "", read, attempt)
        with place.reporting(rendered, "sql"):
            query = parse_query(rendered.text)
            reading = Reading(query, read)
        attempt.finish()
        given = reading.results
        with attempt, place.reporting(rendered, "sql"):
            reading.write_out()
        with attempt:
            check_given(place, definition.tenant, columns, given)
        attempt.finish()
        return query

    def rendered(self, place: Place, text: str, read: Found, attempt: Attempt) -> Rendered:
        """The query with a reference for each `table()`; one that cannot be followed fails the attempt."""

        def reference(name: str) -> str:
            read.setdefault(name, None)
            with attempt:
                read[name] = self.follow(place, name, call_offset(text, "table", name))
            return f'"{REFERENCE}{name}"'

        def no_metric(key: str) -> str:
            raise ValueError("metric() is for the expressions of metrics")

        try:
            return render(self.sandbox, text, {**self.names, "table": reference, "metric": no_metric})
        except TemplateFaults as faults:
            place.in_template(faults, "sql")
            raise Reported from faults

    def follow(self, place: Place, name: str, offset: int) -> Table:
        """The table that another one reads. Raises Reported."""
        position = place.text_position(("sql",), offset)
        if not self.known(name):
            place.at_position(position, "unknown-table", self.unknown(name))
            raise Reported
        self.refuse_cycle(place, name, offset)
        if len(self.resolving) == MOST_DEPTH:
            place.at_position(position, "too-deep", f"tables read each other more than {MOST_DEPTH} deep")
            raise Reported
        self.resolving.append((place, name, offset))
        try:
            table = self.find(name)
        finally:
            self.resolving.pop()
        source = place.file.definition.source
        if table is not None and source and table.source and table.source != source:
            message = f"table {name!r} belongs to source {table.source}, this one to {source}; derive across sources"
            place.at_position(position, "wrong-source", message)
            raise Reported
        if table is None or name in self.faulty:
            raise Reported
        return table

    def refuse_cycle(self, place: Place, name: str, offset: int) -> None:
        route = [*self.resolving, (place, name, offset)]
        reading = [each.path[1] for each, _, _ in route]
        if name not in reading:
            return
        cycle = route[reading.index(name) :]
        first = min(range(len(cycle)), key=lambda index: (cycle[index][0].file.name, cycle[index][0].position("sql")))
        cycle = cycle[first:] + cycle[:first]
        named = " → ".join(str(each.path[1]) for each, _, _ in (*cycle, cycle[0]))
        found, _, where = cycle[0]
        found.at_position(found.text_position(("sql",), where), "cycle", f"tables read each other: {named}")
        raise Reported


def check_given(place: Place, tenant: str, columns: dict[str, Column], given: Mapping[str, Column]) -> None:
    """Hold the declared columns of a query against those that it gives. Raises Reported."""
    attempt = Attempt()
    for name, column in columns.items():
        if name not in given:
            message = f"the query gives no column {name!r}{hint(name, given)}"
            place.at_key("unknown-column", message, "columns", name)
            attempt.failed = True
            continue
        found = given_column(column, given[name], is_tenant=name == tenant)
        if isinstance(found, Column):
            columns[name] = found
            continue
        place.at_key("wrong-column-type", f"{name!r} is {column.type} here, but {found}", "columns", name)
        attempt.failed = True
    attempt.finish()


def given_column(column: Column, given: Column, *, is_tenant: bool) -> Column | str:
    """The declared column as the query gives it, or why it cannot be what it is declared as."""
    declared, found = KINDS.get(column.type), KINDS.get(given.type)
    if declared is None or found is None or declared == found:
        return column
    if {declared, found} <= NUMBERS:
        # A sum or a product is a double, also one of whole numbers.
        return replace(column, type="double")
    if is_tenant and {declared, found} == {"uuid", "text"}:
        # Nothing is asked of it but to be there: it is what the query makes of it.
        return replace(column, type=given.type)
    dated = declared == "date" and found in MOMENTS
    remedy = f"write date(…) AS {column.name}" if dated else f"declare it as {given.type}"
    return f"the query gives {SPOKEN[found]}; {remedy}"


def check_columns(place: Place, name: str, definition: TableDefinition, columns: Mapping[str, Column]) -> None:
    """Report what the table's own keys say of columns that are not there, or do not fit."""

    def wanted(column: str, *path: str | int, kinds: Collection[str] = KINDS, what: str = "") -> None:
        if column not in columns:
            place.at_value("unknown-column", f"column {column!r} is not in table {name}{hint(column, columns)}", *path)
        elif columns[column].type not in (*kinds, UNREAD):
            place.at_value("wrong-column-type", f"{column!r} is {columns[column].type}; {what}", *path)

    wanted(definition.time, "time", kinds=("date",), what="`time` is a date column; a `sql:` table can make one")
    if "tenant" in definition.model_fields_set:
        wanted(definition.tenant, "tenant", kinds=("uuid", "text"), what="`tenant` is a uuid column")
    elif definition.sql is None and definition.tenant not in columns:
        message = f"the tenant's column {definition.tenant!r} is missing; add it, or name another one in `tenant:`"
        place.at_value("unknown-column", message, "columns")
    if definition.currency is not None:
        wanted(definition.currency, "currency", kinds=("text",), what="`currency` is a text column")
    for index, column in enumerate(definition.key):
        wanted(column, "key", index)
    for column, resolved in columns.items():
        if (resolved.money or not resolved.additive) and resolved.kind not in NUMBERS:
            key = "money" if resolved.money else "additive"
            place.at_key("wrong-column-type", f"{key} is for numbers, not {resolved.type}", "columns", column, key)


def check_names(place: Place, name: str, definition: TableDefinition, columns: Mapping[str, Column]) -> None:
    """Report physical names that are none, or that are the installation's own."""
    if not NAME.fullmatch(name):
        place.at_key("bad-name", f"{name!r} is not a table's name; use letters, digits and _")
    seen: dict[str, str] = {}
    for column, resolved in columns.items():
        if column.startswith("__") or {column.lower(), resolved.physical.lower()} & RESERVED_COLUMNS:
            place.at_key("bad-name", f"{column!r} is a name of the engine's or of a database's own", "columns", column)
        elif seen.setdefault(column.lower(), column) != column:
            message = f"{column!r} and {seen[column.lower()]!r} are one name on some databases; rename one of them"
            place.at_key("bad-name", message, "columns", column)
        elif not NAME.fullmatch(column):
            place.at_key("bad-name", f"{column!r} is not a column's name; use letters, digits and _", "columns", column)
        elif not NAME.fullmatch(resolved.physical.replace("$", "_")):
            message = f"{resolved.physical!r} is not a column's name; use letters, digits and _"
            place.at_value("bad-name", message, "columns", column, "column")
    if definition.name is not None and definition.sql is not None:
        place.at_key("misplaced-key", "`name` is for physical tables; this one is a query", "name")
    elif definition.name is not None and not PHYSICAL.fullmatch(definition.name):
        place.at_value("bad-name", f"{definition.name!r} is not a table's name, such as analytics.ga4_fact", "name")
    elif definition.sql is None:
        parts = [part.lower() for part in (definition.name or name).split(".")]
        if any(part in RESERVED_NAMES or part.startswith(RESERVED_PREFIXES) for part in parts):
            report, segments = (place.at_value, ("name",)) if definition.name else (place.at_key, ())
            message = f"{definition.name or name!r} is the installation's own table; it cannot be declared"
            report("reserved-table", message, *segments)
