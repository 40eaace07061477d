"""`metric-engine ddl`."""

from __future__ import annotations

from pathlib import Path

import click

from metric_engine.cli.dialects import DIALECTS, dialect_option
from metric_engine.cli.options import metrics_option
from metric_engine.engine.catalog import load_catalog


@click.command()
@dialect_option
@metrics_option
def ddl(dialect: str, metrics: Path) -> None:
    """Print the statements that make the fact tables.

    One CREATE TABLE for each table that the metric files declare; a table that is a query has none.

    \b
    Example:
      metric-engine ddl --dialect sqlite | sqlite3 facts.db
    """
    written = DIALECTS[dialect]()
    tables = load_catalog(metrics).tables.values()
    click.echo("\n\n".join(f"{written.create_table(table)};" for table in tables if table.query is None))
