"""The SQL of the shipped metrics, on each engine that answers questions.

`sql/KEY.sql` is SQLite's and begins with a sentence on what the statements must do, `sql/DIALECT/KEY.sql` another's.
The sentence is a person's and is kept when the file is written again; the statements below it are the engine's.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from engine.catalog.catalog import Catalog
from engine.compiler.dialects.base import Dialect
from engine.compiler.dialects.registry import EXECUTED_DIALECTS
from engine.compiler.dialects.sqlite import SQLite
from engine.compiler.plan import Shape
from engine.compiler.planner import plan
from engine.compiler.statements import StatementCompiler
from tests.support.shipped import load_shipped_catalog

FOLDER = Path(__file__).parent / "sql"
COMMENT = "-- "
TITLES = {1: "one range of days: compare is off, or the windows touch", 2: "two ranges: the windows have a gap"}
# Of the rows of a table: a window is read by itself.
WINDOW_TITLES = {
    1: "the asked window",
    2: "both windows",
    4: "both windows, and each up to the last known day of an unfinished one",
}


def load_shipped() -> Catalog:
    return load_shipped_catalog()


def find_golden_path(key: str, dialect: type[Dialect] = SQLite) -> Path:
    return find_golden_folder(dialect) / f"{key}.sql"


def find_golden_folder(dialect: type[Dialect]) -> Path:
    return FOLDER if dialect is SQLite else FOLDER / dialect.name


def render_golden_file(catalog: Catalog, key: str, dialect: type[Dialect] = SQLite) -> str:
    """The golden file of a metric as it should be: its header, and every statement that the metric may run."""
    found = (f"\n{COMMENT}{title}\n{sql}" for title, sql in iter_statements(catalog, key, dialect))
    return "\n".join((*read_header(key), *found)) + "\n"


def read_header(key: str) -> list[str]:
    """The comment at the head of a metric's golden file: what its statements must do. Raises FileNotFoundError."""
    lines = find_golden_path(key).read_text(encoding="utf-8").split("\n")
    end = next((index for index, line in enumerate(lines) if not line.startswith(COMMENT)), len(lines))
    return lines[:end]


def iter_statements(catalog: Catalog, key: str, dialect: type[Dialect]) -> Iterator[tuple[str, str]]:
    """(what it is for, the statement)."""
    builder = StatementCompiler(dialect(), catalog.tables.values())
    planned = plan([catalog.get_widget(key)])
    for scan in planned.scans:
        for ranges, title in (WINDOW_TITLES if scan.shape is Shape.WINDOWS else TITLES).items():
            yield f"{scan.table.name}, {title}", builder.compile_scan(scan, ranges)
    for each in planned.metrics.values():
        if each.labels is not None and each.rows is not None:
            yield f"{each.labels.table.name}, the labels of members", builder.compile_labels(each.labels, 1)
        if each.items is not None:
            yield f"{each.items.table.name}, the items of the asked window", builder.compile_items(each.items)


def main() -> None:
    """Write the statements again under the headers, and remove what is no longer served."""
    catalog = load_shipped()
    for path in FOLDER.rglob("*.sql"):
        if path.stem not in catalog.widgets:
            path.unlink()
    for dialect in EXECUTED_DIALECTS:
        find_golden_folder(dialect).mkdir(exist_ok=True)
        for key in catalog.widgets:
            find_golden_path(key, dialect).write_text(render_golden_file(catalog, key, dialect), encoding="utf-8")
