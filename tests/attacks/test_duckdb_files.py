"""Tables whose names are files of the working folder, on DuckDB: they name no table."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from engine.answer.engine import Engine
from engine.answer.fetch import RequestContext
from engine.catalog.catalog import load_catalog
from engine.errors import WarehouseUnavailable
from engine.query import MetricQuery
from engine.warehouse.warehouse import Warehouse
from tests.conftest import TENANT

pytestmark = pytest.mark.server

METRICS = """\
source: ga4
table: facts
tables:
  facts:
    time: date
    name: secrets.csv
    key: [user_id, date]
    columns: {user_id: uuid, date: date, sessions: bigint}
metrics:
  ga4.stolen: sum(sessions)
"""
DAY = date(2026, 11, 1)
FORBIDDEN = (
    "SELECT * FROM '{folder}/secrets.csv'",
    "SELECT * FROM read_csv('{folder}/secrets.csv')",
    "COPY (SELECT 1) TO '{folder}/made.csv'",
    "ATTACH '{folder}/other.duckdb'",
    "SET GLOBAL memory_limit = '1GB'",
)


def test_a_file_is_no_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("secrets.csv").write_text(f"user_id,date,sessions\n{TENANT},{DAY},1000003\n")
    Path("mine").mkdir()
    Path("mine/ga4.yaml").write_text(METRICS)
    warehouse = Warehouse("duckdb:///facts.duckdb")
    engine = Engine(load_catalog(Path("mine")), warehouse)
    context = RequestContext(tenant=TENANT, connected=frozenset({"ga4"}))
    with pytest.raises(WarehouseUnavailable):
        engine.query("ga4.stolen", MetricQuery(DAY, DAY), context)
    warehouse.close()


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_no_statement_reaches_out_of_the_database(tmp_path: Path, statement: str) -> None:
    (tmp_path / "secrets.csv").write_text("a,b\n1,2\n")
    warehouse = Warehouse(f"duckdb:///{tmp_path}/facts.duckdb")
    with pytest.raises(WarehouseUnavailable):
        warehouse.query(statement.format(folder=tmp_path), {})
    assert not (tmp_path / "made.csv").exists()
    warehouse.close()
