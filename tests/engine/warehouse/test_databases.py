"""What goes wrong with a warehouse is one line that names the setting and the remedy, and never a secret."""

from __future__ import annotations

import importlib
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy

from engine.answer.engine import Engine
from engine.catalog.catalog import Catalog
from engine.errors import InvalidSetting, LayoutMismatch, WarehouseUnavailable
from engine.extras import install_command
from engine.warehouse.drivers.postgresql_timeouts import set_response_timeout
from engine.warehouse.warehouse import Warehouse
from tests.conftest import TENANT
from tests.support.worlds import query_engine

LONG = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
    "postgres": "SELECT pg_sleep(60)",
    "duckdb": "SELECT count(*) FROM range(100000000) AS a, range(100000000) AS b",
    "clickhouse": "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1",
}
WRITES = {
    "sqlite": "DELETE FROM ga4_daily",
    "postgres": "DELETE FROM ga4_daily RETURNING 1",
    "clickhouse": "TRUNCATE TABLE ga4_daily",
}


@contextmanager
def open_warehouse(url: str) -> Iterator[Warehouse]:
    warehouse = Warehouse(url)
    try:
        yield warehouse
    finally:
        warehouse.close()


def read_fault(url: str) -> str:
    """Why a warehouse does not answer, when it is asked for the first time."""
    with open_warehouse(url) as warehouse, pytest.raises(WarehouseUnavailable) as caught:
        warehouse.ping()
    message = str(caught.value)
    assert message.startswith("WAREHOUSE_URL: the warehouse cannot be used: ")
    assert "\n" not in message
    assert "s3cret" not in message
    return message


@pytest.mark.parametrize("module", ["sqlite", "postgresql", "duckdb", "clickhouse"])
def test_every_database_has_a_limit(module: str) -> None:
    assert importlib.import_module(f"engine.warehouse.drivers.{module}").STATEMENT_SECONDS == 15


@pytest.mark.slow
def test_a_statement_that_takes_too_long_is_given_up(
    engine_name: str, warehouse_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = {"postgres": "postgresql"}.get(engine_name, engine_name)
    monkeypatch.setattr(f"engine.warehouse.drivers.{module}.STATEMENT_SECONDS", 1)
    with open_warehouse(warehouse_url) as warehouse:
        began = time.monotonic()
        with pytest.raises(WarehouseUnavailable, match=r"; .*ask for fewer days"):
            warehouse.query(LONG[engine_name], {})
        assert time.monotonic() - began < 15
        warehouse.ping()


@pytest.mark.parametrize("engine_name", list(WRITES))
def test_a_reader_can_only_read(engine_name: str, warehouse_url: str, shipped_catalog: Catalog) -> None:
    table = shipped_catalog.tables["ga4_daily"]
    with open_warehouse(warehouse_url) as warehouse:
        warehouse.upsert(table, [{"user_id": TENANT, "date": date(2025, 1, 1), "property_id": "1", "sessions": 5}])
        with pytest.raises(WarehouseUnavailable, match=r"read-?only"):
            warehouse.query(WRITES[engine_name], {})
        assert warehouse.has_rows(table, TENANT)


def test_missing_tables_are_named_with_what_makes_them(warehouse_url: str, shipped_catalog: Catalog) -> None:
    with open_warehouse(warehouse_url) as warehouse, pytest.raises(WarehouseUnavailable) as caught:
        query_engine(Engine(shipped_catalog, warehouse), "ga4.sessions", "2025-01-01")
    assert "ga4_daily" in str(caught.value)
    assert "`metric-engine " in str(caught.value)


def test_writing_makes_the_table_and_looking_does_not(warehouse_url: str, shipped_catalog: Catalog) -> None:
    table = shipped_catalog.tables["ga4_daily"]
    with open_warehouse(warehouse_url) as warehouse:
        assert not warehouse.has_rows(table, TENANT)
        assert warehouse.get_cursor(table, TENANT, "1") is None
        assert not warehouse.has_rows(table, TENANT)
        warehouse.replace_tenant_rows(
            table, TENANT, [{"user_id": TENANT, "date": date(2025, 1, 1), "property_id": "1"}]
        )
        assert warehouse.has_rows(table, TENANT)


def test_a_closed_warehouse_opens_again(warehouse_url: str) -> None:
    with open_warehouse(warehouse_url) as warehouse:
        warehouse.ping()
        warehouse.close()
        warehouse.ping()


def test_of_two_rows_with_one_key_the_later_one_counts(warehouse_url: str, shipped_catalog: Catalog) -> None:
    row = {"user_id": TENANT, "date": date(2025, 1, 1), "property_id": "1"}
    with open_warehouse(warehouse_url) as warehouse:
        warehouse.upsert(shipped_catalog.tables["ga4_daily"], [row | {"sessions": number} for number in (1, 2)])
        warehouse.upsert(shipped_catalog.tables["ga4_daily"], [row | {"sessions": 3}])
        answer = query_engine(Engine(shipped_catalog, warehouse), "ga4.sessions", "2025-01-01", tenant=TENANT)
        assert answer["stats"]["value"] == 3


# SQLite


def test_sqlite_names_path_and_file(tmp_path: Path) -> None:
    assert "; check the path" in read_fault(f"sqlite:///{tmp_path}/nowhere/facts.db")
    (other := tmp_path / "other.db").write_bytes(b"something else " * 100)
    assert "; the file is something else" in read_fault(f"sqlite:///{other}")


def test_sqlite_that_may_not_be_written(tmp_path: Path, shipped_catalog: Catalog) -> None:
    with open_warehouse(f"sqlite:///{tmp_path}/facts.db") as warehouse:
        warehouse.create_tables(shipped_catalog.tables.values())
    with open_warehouse(f"sqlite:///file:{tmp_path}/facts.db?mode=ro&uri=true") as warehouse:
        assert query_engine(Engine(shipped_catalog, warehouse), "ga4.sessions", "2025-01-01")["stats"]["value"] is None
        with pytest.raises(WarehouseUnavailable, match="; the file or its folder may not be written"):
            warehouse.upsert(shipped_catalog.tables["ga4_daily"], [{"user_id": TENANT, "date": "2025-01-01"}])


def test_sqlite_on_a_full_disk(tmp_path: Path, shipped_catalog: Catalog) -> None:
    with open_warehouse(f"sqlite:///{tmp_path}/facts.db") as warehouse:
        warehouse.create_tables(shipped_catalog.tables.values())

        def fill(connection: sqlite3.Connection, _: object) -> None:
            connection.execute("PRAGMA max_page_count = 20")

        sqlalchemy.event.listen(warehouse.engine, "connect", fill)
        rows = [{"user_id": TENANT, "date": date(2025, 1, 1), "property_id": str(number)} for number in range(5000)]
        with pytest.raises(WarehouseUnavailable, match="full; the disk is full; make room"):
            warehouse.upsert(shipped_catalog.tables["ga4_daily"], rows)
        assert not warehouse.has_rows(shipped_catalog.tables["ga4_daily"], TENANT)


# DuckDB


def test_duckdb_names_path_and_file(tmp_path: Path) -> None:
    assert "; make the folder" in read_fault(f"duckdb:///{tmp_path}/nowhere/facts.duckdb")
    (other := tmp_path / "other.duckdb").write_bytes(b"something else " * 100)
    assert "; name a DuckDB file" in read_fault(f"duckdb:///{other}")


@pytest.mark.server
def test_duckdb_lets_one_process_in(tmp_path: Path) -> None:
    path = tmp_path / "facts.duckdb"
    program = f"import duckdb, sys; c = duckdb.connect({str(path)!r}); print(1, flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert "; DuckDB lets one process in" in read_fault(f"duckdb:///{path}")
        other.communicate()


# PostgreSQL


def test_postgres_names_database_and_user(postgres_url: str) -> None:
    url = sqlalchemy.make_url(postgres_url)
    nowhere = url.set(database="nowhere").render_as_string(hide_password=False)
    assert 'database "nowhere" does not exist; make it' in read_fault(nowhere)
    nobody = url.set(username="nobody", password="s3cret").render_as_string(hide_password=False)
    assert "; check the user and the password" in read_fault(nobody)


@pytest.mark.server
def test_postgres_says_when_the_password_is_wrong() -> None:
    """What a server says to a wrong password, in its own words and format."""
    fields = b'SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed for user "me"\0\0'
    refusal = b"E" + (len(fields) + 4).to_bytes(4, "big") + fields
    with run_replier(refusal) as port:
        message = read_fault(f"postgresql://me:s3cret@127.0.0.1:{port}/facts?sslmode=disable&gssencmode=disable")
    assert 'password authentication failed for user "me"; check the user and the password' in message


@pytest.mark.server
def test_postgres_that_is_not_there() -> None:
    message = read_fault(f"postgresql://me:s3cret@127.0.0.1:{find_free_port()}/facts")
    assert message.endswith("Connection refused; check the host, the port and that the server runs")


def test_postgres_that_keeps_silent_is_given_up(postgres_url: str) -> None:
    engine = sqlalchemy.create_engine(sqlalchemy.make_url(postgres_url).set(drivername="postgresql+psycopg"))
    set_response_timeout(engine, 0.5)
    late = pytest.raises(sqlalchemy.exc.OperationalError, match=r"the server has not answered for 0\.5 s")
    with late, engine.connect() as connection:
        connection.exec_driver_sql("SELECT pg_sleep(30)")
    engine.dispose()


def test_a_connection_that_the_server_closed_while_it_was_idle_is_replaced(postgres_url: str) -> None:
    with open_warehouse(postgres_url) as warehouse:
        (((backend,),)) = warehouse.query("SELECT pg_backend_pid()", {})
        with warehouse.engine.begin() as connection:
            connection.exec_driver_sql("SELECT pg_terminate_backend(%s)", (backend,))
        assert warehouse.query("SELECT pg_backend_pid()", {})[0][0] != backend


# ClickHouse


@pytest.mark.server
def test_clickhouse_that_is_not_there() -> None:
    message = read_fault(f"clickhouse://me:s3cret@127.0.0.1:{find_free_port()}/facts")
    assert message.endswith("Connection refused; check the host, the port and that the server runs")


@pytest.mark.server
def test_clickhouse_that_keeps_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.warehouse.drivers.clickhouse.STATEMENT_SECONDS", 0)
    monkeypatch.setattr("engine.warehouse.drivers.clickhouse.CONNECT_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        message = read_fault(f"clickhouse://me:s3cret@127.0.0.1:{silent.getsockname()[1]}/facts")
    assert message.endswith("timed out; check the host, the port and that the server runs")


@pytest.mark.server
def test_clickhouse_says_when_the_password_is_wrong() -> None:
    """What a server says to a wrong password, in its own words and format."""
    words = (
        "Code: 516. DB::Exception: me: Authentication failed: password is incorrect, or there is no user with such "
        "name. (AUTHENTICATION_FAILED) (version 26.3.1.1 (official build))\n"
    )

    head = f"HTTP/1.1 403 Forbidden\r\nX-ClickHouse-Exception-Code: 516\r\nContent-Length: {len(words)}\r\n\r\n"
    with run_replier(f"{head}{words}".encode()) as port:
        message = read_fault(f"clickhouse://me:s3cret@127.0.0.1:{port}/facts")
    assert "Authentication failed" in message
    assert message.endswith("; check the user and the password")


def test_nothing_is_left_of_a_statement_that_failed_after_its_first_rows(clickhouse_url: str) -> None:
    """What it left would stand before the rows of the next statement: another tenant's."""
    sql = (
        "SELECT toFloat64(text) AS n FROM (SELECT materialize({text:String}) AS text FROM numbers(100000))\n"
        "UNION ALL SELECT {n:UInt8} FROM numbers(3)"
    )
    with open_warehouse(clickhouse_url) as warehouse:
        for _ in range(3):
            with pytest.raises(LayoutMismatch, match="Cannot read"):
                warehouse.query(sql, {"n": 1, "text": "x"})
            assert set(warehouse.query(sql, {"n": 2, "text": "3"})) == {(2.0,), (3.0,)}


def test_clickhouse_names_a_database_that_is_missing(clickhouse_url: str) -> None:
    assert "; make the database" in read_fault(f"{clickhouse_url}_nowhere")


def test_clickhouse_replaces_rows_only_where_they_can_be_told_apart(
    clickhouse_url: str, shipped_catalog: Catalog
) -> None:
    table = shipped_catalog.tables["ga4_daily"]
    rows = [{"user_id": TENANT, "date": date(2025, 1, 1), "property_id": "1"}]
    with open_warehouse(clickhouse_url) as warehouse:
        warehouse.driver.run(
            ["CREATE TABLE ga4_daily (user_id UUID, date Date, property_id String) ENGINE = MergeTree ORDER BY user_id"]
        )
        assert warehouse.upsert(table, rows) == 1
        with pytest.raises(WarehouseUnavailable, match="metric-engine ddl --dialect clickhouse"):
            warehouse.replace_tenant_rows(table, TENANT, rows)


# URLs and drivers


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "WAREHOUSE_URL is not a database URL; write sqlite:///path/to/file.db, for example"),
        ("oracle://host/db", "WAREHOUSE_URL: 'oracle' is not a supported warehouse; there are sqlite, postgresql"),
        ("clickhose://host/db", "WAREHOUSE_URL: 'clickhose' is not a supported warehouse; did you mean 'clickhouse'?"),
        ("postgresql://me:s3c@ret@host/db", "WAREHOUSE_URL is not a database URL: percent-encode"),
    ],
)
def test_a_wrong_url_is_named_with_what_to_write(url: str, problem: str) -> None:
    with pytest.raises(InvalidSetting) as caught:
        Warehouse(url)
    assert str(caught.value).startswith(problem)
    assert "ret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "driver", "extra"),
    [
        ("postgresql://host/db", "psycopg", "postgres"),
        ("duckdb:///facts.duckdb", "duckdb", "duckdb"),
        ("clickhouse://host/db", "clickhouse_connect", "clickhouse"),
    ],
)
def test_a_missing_driver_names_its_extra(url: str, driver: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = url.partition(":")[0]
    monkeypatch.setitem(sys.modules, driver, None)
    monkeypatch.delitem(sys.modules, f"engine.warehouse.drivers.{backend}", raising=False)
    monkeypatch.delitem(sys.modules, "engine.warehouse.drivers.postgresql_timeouts", raising=False)
    with pytest.raises(InvalidSetting) as caught:
        Warehouse(url, setting="DATABASE_URL")
    line = f"DATABASE_URL names {backend}, whose driver is missing: {install_command(extra)}"
    assert str(caught.value) == line


def find_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


@contextmanager
def run_replier(reply: bytes) -> Iterator[int]:
    """A port that answers whatever comes with these bytes."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(4096)
                    connection.sendall(reply)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(5)
