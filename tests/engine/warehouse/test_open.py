"""A `WAREHOUSE_URL` that names the wrong thing, or what has failed: one line with what to do, and nothing is lost."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path

import psycopg
import pytest
import sqlalchemy

from engine.answer.engine import Engine
from engine.authoring.check_database import check_live_tables
from engine.calendar import Window
from engine.catalog.catalog import Catalog
from engine.errors import WarehouseUnavailable
from engine.slices import Slice
from engine.warehouse.warehouse import Warehouse
from runtime.shipped import get_shipped_folder
from tests.conftest import TENANT
from tests.support.worlds import query_engine

ROW = {"user_id": TENANT, "date": date(2025, 1, 1), "property_id": "1", "sessions": 5}


def read_open_fault(url: str, catalog: Catalog) -> str:
    """What writing, reading and looking at the tables say, which is the same."""
    warehouse = Warehouse(url)
    faults: list[str] = []
    for attempt in (
        lambda: warehouse.upsert(catalog.tables["ga4_daily"], [ROW]),
        warehouse.ping,
        lambda: check_live_tables(
            get_shipped_folder(), catalog.tables, warehouse.engine, reason=warehouse.driver.explain_error
        ),
    ):
        with pytest.raises(WarehouseUnavailable) as caught:
            attempt()
        faults.append(str(caught.value))
    warehouse.close()
    assert len(set(faults)) == 1, faults
    assert "\n" not in faults[0]
    return faults[0].removeprefix("WAREHOUSE_URL: the warehouse cannot be used: ")


@pytest.fixture
def places(tmp_path: Path) -> Path:
    """A folder with a CSV file, a folder, an SQLite database and a text."""
    (tmp_path / "facts.csv").write_text("date,sessions\n2025-01-01,1\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("no database at all " * 100)
    with closing(sqlite3.connect(tmp_path / "sqlite.db")) as other:
        other.execute("CREATE TABLE facts (name TEXT)")
    return tmp_path


ANOTHER = "; name a DuckDB file, or one that does not exist yet"


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("facts.csv", f"the file is not DuckDB's, and what is loaded beside it would be lost{ANOTHER}"),
        ("text", f"not a valid DuckDB database file!{ANOTHER}"),
        ("sqlite.db", ANOTHER),
        ("folder", "Is a directory; name a file in it"),
    ],
)
def test_duckdb_and_what_is_no_file_of_its_own(places: Path, shipped_catalog: Catalog, name: str, fault: str) -> None:
    before = sorted(each.name for each in places.iterdir())
    assert read_open_fault(f"duckdb:///{places}/{name}", shipped_catalog).endswith(fault)
    assert sorted(each.name for each in places.iterdir()) == before


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("facts.csv", "; the file is something else; name an SQLite database or a file that does not exist yet"),
        ("folder", "unable to open database file; check the path, and that its folder exists and may be written"),
    ],
)
def test_sqlite_and_what_is_no_file_of_its_own(places: Path, shipped_catalog: Catalog, name: str, fault: str) -> None:
    assert read_open_fault(f"sqlite:///{places}/{name}", shipped_catalog).endswith(fault)


def test_sqlite_that_another_process_writes_to(
    tmp_path: Path, shipped_catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.warehouse.drivers.sqlite.BUSY_SECONDS", 0.1)
    table, warehouse = shipped_catalog.tables["ga4_daily"], Warehouse(f"sqlite:///{tmp_path}/facts.db")
    warehouse.upsert(table, [ROW])
    with closing(sqlite3.connect(tmp_path / "facts.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(WarehouseUnavailable, match="database is locked; another process holds the file; try again"):
            warehouse.upsert(table, [ROW | {"sessions": 6}])
        assert warehouse.query("SELECT sessions FROM ga4_daily", {}) == [(5,)]
    assert warehouse.upsert(table, [ROW | {"sessions": 6}]) == 1
    warehouse.close()


NO_ROOM = """
import resource, sys
from datetime import date
from engine.catalog.catalog import load_catalog
from engine.errors import WarehouseUnavailable
from engine.warehouse.warehouse import Warehouse
from runtime.shipped import get_shipped_folder

table, warehouse = load_catalog(get_shipped_folder()).tables["ga4_daily"], Warehouse(sys.argv[1])

def rows(count):
    for number in range(count):
        yield {"user_id": "11111111-1111-4111-8111-111111111111", "property_id": str(number // 600),
               "date": date.fromordinal(730000 + number % 600), "sessions": number}

def count():
    return warehouse.query("SELECT count(*) FROM ga4_daily", {})[0][0]

warehouse.upsert(table, rows(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (614_400, resource.RLIM_INFINITY))
try:
    warehouse.upsert(table, rows(120_000))
except WarehouseUnavailable as error:
    print(error)
print(count(), count())
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(warehouse.upsert(table, rows(1000)), count())
"""


@pytest.mark.server
@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("sqlite:///facts.db", "disk I/O error; the disk fails, or lets the file grow no further; check the disk"),
        ("duckdb:///facts.duckdb", "File too large; let the file grow, or make room on the disk"),
    ],
)
def test_a_file_that_may_grow_no_further_is_served_on(tmp_path: Path, url: str, fault: str) -> None:
    """DuckDB by itself would answer nothing until the process ends."""
    done = subprocess.run([sys.executable, "-c", NO_ROOM, url], cwd=tmp_path, capture_output=True, text=True)
    told, *counts = done.stdout.splitlines()
    assert told.startswith("WAREHOUSE_URL: the warehouse cannot be used: ")
    assert told.endswith(fault)
    assert counts == ["1 1", "1000 1000"], done.stderr


# ClickHouse in the process


def test_a_process_has_one_folder_of_clickhouse(clickhouse_url: str, tmp_path: Path) -> None:
    opened, other = Warehouse(clickhouse_url), Warehouse(f"chdb:///{tmp_path}/other")
    opened.ping()
    with pytest.raises(WarehouseUnavailable, match="this process has another folder open; it can have one"):
        other.ping()
    opened.close()
    other.close()


@pytest.mark.server
def test_a_folder_of_clickhouse_lets_one_process_in(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    program = (
        "import subprocess, sys\n"
        "from engine.errors import WarehouseUnavailable\n"
        "from engine.warehouse.warehouse import Warehouse\n"
        "try:\n    Warehouse(sys.argv[1]).ping()\n"
        "except WarehouseUnavailable as error:\n    print(error, flush=True)\n"
        "if len(sys.argv) > 2:\n    subprocess.run([sys.executable, *sys.argv[2:]])\n"
    )
    (tmp_path / "program.py").write_text(program)
    ours, ourselves = f"chdb:///{tmp_path}/ours", str(tmp_path / "program.py")
    done = subprocess.run(
        [sys.executable, ourselves, ours, ourselves, ours, ourselves, f"chdb:///{tmp_path}/file"],
        capture_output=True,
        text=True,
    )
    remedy = "; name a folder that may be written, and let no other process have it open"
    prefix = "WAREHOUSE_URL: the warehouse cannot be used: "
    assert done.stdout.splitlines() == [f"{prefix}the folder cannot be opened{remedy}", f"{prefix}File exists{remedy}"]


# PostgreSQL


@pytest.fixture
def limited_url(postgres_url: str) -> Callable[[str], str]:
    """Make a role and a database for it with statements on `{role}` and `{database}`; gives its URL."""
    url = sqlalchemy.make_url(postgres_url)
    role = f"limited_{url.database}"

    def make(*statements: str) -> str:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            for statement in (f"CREATE ROLE {role} LOGIN", *statements):
                connection.execute(statement.format(role=role, database=url.database).encode())
        return url.set(username=role).render_as_string(hide_password=False)

    return make


def test_postgres_that_takes_no_more_connections(limited_url: Callable[..., str], shipped_catalog: Catalog) -> None:
    url = limited_url("ALTER ROLE {role} CONNECTION LIMIT 0")
    assert read_open_fault(url, shipped_catalog).endswith(
        "; raise max_connections or the role's limit, or run fewer processes"
    )


def test_postgres_that_lets_the_user_not_in(limited_url: Callable[..., str], shipped_catalog: Catalog) -> None:
    url = limited_url("REVOKE CONNECT ON DATABASE {database} FROM public")
    fault = read_open_fault(url, shipped_catalog)
    assert fault.startswith("permission denied for database ")
    assert fault.endswith('"; GRANT CONNECT on it to this user')


def test_postgres_with_an_option_that_is_none(postgres_url: str, shipped_catalog: Catalog) -> None:
    assert (
        read_open_fault(f"{postgres_url}&sslmode=bogus", shipped_catalog)
        == 'invalid sslmode value: "bogus"; check the URL'
    )
    assert (
        read_open_fault(f"{postgres_url}&bogus=1", shipped_catalog)
        == 'invalid connection option "bogus"; check the URL'
    )


READ = "GRANT SELECT ON ga4_daily TO {role}"


def test_a_role_that_may_only_read_serves_and_is_told_what_it_lacks_to_write(
    limited_url: Callable[..., str], postgres_url: str, shipped_catalog: Catalog
) -> None:
    table, owner = shipped_catalog.tables["ga4_daily"], Warehouse(postgres_url)
    owner.create_tables([table])
    owner.upsert(table, [ROW])
    reader = Warehouse(limited_url(READ))
    role = reader.engine.url.username
    assert (
        query_engine(Engine(shipped_catalog, reader), "ga4.sessions", "2025-01-01", tenant=TENANT)["stats"]["value"]
        == 5
    )

    def read_refusal(write: Callable[[], object]) -> str:
        with pytest.raises(WarehouseUnavailable) as caught:
            write()
        return str(caught.value).removeprefix("WAREHOUSE_URL: the warehouse cannot be used: ")

    lacks = f"{role} lacks INSERT, UPDATE on ga4_daily; GRANT INSERT, UPDATE ON ga4_daily TO {role}"
    assert read_refusal(lambda: reader.upsert(table, [ROW])) == lacks
    restated = Slice(table, TENANT, "1", Window(date(2025, 1, 1), date(2025, 1, 1)))
    rows = [{"date": date(2025, 1, 1), "sessions": 6}]
    assert read_refusal(lambda: reader.restate(restated, rows)) == (
        f"permission denied for table sync_cursors; GRANT SELECT ON sync_cursors TO {role}"
    )
    owner.driver.run([f"GRANT SELECT ON sync_cursors TO {role}", f"GRANT INSERT, UPDATE ON ga4_daily TO {role}"])
    assert read_refusal(lambda: reader.restate(restated, rows)) == (
        f"{role} lacks DELETE on ga4_daily and INSERT, UPDATE on sync_cursors; "
        f"GRANT DELETE ON ga4_daily TO {role}; GRANT INSERT, UPDATE ON sync_cursors TO {role}"
    )
    assert reader.upsert(table, [ROW | {"sessions": 7}]) == 1
    owner.driver.run([f"GRANT DELETE ON ga4_daily TO {role}", f"GRANT INSERT, UPDATE ON sync_cursors TO {role}"])
    assert reader.restate(restated, rows) == 1
    assert (
        query_engine(Engine(shipped_catalog, reader), "ga4.sessions", "2025-01-01", tenant=TENANT)["stats"]["value"]
        == 6
    )
    make = read_refusal(lambda: reader.upsert(shipped_catalog.tables["ig_media"], [ROW]))
    assert make.startswith("permission denied for schema public; GRANT USAGE, CREATE ON SCHEMA public TO ")
    assert make.endswith("make the tables that `metric-engine ddl --dialect postgres` prints")
    owner.close()
    reader.close()


def test_a_role_that_may_not_read_is_told_what_it_lacks(
    limited_url: Callable[..., str], postgres_url: str, shipped_catalog: Catalog
) -> None:
    owner = Warehouse(postgres_url)
    owner.create_tables([shipped_catalog.tables["ga4_daily"]])
    reader = Warehouse(limited_url("CREATE SCHEMA closed", "CREATE TABLE closed.facts (n int)"))
    role = reader.engine.url.username
    with pytest.raises(WarehouseUnavailable, match=f"table ga4_daily; GRANT SELECT ON ga4_daily TO {role}$"):
        query_engine(Engine(shipped_catalog, reader), "ga4.sessions", "2025-01-01")
    with pytest.raises(WarehouseUnavailable, match=f"schema closed; GRANT USAGE ON SCHEMA closed TO {role}$"):
        reader.query("SELECT n FROM closed.facts", {})
    owner.close()
    reader.close()
