"""`metric-engine ddl`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from cli.dialects import dialect_option
from cli.options import metrics_option
from engine import CURSORS, DIALECTS, ClickHouse, Dialect, Table, load_catalog


@click.command()
@dialect_option
@click.option("--cluster", metavar="NAME", help="Of ClickHouse: a table on each shard, and one over all of them.")
@metrics_option
def ddl(dialect: str, cluster: str | None, metrics: Path) -> None:
    """Print the statements that make the fact tables.

    One CREATE TABLE for each table that the metric files declare, and one for sync_cursors, where a sync notes how far
    it has come; a table that is a query has none.

    \b
    Examples:
      metric-engine ddl --dialect sqlite | sqlite3 facts.db
      metric-engine ddl --dialect clickhouse --cluster main
    """
    target = DIALECTS[dialect]()
    if cluster is not None and not isinstance(target, ClickHouse):
        raise click.UsageError(f"--cluster is ClickHouse's; {target.title} is told apart by its own means")
    tables = [*(table for table in load_catalog(metrics).tables.values() if table.query is None), CURSORS]
    click.echo("\n\n".join(iter_statements(target, tables, cluster)))


def iter_statements(dialect: Dialect, tables: Iterable[Table], cluster: str | None) -> Iterator[str]:
    """Render the tables' statements, after a comment with the dialect's advice if it has any."""
    advice = dialect.get_advice()
    if advice:
        yield "\n".join(f"-- {line}" for line in advice.split("\n"))
    for table in tables:
        if cluster is not None and isinstance(dialect, ClickHouse):
            yield from (f"{statement};" for statement in dialect.emit_create_on_cluster(table, cluster))
        else:
            yield f"{dialect.emit_create_table(table)};"
