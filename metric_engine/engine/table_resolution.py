"""Tables: their columns, their physical names, and the queries that some of them are."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from metric_engine.engine.definitions import TableDefinition
from metric_engine.engine.diagnostics import Diagnostics
from metric_engine.engine.errors import did_you_mean, nearest_names
from metric_engine.engine.loading import Folder
from metric_engine.engine.place import Place, Reported
from metric_engine.engine.syntax import Fault, parse_query, refuse, start_of
from metric_engine.engine.tables import KINDS, Column, Table
from metric_engine.engine.templates import Sandbox, TemplateFault, render

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
PHYSICAL = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*){0,2}", re.ASCII)
RESERVED_NAMES = frozenset(
    (
        *("user_dashboard_layouts", "app_settings", "connections", "sync_jobs", "data_versions", "alembic_version"),
        *("information_schema", "system", "pg_catalog"),
    )
)
RESERVED_PREFIXES = ("sqlite_", "pg_")
# What `table('name')` writes into a query: no analyst can write it, so a table that is not declared cannot be read.
REFERENCE = "table:"


class TableResolver:
    """Resolves each declared table once, queries after the tables that they read."""

    def __init__(self, folder: Folder, sandbox: Sandbox, names: Mapping[str, Any], diagnostics: Diagnostics) -> None:
        self.sandbox = sandbox
        self.names = names
        self.complete = folder.complete
        self.declared: dict[str, tuple[Place, TableDefinition]] = {}
        self.resolved: dict[str, Table | None] = {}
        self.resolving: list[tuple[Place, str]] = []
        for file in folder.files:
            self.resolved.update(dict.fromkeys(file.broken))
            for name, definition in file.definition.tables.items():
                self.declare(Place(file, ("tables", name), diagnostics), name, definition)

    def declare(self, place: Place, name: str, definition: TableDefinition) -> None:
        if name in self.declared:
            other = self.declared[name][0].file.name
            place.at_key("duplicate-table", f"table {name!r} is declared in {other} already; rename one of them")
            return
        if not NAME.fullmatch(name):
            place.at_key("bad-name", f"{name!r} is not a table's name; use letters, digits and _")
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
        hint = did_you_mean(nearest_names(name, {**self.declared, **self.resolved}, most=1))
        return f"no table {name!r} is declared{hint}"

    def resolve(self, place: Place, name: str, definition: TableDefinition) -> Table:
        columns = {
            column: Column(column, each.type, each.column or column, each.additive, each.money)
            for column, each in definition.columns.items()
        }
        sound = [check_columns(place, name, definition, columns), check_names(place, name, definition, columns)]
        source = place.file.definition.source
        if source is None:
            if not place.file.document.data.get("source"):
                place.at_key("missing-source", "a file with tables needs `source:`, whose connection feeds them")
            raise Reported
        query, reads = self.query(place, definition, columns) if definition.sql is not None else (None, ())
        if not all(sound):
            raise Reported
        return Table(
            name=name,
            source=source,
            time=definition.time,
            tenant=definition.tenant,
            physical=definition.name or name,
            columns=columns,
            key=tuple(definition.key),
            restates=definition.restates,
            currency=definition.currency,
            query=query,
            reads=reads,
        )

    def query(
        self, place: Place, definition: TableDefinition, columns: Mapping[str, Column]
    ) -> tuple[exp.Select, tuple[Table, ...]]:
        """The query of a `sql:` table and the tables that it reads."""
        text = definition.sql or ""
        read: dict[str, Table] = {}

        def reference(name: str) -> str:
            offset = max(0, text.find(name, text.find("table(")))
            if not self.known(name):
                raise TemplateFault(offset, "unknown-table", self.unknown(name))
            self.refuse_cycle(place, name, offset)
            self.resolving.append((place, name))
            table = self.find(name)
            self.resolving.pop()
            if table is None:
                raise Reported
            read[name] = table
            return f'"{REFERENCE}{name}"'

        try:
            rendered = render(self.sandbox, text, {**self.names, "table": reference})
        except TemplateFault as fault:
            place.in_template(fault, "sql")
            raise Reported from fault
        with place.reporting(rendered, "sql"):
            query = parse_query(rendered.text)
            refuse(unread_tables(query, read))
            refuse(unknown_inner_columns(query, read))
        for name in columns:
            if name not in query.named_selects:
                hint = did_you_mean(nearest_names(name, query.named_selects, most=1))
                place.at_key("unknown-column", f"the query gives no column {name!r}{hint}", "columns", name)
        if set(columns) - set(query.named_selects):
            raise Reported
        return query, tuple(read.values())

    def refuse_cycle(self, place: Place, name: str, offset: int) -> None:
        reading = [each.path[1] for each, _ in self.resolving] + [place.path[1]]
        if name not in reading:
            return
        cycle = [*self.resolving, (place, name)][reading.index(name) :]
        first = min(cycle, key=lambda edge: (edge[0].file.name, edge[0].position("sql")))
        route = " → ".join([str(edge[0].path[1]) for edge in cycle] + [name])
        found, target = first
        where = max(0, str(found.file.document.data["tables"][found.path[1]]["sql"]).find(target))
        found.at_position(found.text_position(("sql",), where), "cycle", f"tables read each other: {route}")
        raise Reported


def unread_tables(query: exp.Select, read: Mapping[str, Table]) -> Iterator[Fault]:
    """Tables that are named without `table()`, and so are not declared ones."""
    defined = {cte.alias for cte in query.find_all(exp.CTE)}
    for table in query.find_all(exp.Table):
        if table.name not in defined and not table.name.startswith(REFERENCE):
            message = f"table {table.name!r} is named directly; write {{{{ table('{table.name}') }}}}"
            yield Fault(start_of(table), "undeclared-table", message)


def unknown_inner_columns(query: exp.Select, read: Mapping[str, Table]) -> Iterator[Fault]:
    """Columns of a query that none of its sources has."""
    for scope in traverse_scope(query):
        assert isinstance(scope.expression, exp.Select)
        sources = {
            (name.removeprefix(REFERENCE)): source_columns(source, read) for name, source in scope.sources.items()
        }
        everything = {column for columns in sources.values() for column in columns}
        aliases = {each.alias for each in scope.expression.selects if each.alias}
        for column in scope.columns:
            inside = sources.get(column.table.removeprefix(REFERENCE), ()) if column.table else everything
            if column.name not in inside and (column.table or column.name not in aliases):
                hint = did_you_mean(nearest_names(column.name, inside, most=1))
                yield Fault(
                    start_of(column), "unknown-column", f"column {column.sql()!r} is in no table read here{hint}"
                )


def source_columns(source: exp.Table | Scope, read: Mapping[str, Table]) -> tuple[str, ...]:
    if isinstance(source, Scope):
        assert isinstance(source.expression, exp.Select)
        return tuple(source.expression.named_selects)
    return tuple(read[source.name.removeprefix(REFERENCE)].columns)


def check_columns(place: Place, name: str, definition: TableDefinition, columns: Mapping[str, Column]) -> bool:
    """Whether the columns that the table's own keys name are there and fit."""
    sound = True

    def wanted(column: str, *path: str | int, kinds: tuple[str, ...] = tuple(KINDS), what: str = "") -> None:
        nonlocal sound
        if column not in columns:
            hint = did_you_mean(nearest_names(column, columns, most=1))
            place.at_value("unknown-column", f"column {column!r} is not in table {name}{hint}", *path)
            sound = False
        elif columns[column].type not in kinds:
            place.at_value("wrong-column-type", f"{column!r} is {columns[column].type}; {what}", *path)
            sound = False

    wanted(definition.time, "time", kinds=("date",), what="`time` is a date column; a `sql:` table can make one")
    if definition.sql is None or "tenant" in definition.model_fields_set:
        where = ("tenant",) if "tenant" in definition.model_fields_set else ("columns",)
        wanted(definition.tenant, *where, kinds=("uuid", "text"), what="`tenant` is a uuid column")
    if definition.currency is not None:
        wanted(definition.currency, "currency", kinds=("text",), what="`currency` is a text column")
    for index, column in enumerate(definition.key):
        wanted(column, "key", index)
    for column, resolved in columns.items():
        if not NAME.fullmatch(column):
            place.at_key("bad-name", f"{column!r} is not a column's name; use letters, digits and _", "columns", column)
            sound = False
        if resolved.kind != "number" and (resolved.money or not resolved.additive):
            key = "money" if resolved.money else "additive"
            place.at_key("wrong-column-type", f"{key} is for numbers, not {resolved.type}", "columns", column, key)
            sound = False
    return sound


def check_names(place: Place, name: str, definition: TableDefinition, columns: Mapping[str, Column]) -> bool:
    """Whether the physical names are names, and none of those that are the installation's own."""
    sound = True
    if definition.sql is not None:
        if definition.name is not None:
            place.at_key("misplaced-key", "`name` is for physical tables; this one is a query", "name")
            sound = False
        return sound
    physical = definition.name or name
    if not PHYSICAL.fullmatch(physical):
        place.at_value("bad-name", f"{physical!r} is not a table's name, such as analytics.ga4_fact", "name")
        sound = False
    if any(
        part.lower() in RESERVED_NAMES or part.lower().startswith(RESERVED_PREFIXES) for part in physical.split(".")
    ):
        message = f"{physical!r} is the installation's own table; it cannot be declared"
        if definition.name is None:
            place.at_key("reserved-table", message)
        else:
            place.at_value("reserved-table", message, "name")
        sound = False
    for column in columns.values():
        if not PHYSICAL.fullmatch(column.physical) or "." in column.physical:
            place.at_value("bad-name", f"{column.physical!r} is not a column's name", "columns", column.name, "column")
            sound = False
    return sound
