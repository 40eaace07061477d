"""Hold the texts that metrics look for against those that the rows of the database have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlglot import exp

from engine.catalog.reporter import Reporter
from engine.diagnostics import Diagnostic, Diagnostics
from engine.faults import TextFault
from engine.files.document import KeyPath, is_template
from engine.files.folder import read_folder
from engine.files.metric_definitions import MetricDefinition
from engine.language.parser import locate_node, parse_expression
from engine.suggestions import find_nearest_names
from engine.tables import Column, Table

# A column of more texts than these is not looked through.
MAX_TEXTS = 1000
MAX_NAMED_TEXTS = 3
MAX_TEXT_WIDTH = 80
# What stands for no text may well be named where no row has it yet.
ABSENT_TEXTS = ("", "(not set)")


@dataclass(frozen=True, slots=True)
class SoughtText:
    """A text of a metric that a column is compared with, and its offset in the text at `path`."""

    reporter: Reporter
    path: KeyPath
    offset: int
    column: Column
    text: str


def find_missing_texts(folder: Path, tables: Mapping[str, Table], database: Engine) -> tuple[Diagnostic, ...]:
    """Find the texts that metrics compare columns with and that no row has, as warnings.

    The folder is valid, and its tables are in the database. Each column is asked once for its texts; nothing is said of
    a column without any, of one with more than MAX_TEXTS, and of one that cannot be read in time.
    """
    diagnostics, texts = Diagnostics(), dict[tuple[str, str], frozenset[str]]()
    for file in read_folder(folder, Diagnostics()).files:
        for key, definition in file.definition.metrics.items():
            table = tables[name] if (name := definition.table or file.definition.table) else None
            if table is None or table.query is not None:
                continue
            for sought in iter_sought_texts(Reporter(file, ("metrics", key), diagnostics, key), definition, table):
                place = (table.physical, sought.column.physical)
                if place not in texts:
                    texts[place] = read_texts(database, table, sought.column)
                if texts[place] and sought.text not in texts[place]:
                    doubt = TextFault(sought.offset, "missing-live-text", describe_missing(table, sought, texts[place]))
                    sought.reporter.warn_of_doubts([doubt], *sought.path)
    return diagnostics.list_in_file_order()


def iter_sought_texts(reporter: Reporter, definition: MetricDefinition, table: Table) -> Iterator[SoughtText]:
    """Yield the texts that the expressions of a metric compare columns with, but for those of templates."""
    for path, text in iter_expressions(reporter, definition):
        if is_template(text):
            continue
        for column, literal in iter_compared_literals(parse_expression(text)):
            declared = table.columns.get(column.name)
            if declared is not None and declared.type == "text" and literal.name not in ABSENT_TEXTS:
                yield SoughtText(reporter, path, locate_node(literal), declared, literal.name)


def iter_expressions(reporter: Reporter, definition: MetricDefinition) -> Iterator[tuple[KeyPath, str]]:
    """Yield the expressions of a metric over a table, each with its place."""
    order = None if definition.columns or not isinstance(definition.order, str) else definition.order
    for name, text in (
        ("value", definition.value),
        ("where", definition.where),
        ("having", definition.having),
        ("order", order),
    ):
        if text is not None:
            yield (name,), text
    for key, listed in (("series", definition.series), ("columns", definition.columns)):
        for name, each in (listed or {}).items():
            yield (key, name, "value") if reporter.descend(key, name).list_keys() else (key, name), each.value
    for name, text in (definition.items.values if definition.items else {}).items():
        yield ("items", "values", name), text


def iter_compared_literals(tree: exp.Expr) -> Iterator[tuple[exp.Column, exp.Literal]]:
    """Yield the columns and texts that are held for equal, or for unequal."""
    for node in tree.find_all(exp.EQ, exp.NEQ, exp.In, exp.Case):
        match node:
            case exp.In():
                pairs = [(node.this, each) for each in node.expressions]
            case exp.Case():
                pairs = [(node.this, each.this) for each in node.args["ifs"]] if node.this else []
            case _:
                pairs = [(node.this, node.expression), (node.expression, node.this)]
        for one, other in pairs:
            column, literal = one.unnest(), other.unnest()
            if isinstance(column, exp.Column) and isinstance(literal, exp.Literal) and literal.is_string:
                yield column, literal


def read_texts(database: Engine, table: Table, column: Column) -> frozenset[str]:
    """Read the texts of a column; none where they are too many, or cannot be read."""
    schema, _, name = table.physical.rpartition(".")
    found = sqlalchemy.column(column.physical, sqlalchemy.String())
    rows = sqlalchemy.table(name, found, schema=schema or None)
    statement = sqlalchemy.select(found).select_from(rows).where(found.is_not(None)).distinct().limit(MAX_TEXTS + 1)
    try:
        with database.connect() as connection:
            texts = frozenset(str(text) for (text,) in connection.execute(statement))
    except SQLAlchemyError:
        # A large table may take longer than a statement may: then nothing is said of it.
        return frozenset()
    return texts if len(texts) <= MAX_TEXTS else frozenset()


def describe_missing(table: Table, sought: SoughtText, texts: frozenset[str]) -> str:
    named = find_nearest_names(sought.text, texts, limit=MAX_NAMED_TEXTS) or sorted(texts)[:MAX_NAMED_TEXTS]
    others = len(texts) - len(named)
    more = f" (and {others} other{'' if others == 1 else 's'})" if others else ""
    listed = ", ".join(repr(each[:MAX_TEXT_WIDTH]) for each in named)
    wanted = repr(sought.text[:MAX_TEXT_WIDTH])
    return f"no row of {table.name} has {sought.column.name} = {wanted}; rows have {listed}{more}"
