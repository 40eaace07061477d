"""The SQL of the shipped metrics, on each engine that answers questions.

`sql/KEY.sql` is SQLite's and begins with a sentence on what the statements must do, `sql/DIALECT/KEY.sql` another's.
The sentence is a person's and is kept when the file is written again; the statements below it are the engine's.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cli.dialects import EXECUTED
from engine.catalog.catalog import Catalog, load_catalog
from engine.compiler.dialects.base import Dialect
from engine.compiler.dialects.sqlite import SQLite
from engine.compiler.plan import plan
from engine.compiler.statements import Statements
from tests.support.paths import METRICS

FOLDER = Path(__file__).parent / "sql"
COMMENT = "-- "
TITLES = {1: "one range of days: compare is off, or the windows touch", 2: "two ranges: the windows have a gap"}


def shipped() -> Catalog:
    return load_catalog(METRICS)


def path_of(key: str, dialect: type[Dialect] = SQLite) -> Path:
    return folder_of(dialect) / f"{key}.sql"


def folder_of(dialect: type[Dialect]) -> Path:
    return FOLDER if dialect is SQLite else FOLDER / dialect.name


def written(catalog: Catalog, key: str, dialect: type[Dialect] = SQLite) -> str:
    """The golden file of a metric as it should be: its header, and every statement that the metric may run."""
    found = (f"\n{COMMENT}{title}\n{sql}" for title, sql in statements(catalog, key, dialect))
    return "\n".join((*header(key), *found)) + "\n"


def header(key: str) -> list[str]:
    """The comment at the head of a metric's golden file: what its statements must do. Raises FileNotFoundError."""
    lines = path_of(key).read_text(encoding="utf-8").split("\n")
    end = next((index for index, line in enumerate(lines) if not line.startswith(COMMENT)), len(lines))
    return lines[:end]


def statements(catalog: Catalog, key: str, dialect: type[Dialect]) -> Iterator[tuple[str, str]]:
    """(what it is for, the statement)."""
    builder = Statements(dialect(), catalog.tables.values())
    planned = plan([catalog.metric(key)])
    for scan in planned.scans:
        for ranges, title in TITLES.items():
            yield f"{scan.table.name}, {title}", builder.scan(scan, ranges)
    for each in planned.metrics.values():
        if each.items is not None:
            yield f"{each.items.table.name}, the items of the asked window", builder.items(each.items)


def main() -> None:
    """Write the statements again under the headers, and remove what is no longer served."""
    catalog = shipped()
    for path in FOLDER.rglob("*.sql"):
        if path.stem not in catalog.served:
            path.unlink()
    for dialect in EXECUTED:
        folder_of(dialect).mkdir(exist_ok=True)
        for key in catalog.served:
            path_of(key, dialect).write_text(written(catalog, key, dialect), encoding="utf-8")
