"""The query of a `sql:` table: every name in it means one column of one source, whatever the engine's own rules.

A name is a column of what is read, in every clause; never what the query itself gives, though GROUP BY may take it
for that where no column is called so. The query is written out accordingly: a source before each column, a name
behind each result, ON instead of USING.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from sqlglot import exp

from engine.language.faults import Fault, refuse
from engine.language.joins import join_all
from engine.language.parser import AGGREGATES, start_of
from engine.language.types import SPOKEN, annotate, kind_faults, kind_of
from engine.suggestions import hint
from engine.tables import KINDS, Column, Kind, Table

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
# PostgreSQL cuts off what is longer, with what the engine writes before it.
MOST_CHARACTERS = 50
# What `table('name')` writes into a query: no analyst can write it, so a table that is not declared cannot be read.
REFERENCE = "table:"
# The type of a column whose declaration has a fault of its own: it fits everywhere.
UNREAD = ""
JOINS = "JOIN, LEFT JOIN, RIGHT JOIN, FULL JOIN or CROSS JOIN"
# The tables that a query names, by name; None for one that cannot be read.
Read = Mapping[str, Table | None]
Columns = Mapping[str, Column]


class Reading:
    """Follows the names of tables and of WITH queries through a query, from the inside out. Raises Faults."""

    def __init__(self, query: exp.Select, read: Read) -> None:
        refuse((*incomplete(query), *given_twice(query), *bad_names(query)))
        self.read = read
        self.blocks: list[Block] = []
        self.faults: list[Fault] = []
        self.results = self.block(query, {}).results
        refuse(self.faults)

    def write_out(self) -> None:
        """Write the query out, in place. Raises Faults."""
        refuse(fault for block in self.blocks for fault in block.faults())
        for block in self.blocks:
            block.write_out()

    def block(self, select: exp.Select, outer: Mapping[str, Columns]) -> Block:
        """A SELECT that sees these WITH queries."""
        seen = dict(outer)
        with_ = select.args.get("with_")
        for query in with_.expressions if with_ is not None else ():
            if query.alias in outer:
                # SQLite takes a query that reads the outer one of its name to read itself.
                message = f"a second query {query.alias!r}; give it a name of its own"
                self.faults.append(Fault(start_of(query.args["alias"]), "ambiguous-column", message))
            seen[query.alias] = self.columns(query.this, seen)
        sources: dict[str, Columns] = {}
        for index, node in enumerate(read_by(select)):
            if not node.alias_or_name:
                # Some engines want a name, though nothing uses it.
                node.set("alias", exp.TableAlias(this=exp.to_identifier(f"query {index}", quoted=True)))
            sources[source_name(node)] = self.columns(node, seen)
        self.blocks.append(Block(select, sources))
        return self.blocks[-1]

    def columns(self, node: exp.Expr, seen: Mapping[str, Columns]) -> Columns:
        """The columns of what stands in FROM, JOIN or WITH."""
        query = node.unnest()
        if isinstance(query, exp.Select):
            return self.block(query, seen).results
        if query is not node or not isinstance(query, exp.Table):
            message = "this is not a query; remove the parentheses"
            self.faults.append(Fault(start_of(node), "sql-forbidden", message))
            return {}
        name = query.name.removeprefix(REFERENCE)
        if not query.db and query.name.startswith(REFERENCE) and name in self.read:
            table = self.read[name]
            return {} if table is None else table.columns
        if not query.db and query.name in seen:
            return seen[query.name]
        message = f"table {name!r} is named directly; write {{{{ table('{name}') }}}}"
        self.faults.append(Fault(start_of(query), "undeclared-table", message))
        return {}


class Block:
    """One SELECT and the columns of what it reads, by the names of its sources in their order."""

    def __init__(self, select: exp.Select, sources: Mapping[str, Columns]) -> None:
        self.select = select
        self.sources = sources
        # What a column stands for that is named without its source and that USING merges.
        self.merged: dict[str, exp.Expr] = {}
        self.join_faults = tuple(join_all(select, sources, self.merged))
        for each in select.selects:
            annotate(each, self.kind)
        self.results: Columns = {each.output_name: self.result(each) for each in select.selects if each.output_name}

    # What a name means

    def source_of(self, column: exp.Column) -> str | None:
        """The only source that a column can be of; None where there is none, or several."""
        if column.table:
            name = column.table.removeprefix(REFERENCE)
            return name if column.name in self.sources.get(name, {}) and not column.db else None
        having = self.having(column)
        return having[0] if len(having) == 1 else None

    def having(self, column: exp.Column) -> Sequence[str]:
        """The sources that have a column of this name."""
        return [name for name, columns in self.sources.items() if column.name in columns]

    def declared(self, column: exp.Column) -> Column | None:
        source = self.source_of(column)
        if source is not None:
            return self.sources[source][column.name]
        merged = None if column.table else self.merged.get(column.name)
        return None if merged is None else next(map(self.declared, merged.find_all(exp.Column)))

    def kind(self, column: exp.Column) -> Kind | None:
        declared = self.declared(column)
        return None if declared is None else KINDS.get(declared.type)

    def result(self, node: exp.Expr) -> Column:
        """What is selected, as a column of whatever reads this query."""
        value, name = node.unalias(), node.output_name
        declared = self.declared(value) if isinstance(value, exp.Column) else None
        kind = kind_of(value)
        type_name = declared.type if declared is not None else "bigint" if kind == "whole" else kind or UNREAD
        return Column(name, type_name, name)

    def number_of(self, key: exp.Expr) -> int | None:
        """Which result, from 1, a key of GROUP BY gives by its number or by its name; None for an expression."""
        if isinstance(key, exp.Literal) and key.is_int:
            return int(key.name)
        names = [each.output_name for each in self.select.selects]
        is_name = isinstance(key, exp.Column) and not key.table and not self.having(key) and key.name in names
        return names.index(key.name) + 1 if is_name else None

    # What is wrong

    def faults(self) -> Iterator[Fault]:
        names = [*self.join_faults, *self.unknown_columns(), *self.misplaced_aggregates(), *self.misgrouped()]
        yield from names or self.ungrouped()
        for clause in self.clauses():
            annotate(clause, self.kind)
            yield from kind_faults(clause)
        for condition in conditions(self.select):
            kind = kind_of(condition)
            if kind not in ("boolean", None):
                message = f"{condition.sql()!r} is {SPOKEN[kind]}; write a condition"
                yield Fault(start_of(condition), "not-a-condition", message)
        for each in self.select.selects:
            if kind_of(each.unalias()) is None and not each.find(exp.Column):
                yield Fault(start_of(each), "not-comparable", "NULL is of no type; write cast(null as double), say")

    def clauses(self) -> Iterator[exp.Expr]:
        """Everything of this SELECT that holds columns, without the queries that it reads."""
        yield from self.select.selects
        yield from conditions(self.select)
        yield from self.keys()

    def keys(self) -> Sequence[exp.Expr]:
        group = self.select.args.get("group")
        return group.expressions if group is not None else ()

    def unknown_columns(self) -> Iterator[Fault]:
        given = [each.alias for each in self.select.selects]
        keys = {id(key) for key in self.keys() if self.number_of(key) is not None}
        for column in (each for clause in self.clauses() for each in clause.find_all(exp.Column)):
            having = self.having(column)
            if id(column) in keys or self.declared(column) is not None:
                continue
            if having and not column.table:
                message = f"column {column.name!r} is in {' and '.join(having)}; write {having[0]}.{column.name}, say"
                yield Fault(start_of(column), "ambiguous-column", message)
                continue
            inside = self.sources.get(column.table.removeprefix(REFERENCE), ()) if column.table else self.everything()
            remedy = hint(column.name, inside)
            if not column.table and column.name in given:
                remedy = "; this query gives it: write its expression again, or select from a query that gives it"
            yield Fault(start_of(column), "unknown-column", f"column {column.name!r} is in no table read here{remedy}")

    def everything(self) -> Sequence[str]:
        return list(dict.fromkeys(column for columns in self.sources.values() for column in columns))

    def misplaced_aggregates(self) -> Iterator[Fault]:
        having = self.select.args.get("having")
        allowed = [*self.select.selects, *([having.this] if having is not None else [])]
        for clause in self.clauses():
            for found in clause.find_all(*AGGREGATES):
                if not any(clause is each for each in allowed):
                    message = "an aggregate may stand in SELECT and HAVING only; WHERE, ON and GROUP BY are for rows"
                    yield Fault(start_of(found), "aggregate-in-where", message)
                elif found.find_ancestor(*AGGREGATES):
                    message = "an aggregate may not stand inside another one"
                    yield Fault(start_of(found), "nested-aggregate", message)

    def misgrouped(self) -> Iterator[Fault]:
        """Keys of GROUP BY that no row has, and a HAVING without any."""
        results = self.select.selects
        for key in self.keys():
            number = self.number_of(key)
            if number is None and key.find(exp.Column) is None:
                message = "every row has the same value of this; group by columns"
                yield Fault(start_of(key), "sql-forbidden", message)
            elif number is not None and not 1 <= number <= len(results):
                message = f"GROUP BY {number}, but the query gives {len(results)} columns"
                yield Fault(start_of(key), "unknown-column", message)
            elif number is not None and results[number - 1].find(*AGGREGATES):
                message = f"GROUP BY {key.name} is an aggregate, which is made of the group"
                yield Fault(start_of(key), "aggregate-in-where", message)
        having = self.select.args.get("having")
        if having is not None and not self.keys():
            yield Fault(start_of(having), "sql-forbidden", "HAVING needs a GROUP BY; rows are filtered by WHERE")

    def ungrouped(self) -> Iterator[Fault]:
        """Columns beside an aggregate that the query does not group by."""
        having = self.select.args.get("having")
        grouped = [*self.select.selects, *([having.this] if having is not None else [])]
        if not self.keys() and not any(each.find(*AGGREGATES) for each in grouped):
            return
        numbers = [self.number_of(key) for key in self.keys()]
        keys = {self.spelled(self.select.selects[number - 1].unalias()) for number in numbers if number is not None}
        keys |= {self.spelled(key) for key, number in zip(self.keys(), numbers, strict=True) if number is None}

        def settled(node: exp.Expr) -> bool:
            return isinstance(node, AGGREGATES) or self.spelled(node) in keys

        for each in grouped:
            for node in each.unalias().walk(prune=settled):
                if isinstance(node, exp.Column) and not settled(node):
                    message = f"column {node.name!r} stands outside an aggregate; add it to GROUP BY"
                    yield Fault(start_of(node), "not-aggregated", message)

    def spelled(self, node: exp.Expr) -> str:
        """The text of an expression with each column's source in it: what means the same has the same one."""
        return self.written(node.copy()).sql()

    # What is written

    def written(self, tree: exp.Expr) -> exp.Expr:
        """The tree, changed: each column stands behind its source, or for what USING made of several."""
        return tree.transform(lambda node: self.meaning(node) if isinstance(node, exp.Column) else node, copy=False)

    def meaning(self, column: exp.Column) -> exp.Expr:
        source, declared = self.source_of(column), self.declared(column)
        if source is None or declared is None:
            merged = self.merged[column.name].copy()
            annotate(merged, self.kind)
            return merged
        found = exp.Column(this=column.this, table=exp.to_identifier(source, quoted=True))
        # What dialects must know of the column when they write it.
        found.meta["kind"] = KINDS.get(declared.type)
        return found

    def write_out(self) -> None:
        select = self.select
        for key in self.keys():
            number = self.number_of(key)
            key.replace(self.written(key.copy()) if number is None else exp.Literal.number(number))
        for condition in conditions(select):
            condition.replace(self.written(condition.copy()))
        for each in select.selects:
            value = self.written(each.unalias().copy())
            name = each.output_name
            each.replace(exp.alias_(value, name, quoted=True) if name else value)


def read_by(select: exp.Select) -> Sequence[exp.Expr]:
    """What stands in FROM and in the JOINs."""
    parts = (select.args.get("from_"), *select.args.get("joins", ()))
    return [each.this for each in parts if each is not None]


def source_name(node: exp.Expr) -> str:
    return node.alias_or_name.removeprefix(REFERENCE)


def conditions(select: exp.Select) -> Sequence[exp.Expr]:
    """What stands in ON, WHERE and HAVING."""
    joins = [join.args.get("on") for join in select.args.get("joins", ())]
    others = [each.this for name in ("where", "having") if (each := select.args.get(name)) is not None]
    return [each for each in (*joins, *others) if each is not None]


def incomplete(query: exp.Select) -> Iterator[Fault]:
    """A SELECT of nothing, a JOIN without FROM, and joins inside of joins."""
    for select in query.find_all(exp.Select):
        if not select.selects:
            yield Fault(start_of(select), "sql-syntax", "the query selects nothing")
        elif select.args.get("joins") and select.args.get("from_") is None:
            yield Fault(start_of(select.args["joins"][0]), "sql-syntax", "FROM is missing before this JOIN")
    for table in query.find_all(exp.Table):
        if table.args.get("joins"):
            message = "joins stand one after the other, each with its ON; for another order write (SELECT …) AS name"
            yield Fault(start_of(table), "sql-forbidden", message)


def given_twice(query: exp.Select) -> Iterator[Fault]:
    """Tables of one name side by side, and results of one name: which of them is meant cannot be told."""
    for select in query.find_all(exp.Select):
        with_ = select.args.get("with_")
        queries = with_.expressions if with_ is not None else ()
        yield from repeated("query", queries, [each.alias for each in queries])
        read = read_by(select)
        yield from repeated("table", read, [source_name(each) for each in read])
        named = [each for each in select.selects if each.output_name]
        yield from repeated("column", named, [each.output_name for each in named])


def repeated(what: str, nodes: Sequence[exp.Expr], names: Sequence[str]) -> Iterator[Fault]:
    """Names that come a second time; some engines do not tell upper from lower case."""
    for index, (node, name) in enumerate(zip(nodes, names, strict=True)):
        if name.lower() in (each.lower() for each in names[:index]):
            called = repr(name) if name else "without a name"
            message = f"a second {what} {called}; give it a name of its own with AS"
            yield Fault(start_of(node), "ambiguous-column", message)


def bad_names(query: exp.Select) -> Iterator[Fault]:
    """Names that an analyst gives and that not every engine takes."""
    for node in query.find_all(exp.Alias, exp.TableAlias):
        identifier = node.args.get("alias" if isinstance(node, exp.Alias) else "this")
        if not isinstance(identifier, exp.Identifier):
            continue
        if not NAME.fullmatch(identifier.name):
            message = f"{identifier.name!r} is not a name; use letters, digits and _"
        elif len(identifier.name) > MOST_CHARACTERS:
            message = f"a name may have {MOST_CHARACTERS} characters, not {len(identifier.name)}"
        else:
            continue
        yield Fault(start_of(identifier), "bad-name", message)
