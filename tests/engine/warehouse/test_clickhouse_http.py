"""The ClickHouse warehouse over HTTP, as production has it, and over a table of a cluster."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote

import pytest

from engine.answer.engine import Engine
from engine.authoring.check_database import check_live_tables
from engine.calendar import Window
from engine.catalog.catalog import Catalog
from engine.compiler.dialects.clickhouse import ClickHouse
from engine.errors import WarehouseUnavailable
from engine.slices import CURSORS, Slice
from engine.tables import Table
from engine.warehouse.warehouse import Warehouse
from runtime.shipped import get_shipped_folder
from tests.conftest import OTHER_TENANT, TENANT
from tests.support.clickhouse_front import PASSWORD, USER
from tests.support.paths import ROOT
from tests.support.worlds import query_engine

pytestmark = pytest.mark.server

JANUARY = Window(date(2025, 1, 1), date(2025, 1, 31))
CHANNELS = [f"channel {number}" for number in range(20)]


class ClickHouseProcess:
    """The interface before an engine in a process of its own; it can go away and come back, empty."""

    def __init__(self) -> None:
        self.port = 0
        self.start()

    def start(self) -> None:
        program = (sys.executable, "-m", "tests.support.clickhouse_front", str(self.port))
        self.process = subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def make_url(self, *, password: str = PASSWORD, database: str = "default") -> str:
        return f"clickhouse://{USER}:{quote(password)}@127.0.0.1:{self.port}/{database}"


@pytest.fixture(scope="module")
def shared_server() -> Iterator[ClickHouseProcess]:
    server = ClickHouseProcess()
    yield server
    server.stop()


@pytest.fixture
def server(shared_server: ClickHouseProcess) -> ClickHouseProcess:
    """The module's server, again where a test has stopped it."""
    if shared_server.process.poll() is not None:
        shared_server.start()
    return shared_server


@pytest.fixture
def warehouse(server: ClickHouseProcess) -> Iterator[Warehouse]:
    warehouse = Warehouse(server.make_url())
    yield warehouse
    warehouse.close()


def restate_number(warehouse: Warehouse, table: Table, number: int) -> None:
    """Let every channel of every day of January have this number."""
    rows = [{"date": day, "channel": channel, "sessions": number} for day in JANUARY for channel in CHANNELS]
    assert warehouse.restate(Slice(table, TENANT, "1", JANUARY), rows) == len(rows)


def restate_numbers(warehouse: Warehouse, table: Table, numbers: Iterable[int]) -> None:
    for number in numbers:
        restate_number(warehouse, table, number)


def query_sessions(engine: Engine, tenant: str = TENANT) -> float | None:
    answer = query_engine(engine, "ga4.traffic_channels", JANUARY.start, JANUARY.end, tenant=tenant)
    value: float | None = answer["stats"]["value"]
    return value


def check_in_use(warehouse: Warehouse, catalog: Catalog) -> None:
    """Loaded, restated and asked from many threads, with a state that is never half."""
    table, engine = catalog.tables["ga4_channels_daily"], Engine(catalog, warehouse)
    warehouse.upsert(
        table, [{"user_id": OTHER_TENANT, "date": JANUARY.start, "property_id": "1", "channel": "a", "sessions": 9}]
    )
    restate_number(warehouse, table, 1)
    one = 31 * len(CHANNELS)
    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(lambda _: query_sessions(engine), range(40))) == {one}
        written = threads.submit(restate_numbers, warehouse, table, (2, 3, 4))
        seen = set(threads.map(lambda _: query_sessions(engine), range(60)))
        written.result()
    assert seen <= {one, 2 * one, 3 * one, 4 * one}
    assert query_sessions(engine) == 4 * one
    warehouse.restate(Slice(table, TENANT, "1", Window(JANUARY.start, JANUARY.start)), [])
    assert query_sessions(engine) == 4 * (one - len(CHANNELS))
    assert query_sessions(engine, OTHER_TENANT) == 9
    assert warehouse.get_cursor(table, TENANT, "1") == JANUARY


def test_the_warehouse_in_use(warehouse: Warehouse, shipped_catalog: Catalog) -> None:
    warehouse.create_tables(shipped_catalog.tables.values())
    check_live_tables(get_shipped_folder(), shipped_catalog.tables, warehouse.engine)
    check_in_use(warehouse, shipped_catalog)
    with pytest.raises(WarehouseUnavailable, match="readonly mode; the user may only read"):
        warehouse.query("TRUNCATE TABLE ga4_channels_daily", {})


def test_tables_of_a_cluster_in_use(warehouse: Warehouse, server: ClickHouseProcess, shipped_catalog: Catalog) -> None:
    """As `ddl --cluster main` prints them, of one replica that is made by hand."""
    warehouse.driver.run(["CREATE DATABASE clustered"])
    clustered = Warehouse(server.make_url(database="clustered"))
    for table in (*shipped_catalog.tables.values(), CURSORS):
        statements = ClickHouse().emit_create_on_cluster(table, "main") if table.query is None else ()
        for statement in statements:
            alone = re.sub(
                r"Replicated(\w+)\('[^']*', '\{replica\}'(?:, )?", r"\1(", statement.replace(' ON CLUSTER "main"', "")
            )
            clustered.driver.run([alone])
    check_live_tables(get_shipped_folder(), shipped_catalog.tables, clustered.engine)
    check_in_use(clustered, shipped_catalog)
    over = "SELECT name FROM system.tables WHERE database = 'clustered' AND engine = 'Distributed' ORDER BY name"
    assert ("ga4_channels_daily",) in clustered.query(over, {})
    clustered.close()


def read_fault(url: str) -> str:
    warehouse = Warehouse(url)
    with pytest.raises(WarehouseUnavailable) as caught:
        warehouse.ping()
    warehouse.close()
    message = str(caught.value)
    assert "\n" not in message
    assert PASSWORD not in message
    return message.removeprefix("WAREHOUSE_URL: the warehouse cannot be used: ")


def test_what_is_wrong_is_said(server: ClickHouseProcess) -> None:
    wrong = read_fault(server.make_url(password="s3cret"))
    assert wrong == "Authentication failed: password is incorrect; check the user and the password"
    assert read_fault(server.make_url(database="nowhere")).endswith(
        "does not exist; make the database, or check its name"
    )


@contextmanager
def run_other_server() -> Iterator[int]:
    """The port of an HTTP server that is no ClickHouse."""
    with ThreadingHTTPServer(("127.0.0.1", 0), SilentHandler) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield listening.server_address[1]
        listening.shutdown()
        thread.join()


class SilentHandler(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        """Nobody reads it."""


def test_another_server_is_not_taken_for_clickhouse() -> None:
    with run_other_server() as port:
        told = read_fault(f"clickhouse://me:s3cret@127.0.0.1:{port}/default")
    assert told == "what answers there is not ClickHouse (HTTP status 501); check the host and the port"


def test_a_server_that_comes_back_is_answered_from_again(
    server: ClickHouseProcess, shipped_catalog: Catalog, caplog: pytest.LogCaptureFixture
) -> None:
    warehouse = Warehouse(server.make_url())
    warehouse.ping()
    server.stop()
    for _ in range(2):
        with pytest.raises(WarehouseUnavailable, match="; check the host, the port and that the server runs"):
            warehouse.ping()
    server.start()
    warehouse.ping()
    table = shipped_catalog.tables["ga4_daily"]
    warehouse.upsert(table, [{"user_id": TENANT, "date": JANUARY.start, "property_id": "1", "sessions": 5}])
    assert warehouse.has_rows(table, TENANT)
    server.stop()
    with pytest.raises(WarehouseUnavailable):
        warehouse.has_rows(table, TENANT)
    assert not caplog.records, "the driver's own words name the tenant"
    warehouse.close()
