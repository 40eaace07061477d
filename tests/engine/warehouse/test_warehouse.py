"""The door to the fact tables: what a failed read leaves behind, and threads."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine.errors import InvalidSetting, WarehouseUnavailable
from engine.warehouse.warehouse import Warehouse


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "facts.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE facts (name TEXT)")
        other.executemany("INSERT INTO facts VALUES (?)", [("a",), ("b",)])
    other.close()
    return path


@pytest.fixture
def warehouse(path: Path) -> Iterator[Warehouse]:
    warehouse = Warehouse(f"sqlite:///{path}")
    yield warehouse
    warehouse.close()


def execute_statement(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as other:
        other.execute(statement)
    other.close()


def test_a_read_that_fails_half_way_leaves_no_old_picture(path: Path, warehouse: Warehouse) -> None:
    execute_statement(path, "INSERT INTO facts VALUES (CAST(x'fffe' AS TEXT))")
    with pytest.raises(WarehouseUnavailable) as caught:
        warehouse.query("SELECT name FROM facts", {})
    execute_statement(path, "INSERT INTO facts VALUES ('c')")
    # The error, and with it the cursor that met it, is still held.
    assert caught.value
    assert warehouse.query("SELECT COUNT(*) FROM facts", {}) == [(4,)]


def test_each_thread_reads_what_others_have_written(path: Path, warehouse: Warehouse) -> None:
    def count(_: int) -> int:
        return int(warehouse.query("SELECT COUNT(*) FROM facts", {})[0][0])

    with ThreadPoolExecutor(40) as threads:
        assert set(threads.map(count, range(400))) == {2}
        execute_statement(path, "INSERT INTO facts VALUES ('c')")
        assert set(threads.map(count, range(400))) == {3}


def test_a_closed_warehouse_opens_again(warehouse: Warehouse) -> None:
    warehouse.ping()
    warehouse.close()
    warehouse.ping()


@pytest.mark.parametrize("url", ["", "facts.db", "oracle://host/db", "postgresql://x:y@host:port/db"])
def test_a_url_that_is_none_of_ours_is_named(url: str) -> None:
    with pytest.raises(InvalidSetting, match=r"^WAREHOUSE_URL"):
        Warehouse(url)
