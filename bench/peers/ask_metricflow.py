"""MetricFlow, by `MetricFlowEngine.query`: `python -m bench.peers.ask_metricflow FILE`.

A client of its own passes the statements to the driver, which is less than what dbt's adapter does.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import duckdb
from metricflow.data_table.mf_table import MetricFlowDataTable
from metricflow.engine.metricflow_engine import MetricFlowEngine, MetricFlowQueryRequest
from metricflow.protocols.sql_client import SqlEngine
from metricflow.sql.render.duckdb_renderer import DuckDbSqlPlanRenderer
from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup
from metricflow_semantics.test_helpers.manifest_helpers import mf_load_manifest_from_yaml_directory

from bench.peers.asking import answer_by_days, answer_rounds

MANIFEST = """\
---
semantic_model:
  name: ga4_daily
  node_relation: {schema_name: main, alias: ga4_daily}
  defaults: {agg_time_dimension: date}
  primary_entity: day
  measures:
    - {name: sessions, agg: sum, create_metric: true}
  dimensions:
    - {name: date, type: time, type_params: {time_granularity: day}}
    - {name: user_id, type: categorical}
---
project_configuration:
  time_spine_table_configurations: []
  time_spines:
    - node_relation: {alias: spine, schema_name: main}
      primary_column: {name: day, time_granularity: day}
"""


class DirectClient:
    """Runs MetricFlow's statements on one connection: all of its protocol of clients that a query needs."""

    sql_engine_type = SqlEngine.DUCKDB
    sql_plan_renderer = DuckDbSqlPlanRenderer()

    def __init__(self, file: str) -> None:
        self.connection = duckdb.connect(file, read_only=True)

    def query(self, stmt: str, sql_bind_parameter_set: object = None) -> Any:
        found = self.connection.execute(stmt)
        names = [column[0] for column in found.description]
        return MetricFlowDataTable.create_from_rows(column_names=names, rows=found.fetchall())


def load_engine(file: str) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "manifest.yaml").write_text(MANIFEST, encoding="utf-8")
        manifest = mf_load_manifest_from_yaml_directory(Path(folder), {})
    return MetricFlowEngine(SemanticManifestLookup(manifest), DirectClient(file))


def main(file: str) -> None:
    engine = load_engine(file)

    def read_days(tenant: str, first: date, last: date) -> Iterator[tuple[date, Any]]:
        request = MetricFlowQueryRequest.create(
            metric_names=["sessions"],
            group_by_names=["metric_time__day"],
            time_constraint_start=datetime.combine(first, time()),
            time_constraint_end=datetime.combine(last, time()),
            where_constraints=[f"{{{{ Dimension('day__user_id') }}}} = '{tenant}'"],
        )
        return ((day.date(), value) for day, value in engine.query(request).result_df.rows)

    answer_rounds(answer_by_days(read_days))


if __name__ == "__main__":
    main(sys.argv[1])
