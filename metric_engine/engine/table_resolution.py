"""Tables: their columns, their physical names, and the queries that some of them are."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from metric_engine.engine.definitions import TableDefinition
from metric_engine.engine.diagnostics import Diagnostics, hint
from metric_engine.engine.loading import Folder
from metric_engine.engine.place import Attempt, Place, Reported
from metric_engine.engine.query_kinds import given_column, query_kind_faults, selected_kinds
from metric_engine.engine.syntax import AGGREGATES, Fault, parse_query, refuse, start_of
from metric_engine.engine.tables import KINDS, NUMBERS, Column, Kind, Table
from metric_engine.engine.templates import Rendered, Sandbox, TemplateFaults, call_offset, render

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
PHYSICAL = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*){0,2}", re.ASCII)
RESERVED_NAMES = frozenset(
    (
        *("user_dashboard_layouts", "app_settings", "connections", "sync_jobs", "data_versions", "alembic_version"),
        *("metric_engine_version", "sync_cursors"),
        *("information_schema", "system", "pg_catalog"),
    )
)
RESERVED_PREFIXES = ("sqlite_", "pg_")
# What `table('name')` writes into a query: no analyst can write it, so a table that is not declared cannot be read.
REFERENCE = "table:"
# The type of a column whose declaration has a fault of its own: it fits everywhere.
UNREAD = ""
MOST_DEPTH = 10
# The tables that a query names, by name; None for one that cannot be read.
Read = dict[str, Table | None]


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
        read: Read = {}
        if definition.sql is not None:
            try:
                query = self.query(place, definition.sql, columns, read)
                columns |= given_columns(place, query, columns)
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

    def query(self, place: Place, text: str, columns: Mapping[str, Column], read: Read) -> exp.Select:
        """The query of a `sql:` table; the tables that it reads are put into `read`. Raises Reported."""
        attempt = Attempt()
        rendered = self.rendered(place, text, read, attempt)
        with place.reporting(rendered, "sql"):
            query = parse_query(rendered.text)
            refuse(undeclared_tables(query, read))
        attempt.finish()
        with attempt, place.reporting(rendered, "sql"):
            refuse(given_twice(query))
            refuse((*unknown_inner_columns(query, read), *ungrouped(query)))
        for name in columns:
            if name not in query.named_selects:
                message = f"the query gives no column {name!r}{hint(name, query.named_selects)}"
                place.at_key("unknown-column", message, "columns", name)
                attempt.failed = True
        attempt.finish()
        with place.reporting(rendered, "sql"):
            refuse(query_kind_faults(query, kinds_read(read)))
        return query

    def rendered(self, place: Place, text: str, read: Read, attempt: Attempt) -> Rendered:
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


def kinds_read(read: Read) -> Mapping[str, Mapping[str, Kind | None]]:
    """What the columns of the tables that a query reads are, by the names that it has for them."""
    return {
        f"{REFERENCE}{name}": {column.name: KINDS.get(column.type) for column in table.columns.values()}
        for name, table in read.items()
        if table is not None
    }


def given_columns(place: Place, query: exp.Select, columns: Mapping[str, Column]) -> dict[str, Column]:
    """The declared columns as the query gives them. Raises Reported where it gives something else."""
    attempt, found, given = Attempt(), dict[str, Column](), selected_kinds(query)
    for name, column in columns.items():
        result = given_column(column, given[name])
        if isinstance(result, Column):
            found[name] = result
        else:
            place.at_key("wrong-column-type", f"{name!r} is declared as {column.type}, but {result}", "columns", name)
            attempt.failed = True
    attempt.finish()
    return found


def undeclared_tables(query: exp.Select, read: Read) -> Iterator[Fault]:
    """Tables that are named without `table()`, and so are not declared ones."""
    for scope in traverse_scope(query):
        for table in scope.sources.values():
            if isinstance(table, exp.Table) and (table.db or table.name not in map(REFERENCE.__add__, read)):
                name = table.name.removeprefix(REFERENCE)
                message = f"table {name!r} is named directly; write {{{{ table('{name}') }}}}"
                yield Fault(start_of(table), "undeclared-table", message)


def unknown_inner_columns(query: exp.Select, read: Read) -> Iterator[Fault]:
    """Columns of a query that none of its sources has."""
    for scope in traverse_scope(query):
        assert isinstance(scope.expression, exp.Select)
        sources = {
            name.removeprefix(REFERENCE): source_columns(source, read)
            for name, (_, source) in scope.selected_sources.items()
        }
        everything = list(dict.fromkeys(column for columns in sources.values() for column in columns))
        aliases = {each.alias for each in scope.expression.selects if each.alias}
        merged = {each.name for join in scope.expression.args.get("joins", ()) for each in join.args.get("using", ())}
        for column in scope.columns:
            inside = sources.get(column.table.removeprefix(REFERENCE), ()) if column.table else everything
            having = [name for name, columns in sources.items() if column.name in columns]
            if column.name not in inside and (column.table or column.name not in aliases):
                message = f"column {column.name!r} is in no table read here{hint(column.name, inside)}"
                yield Fault(start_of(column), "unknown-column", message)
            elif not column.table and len(having) > 1 and column.name not in merged:
                message = f"column {column.name!r} is in {' and '.join(having)}; write {having[0]}.{column.name}, say"
                yield Fault(start_of(column), "ambiguous-column", message)


def ungrouped(query: exp.Select) -> Iterator[Fault]:
    """Columns beside an aggregate that the query does not group by."""
    for select in query.find_all(exp.Select):
        group = select.args.get("group")
        if group is None and not any(each.find(*AGGREGATES) for each in select.selects):
            continue
        keys = group.expressions if group is not None else []
        named = {key.name for key in keys}
        written = {key.sql() for key in keys}
        for index, each in enumerate(select.selects, 1):
            if str(index) in named or each.alias in named or each.unalias().sql() in written:
                continue
            for column in each.find_all(exp.Column):
                if column.name not in named and not column.find_ancestor(*AGGREGATES):
                    message = f"column {column.name!r} stands outside an aggregate; add it to GROUP BY"
                    yield Fault(start_of(column), "not-aggregated", message)


def given_twice(query: exp.Select) -> Iterator[Fault]:
    """Tables of one name side by side, and results of one name: which of them is meant cannot be told."""
    for select in query.find_all(exp.Select):
        read = [each.this for each in (select.args.get("from_"), *select.args.get("joins", ())) if each is not None]
        yield from repeated("table", read, [each.alias_or_name.removeprefix(REFERENCE) for each in read])
        named = [each for each in select.selects if each.output_name]
        yield from repeated("column", named, [each.output_name for each in named])


def repeated(what: str, nodes: Sequence[exp.Expr], names: Sequence[str]) -> Iterator[Fault]:
    for index, (node, name) in enumerate(zip(nodes, names, strict=True)):
        if name in names[:index]:
            called = repr(name) if name else "without a name"
            message = f"a second {what} {called}; give it a name of its own with AS"
            yield Fault(start_of(node), "ambiguous-column", message)


def source_columns(source: exp.Table | Scope, read: Read) -> tuple[str, ...]:
    if isinstance(source, Scope):
        assert isinstance(source.expression, exp.Select)
        return tuple(source.expression.named_selects)
    table = read.get(source.name.removeprefix(REFERENCE))
    return tuple(table.columns) if table is not None else ()


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
    for column, resolved in columns.items():
        if not NAME.fullmatch(column):
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
