"""Declared tables held against real ones: what is missing or otherwise, named at its declaration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import sqlalchemy

from engine.authoring.check_database import check_live_tables
from engine.catalog.catalog import load_catalog
from engine.errors import InvalidCatalog, InvalidSetting, WarehouseUnavailable
from engine.warehouse.warehouse import Warehouse
from runtime.shipped import get_shipped_folder
from tests.support.shipped import load_shipped_catalog

FILE = """\
source: ga4
tables:
  visits:
    time: date
    columns:
      user_id: uuid
      date: date
      channel: text
      sessions: {type: bigint, column: visits}
      rate: double
"""

FITTING = "user_id {uuid}, date date, channel varchar(80), visits integer, rate numeric(9, 2)"


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sqlalchemy.Engine]:
    """An empty database: SQLite, then PostgreSQL."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/facts.db"
    else:
        url = request.getfixturevalue("postgres_url").replace("postgresql://", "postgresql+psycopg://", 1)
    engine = sqlalchemy.create_engine(url)
    engine.connect().close()
    (tmp_path / "facts.db").touch()
    yield engine
    engine.dispose()


def run_statements(database: sqlalchemy.Engine, *statements: str) -> None:
    """Run statements in which `{uuid}` is the database's type for a UUID."""
    uuid = "text" if database.dialect.name == "sqlite" else "uuid"
    with database.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement.replace("{uuid}", uuid))


def find_differences(folder: Path, database: sqlalchemy.Engine, text: str = FILE) -> Sequence[str]:
    """The differences, without the folder that they are in."""
    (folder / "visits.yaml").write_text(text, encoding="utf-8")
    try:
        check_live_tables(folder, load_catalog(folder).tables, database)
    except InvalidCatalog as invalid:
        return [str(each).removeprefix(f"{folder}/") for each in invalid.diagnostics]
    return []


def test_tables_as_declared_have_no_problem(database: sqlalchemy.Engine, tmp_path: Path) -> None:
    run_statements(database, f"CREATE TABLE visits ({FITTING}, PRIMARY KEY (user_id, date))")
    assert find_differences(tmp_path, database) == []


def test_a_table_that_differs_in_case_is_what_the_database_takes_it_for(
    database: sqlalchemy.Engine, tmp_path: Path
) -> None:
    run_statements(database, f"CREATE TABLE visits ({FITTING}, PRIMARY KEY (user_id, date))")
    shouted = FILE.replace("    time: date\n", "    time: date\n    name: VISITS\n")
    expected = "visits.yaml:5:11: error[missing-live-table] the database has no table 'VISITS'; did you mean 'visits'?"
    assert find_differences(tmp_path, database, shouted) == ([] if database.dialect.name == "sqlite" else [expected])


def test_duckdb_takes_upper_case_for_lower_case(tmp_path: Path) -> None:
    warehouse = Warehouse(f"duckdb:///{tmp_path}/facts.duckdb")
    warehouse.driver.run([f"CREATE TABLE visits ({FITTING.format(uuid='uuid')})"])
    shouted = FILE.replace("    time: date\n", "    time: date\n    name: VISITS\n").replace("channel", "CHANNEL")
    assert find_differences(tmp_path, warehouse.engine, shouted) == []
    warehouse.close()


def test_the_embedded_tables_fit_the_shipped_files(tmp_path: Path) -> None:
    warehouse = Warehouse(f"sqlite:///{tmp_path}/facts.db")
    catalog = load_shipped_catalog()
    warehouse.create_tables(catalog.tables.values())
    check_live_tables(get_shipped_folder(), catalog.tables, warehouse.engine)
    warehouse.close()


def test_a_missing_table_with_the_nearest_name(database: sqlalchemy.Engine, tmp_path: Path) -> None:
    run_statements(database, f"CREATE TABLE visit ({FITTING})")
    assert find_differences(tmp_path, database) == [
        "visits.yaml:3:3: error[missing-live-table] the database has no table 'visits'; did you mean 'visit'?"
    ]


def test_a_missing_table_with_a_name_of_its_own(database: sqlalchemy.Engine, tmp_path: Path) -> None:
    renamed = FILE.replace("    time: date\n", "    time: date\n    name: facts\n", 1)
    assert find_differences(tmp_path, database, renamed) == [
        (
            "visits.yaml:5:11: error[missing-live-table] the database has no table 'facts'; `metric-engine ddl` prints "
            "the statement that makes it"
        )
    ]


def test_a_missing_schema(database: sqlalchemy.Engine, tmp_path: Path) -> None:
    renamed = FILE.replace("    time: date\n", "    time: date\n    name: analytic.visits\n", 1)
    assert find_differences(tmp_path, database, renamed) == [
        "visits.yaml:5:11: error[missing-live-table] the database has no schema 'analytic'"
    ]


def test_missing_columns_at_their_names(database: sqlalchemy.Engine, tmp_path: Path) -> None:
    run_statements(
        database, "CREATE TABLE visits (user_id {uuid} PRIMARY KEY, date date, chanel text, visit bigint, rate float)"
    )
    assert find_differences(tmp_path, database) == [
        (
            "visits.yaml:8:7: error[missing-live-column] the database's table visits has no column 'channel'; "
            "did you mean 'chanel'?"
        ),
        (
            "visits.yaml:9:40: error[missing-live-column] the database's table visits has no column 'visits'; "
            "did you mean 'visit'?"
        ),
    ]


def test_a_column_that_is_declared_twice_is_near_the_live_one(database: sqlalchemy.Engine, tmp_path: Path) -> None:
    run_statements(database, f"CREATE TABLE visits ({FITTING}, conversions integer, PRIMARY KEY (user_id, date))")
    text = FILE.replace("      rate: double\n", "      rate: double\n      visitss: bigint\n")
    (found,) = find_differences(tmp_path, database, text)
    assert found.endswith("has no column 'visitss'; did you mean 'visits'?")


def test_types_that_do_not_fit_at_the_type(database: sqlalchemy.Engine, tmp_path: Path) -> None:
    run_statements(
        database,
        "CREATE TABLE visits "
        "(user_id {uuid} PRIMARY KEY, date timestamp, channel bigint, visits varchar(9), rate date)",
    )
    timestamp = "timestamp" if database.dialect.name == "sqlite" else "timestamp without time zone"
    assert find_differences(tmp_path, database) == [
        (
            f"visits.yaml:7:13: error[wrong-live-type] column 'date' is {timestamp} in the database, not date; "
            "make a date of it, in a column of its own or a view, and name that"
        ),
        (
            "visits.yaml:8:16: error[wrong-live-type] column 'channel' is bigint in the database, not text; "
            "declare it bigint"
        ),
        (
            "visits.yaml:9:24: error[wrong-live-type] column 'visits' is varchar(9) in the database, not bigint; "
            "declare it text"
        ),
        "visits.yaml:10:13: error[wrong-live-type] column 'rate' is date in the database, not double; declare it date",
    ]


def test_fractions_are_not_whole_numbers(database: sqlalchemy.Engine, tmp_path: Path) -> None:
    fractions = FITTING.replace("visits integer", "visits numeric(9, 2)")
    run_statements(database, f"CREATE TABLE visits ({fractions}, PRIMARY KEY (user_id, date))")
    assert find_differences(tmp_path, database) == [
        (
            "visits.yaml:9:24: error[wrong-live-type] column 'visits' is numeric(9, 2) in the database, not bigint; "
            "declare it numeric"
        )
    ]


NO_INDEX = (
    "visits.yaml:3:3: error[missing-live-index] no index of this table begins with 'user_id', so that every request "
    "reads all of its rows; make one: CREATE INDEX visits_user_id_date ON visits (user_id, date)"
)


@pytest.mark.parametrize(
    "index",
    [
        "CREATE INDEX days ON visits (date, user_id)",
        "CREATE INDEX lowered ON visits (lower(channel), user_id)",
        "CREATE INDEX partial_index ON visits (user_id) WHERE visits > 0",
    ],
)
def test_an_index_that_finds_no_tenant_does_not_count(database: sqlalchemy.Engine, tmp_path: Path, index: str) -> None:
    run_statements(database, f"CREATE TABLE visits ({FITTING})", index)
    assert find_differences(tmp_path, database) == [NO_INDEX]


def test_the_statement_makes_the_index(database: sqlalchemy.Engine, tmp_path: Path) -> None:
    run_statements(database, f"CREATE TABLE visits ({FITTING})")
    assert find_differences(tmp_path, database) == [NO_INDEX]
    run_statements(database, NO_INDEX.partition("make one: ")[2])
    assert find_differences(tmp_path, database) == []


@pytest.mark.parametrize(
    "made",
    [
        f"CREATE TABLE visits ({FITTING}, PRIMARY KEY (user_id, channel, date))",
        f"CREATE TABLE visits ({FITTING}, UNIQUE (user_id, date))",
    ],
)
def test_any_index_that_begins_with_the_tenant_counts(database: sqlalchemy.Engine, tmp_path: Path, made: str) -> None:
    run_statements(database, made)
    assert find_differences(tmp_path, database) == []


def test_a_view_needs_no_index(database: sqlalchemy.Engine, tmp_path: Path) -> None:
    run_statements(database, f"CREATE TABLE facts ({FITTING})", "CREATE VIEW visits AS SELECT * FROM facts")
    assert find_differences(tmp_path, database) == []


def test_a_query_is_checked_through_the_tables_that_it_reads(database: sqlalchemy.Engine, tmp_path: Path) -> None:
    run_statements(database, f"CREATE TABLE visits ({FITTING}, PRIMARY KEY (user_id, date))")
    query = """\
  emails:
    time: date
    sql: SELECT user_id, date, sessions FROM {{ table('visits') }} WHERE channel = 'Email'
    columns: {user_id: uuid, date: date, sessions: bigint}
"""
    assert find_differences(tmp_path, database, FILE + query) == []


def test_looking_does_not_make_a_database(tmp_path: Path) -> None:
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path}/none.db")
    with pytest.raises(InvalidSetting, match=r"WAREHOUSE_URL: there is no database .*none\.db"):
        check_live_tables(get_shipped_folder(), load_shipped_catalog().tables, engine)
    assert not (tmp_path / "none.db").exists()


def test_a_database_that_does_not_answer_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "facts.db").write_bytes(b"this is no database at all, but a text " * 200)
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path}/facts.db")
    with pytest.raises(WarehouseUnavailable, match="WAREHOUSE_URL"):
        check_live_tables(get_shipped_folder(), load_shipped_catalog().tables, engine)
    engine.dispose()
