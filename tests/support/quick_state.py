"""SQLite's state tables as the migrations make them, which a process of the tests runs through once."""

from __future__ import annotations

from sqlalchemy import Connection

from state import migrations

RUN_MIGRATIONS = migrations._upgrade
SCHEMA = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid"
MADE: list[str] = []


def run_or_repeat_migrations(connection: Connection, current: str | None) -> None:
    """Bring the tables to the newest revision; an empty file gets the statements that have made another one's."""
    is_empty = connection.dialect.name == "sqlite" and not connection.exec_driver_sql(SCHEMA).first()
    if not is_empty or not MADE:
        RUN_MIGRATIONS(connection, current)
        if is_empty:
            stamp = f"INSERT INTO {migrations.VERSION_TABLE} VALUES ('{migrations.HEAD_REVISION}')"
            MADE.extend([*connection.exec_driver_sql(SCHEMA).scalars(), stamp])
        return
    for statement in MADE:
        connection.exec_driver_sql(statement)
