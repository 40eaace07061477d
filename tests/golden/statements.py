"""The SQL of the shipped metrics: `sql/KEY.sql` begins with a sentence on what the statements must do.

The sentence is a person's and is kept when the file is written again; the statements below it are the engine's.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from metric_engine.engine.catalog import Catalog, load_catalog
from metric_engine.engine.dialects.sqlite import SQLite
from metric_engine.engine.plan import plan
from metric_engine.engine.statements import Statements

FOLDER = Path(__file__).parent / "sql"
METRICS = Path(__file__).parents[2] / "metrics"
COMMENT = "-- "
TITLES = {1: "one range of days: compare is off, or the windows touch", 2: "two ranges: the windows have a gap"}


def shipped() -> Catalog:
    return load_catalog(METRICS)


def path_of(key: str) -> Path:
    return FOLDER / f"{key}.sql"


def written(catalog: Catalog, key: str) -> str:
    """The golden file of a metric as it should be: its header, and every statement that the metric may run."""
    return "\n".join((*header(key), *(f"\n{COMMENT}{title}\n{sql}" for title, sql in statements(catalog, key)))) + "\n"


def header(key: str) -> list[str]:
    """The comment at the head of a metric's golden file: what its statements must do. Raises FileNotFoundError."""
    lines = path_of(key).read_text(encoding="utf-8").split("\n")
    end = next((index for index, line in enumerate(lines) if not line.startswith(COMMENT)), len(lines))
    return lines[:end]


def statements(catalog: Catalog, key: str) -> Iterator[tuple[str, str]]:
    """(what it is for, the statement)."""
    builder = Statements(SQLite(), catalog.tables.values())
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
    for path in FOLDER.glob("*.sql"):
        if path.stem not in catalog.served:
            path.unlink()
    for key in catalog.served:
        path_of(key).write_text(written(catalog, key), encoding="utf-8")
