"""Migrations: one outcome whoever runs them, and nothing of an existing installation lost."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from engine.catalog.table_resolver import RESERVED_NAMES
from engine.errors import StateUnavailable
from state import State, migrations
from state.database import StateDatabase, open_database
from state.migrations import HEAD_REVISION, VERSION_TABLE, migrate
from state.tables import metadata
from tests.conftest import TENANT
from tests.support.contenders import migrate_together
from tests.support.processes import FORKS
from tests.support.quick_state import RUN_MIGRATIONS

PROCESSES = 8

EXISTING = """
    CREATE TABLE user_dashboard_layouts (
        user_id uuid PRIMARY KEY, layout jsonb NOT NULL, updated_at timestamptz NOT NULL DEFAULT now());
    CREATE TABLE app_settings (
        key text PRIMARY KEY, value jsonb, updated_at timestamptz NOT NULL DEFAULT now());
    CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
    INSERT INTO alembic_version VALUES ('4f1c0ffee');
    INSERT INTO app_settings VALUES ('theme', '"dark"', '2024-01-02T03:04:05Z');
    INSERT INTO user_dashboard_layouts VALUES
        ('11111111-1111-4111-8111-111111111111',
         '{"widgets": [{"id": "ga4.users", "size": "lg"}], "v": 2.50}', '2024-01-02T03:04:05Z');
"""


@pytest.fixture(autouse=True)
def run_migrations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations, "_upgrade", RUN_MIGRATIONS)


def list_schema_differences(database: StateDatabase) -> list[object]:
    with database.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        return list(compare_metadata(context, metadata))


def test_the_newest_revision_is_the_one_the_code_expects() -> None:
    script = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert script.get_heads() == [HEAD_REVISION]


def test_no_metric_file_can_declare_a_state_table() -> None:
    assert {*metadata.tables, VERSION_TABLE} <= RESERVED_NAMES


def test_migrations_lead_to_the_declared_tables(state_url: str) -> None:
    database = open_database(state_url)
    assert migrate(database) is True
    assert list_schema_differences(database) == []
    assert migrate(database) is False
    database.close()


@pytest.mark.server
def test_eight_processes_migrate_at_once(state_url: str) -> None:
    start = FORKS.Barrier(PROCESSES)
    processes = [FORKS.Process(target=migrate_together, args=(state_url, start)) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * PROCESSES
    database = open_database(state_url)
    assert migrate(database) is False
    assert list_schema_differences(database) == []
    database.close()


def test_an_existing_database_is_taken_as_it_is(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute(EXISTING)
    state = State.open(postgres_url)
    assert state.app_settings.get("theme") == "dark"
    layout = state.layouts.get(TENANT)
    assert layout == {"widgets": [{"id": "ga4.users", "size": "lg"}], "v": 2.5, "version": 0}
    assert state.layouts.save(TENANT, layout, version=0)["version"] == 1
    state.close()
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("4f1c0ffee",)]
        columns = connection.execute(
            "SELECT table_name, column_name, data_type, column_default FROM information_schema.columns "
            "WHERE table_name IN ('user_dashboard_layouts', 'app_settings') ORDER BY 1, ordinal_position"
        ).fetchall()
    assert columns == CONTRACTED_COLUMNS


def test_new_tables_have_the_same_columns_as_existing_ones(postgres_url: str) -> None:
    State.open(postgres_url).close()
    with psycopg.connect(postgres_url) as connection:
        columns = connection.execute(
            "SELECT table_name, column_name, data_type, column_default FROM information_schema.columns "
            "WHERE table_name IN ('user_dashboard_layouts', 'app_settings') ORDER BY 1, ordinal_position"
        ).fetchall()
    assert columns == CONTRACTED_COLUMNS


CONTRACTED_COLUMNS = [
    ("app_settings", "key", "text", None),
    ("app_settings", "value", "jsonb", None),
    ("app_settings", "updated_at", "timestamp with time zone", "now()"),
    ("user_dashboard_layouts", "user_id", "uuid", None),
    ("user_dashboard_layouts", "layout", "jsonb", None),
    ("user_dashboard_layouts", "updated_at", "timestamp with time zone", "now()"),
]


CHANNELS_OF_EARLIER_RELEASES = """
    CREATE TABLE ga4_daily (user_id {uuid}, date date, property_id text, currency text);
    CREATE TABLE ga4_channels_daily (user_id {uuid}, date date, property_id text, channel text, revenue numeric);
    INSERT INTO ga4_daily VALUES
        ('11111111-1111-4111-8111-111111111111', '2025-01-01', '1', 'USD'),
        ('11111111-1111-4111-8111-111111111111', '2025-01-01', '2', 'EUR'),
        ('22222222-2222-4222-8222-222222222222', '2025-01-02', '1', 'GBP');
    INSERT INTO ga4_channels_daily VALUES
        ('11111111-1111-4111-8111-111111111111', '2025-01-01', '1', 'Email', 1),
        ('11111111-1111-4111-8111-111111111111', '2025-01-01', '1', 'Direct', 2),
        ('11111111-1111-4111-8111-111111111111', '2025-01-01', '2', 'Email', 3),
        ('11111111-1111-4111-8111-111111111111', '2025-01-02', '1', 'Email', 4)
"""


def run_script(database: StateDatabase, script: str) -> None:
    with database.begin_transaction() as connection:
        for statement in script.format(uuid="uuid" if database.dialect == "postgresql" else "text").split(";"):
            connection.exec_driver_sql(statement)


def list_channel_currencies(database: StateDatabase) -> list[object]:
    with database.connect() as connection:
        return [*connection.exec_driver_sql("SELECT currency FROM ga4_channels_daily ORDER BY revenue").scalars().all()]


def test_the_channels_of_an_earlier_release_get_the_currency_of_their_property(state_url: str) -> None:
    database = open_database(state_url)
    run_script(database, CHANNELS_OF_EARLIER_RELEASES)
    migrate(database)
    assert list_channel_currencies(database) == ["USD", "USD", "EUR", None]
    database.close()


@pytest.mark.parametrize(
    "table",
    [
        "CREATE TABLE ga4_channels_daily (user_id {uuid}, revenue numeric, currency text)",
        "CREATE TABLE ga4_channels_daily (channel text, revenue numeric)",
        (
            "CREATE VIEW ga4_channels_daily AS "
            "SELECT 1 AS user_id, 2 AS date, 3 AS property_id, 4 AS channel, 5 AS revenue"
        ),
    ],
)
def test_somebody_elses_table_of_channels_is_left_alone(state_url: str, table: str) -> None:
    database = open_database(state_url)
    run_script(database, table)
    with database.connect() as connection:
        before = [column["name"] for column in inspect(connection).get_columns("ga4_channels_daily")]
    assert migrate(database) is True
    with database.connect() as connection:
        assert [column["name"] for column in inspect(connection).get_columns("ga4_channels_daily")] == before
    database.close()


def test_a_layout_of_another_make_is_served(postgres_url: str) -> None:
    state = State.open(postgres_url)
    with psycopg.connect(postgres_url) as connection:
        connection.execute(
            'INSERT INTO user_dashboard_layouts (user_id, layout) VALUES (%s, \'[{"id": "ga4.users"}]\')',
            [TENANT],
        )
    assert state.layouts.get(TENANT) == {"widgets": [{"id": "ga4.users"}], "version": 0}
    assert state.layouts.save(TENANT, {"widgets": []}, version=0) == {"widgets": [], "version": 1}
    state.close()


def test_a_database_of_a_newer_release_is_refused(state: State) -> None:
    with state.database.connect() as connection:
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(StateUnavailable, match=r"revision 9999, which this release does not know: upgrade"):
        migrate(state.database)


def test_a_migration_that_fails_leaves_nothing_behind(state_url: str) -> None:
    database = open_database(state_url)
    with database.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE sync_jobs (id integer)")
    with pytest.raises(StateUnavailable, match=r"sync_jobs.* already exists.*DATABASE_URL"):
        migrate(database)
    with database.connect() as connection:
        assert inspect(connection).get_table_names() == ["sync_jobs"]
        connection.exec_driver_sql("DROP TABLE sync_jobs")
    assert migrate(database) is True
    database.close()
