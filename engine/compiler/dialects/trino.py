"""Trino, over Iceberg: written, not run here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from engine.compiler.dialects.compile_only import CompileOnlyDialect
from engine.language.function_templates import FunctionSql, make_null_skipping, make_percentiles
from engine.tables import Table

TYPES = {
    "uuid": "UUID",
    "text": "VARCHAR",
    "date": "DATE",
    "timestamp": "TIMESTAMP(6)",
    "timestamptz": "TIMESTAMP(6) WITH TIME ZONE",
    "boolean": "BOOLEAN",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "double": "DOUBLE",
    "numeric": "DECIMAL(38, 9)",
}
PLACE = "{1} * (CARDINALITY(v) - 1)"
PERCENTILE_OF_VALUES = (
    "ELEMENT_AT(TRANSFORM(ARRAY[ARRAY_SORT(ARRAY_AGG({0}) FILTER (WHERE {0} IS NOT NULL))], v -> "
    f"ELEMENT_AT(v, CAST(FLOOR({PLACE}) AS INTEGER) + 1) + ({PLACE} - FLOOR({PLACE})) * "
    f"(ELEMENT_AT(v, CAST(CEIL({PLACE}) AS INTEGER) + 1) - ELEMENT_AT(v, CAST(FLOOR({PLACE}) AS INTEGER) + 1))), 1)"
)


class Trino(CompileOnlyDialect):
    name: ClassVar[str] = "trino"
    title: ClassVar[str] = "Trino"
    double_type: ClassVar[str] = "DOUBLE"
    weekday_field: ClassVar[str] = "DOW"
    function_sql: ClassVar[Mapping[str, FunctionSql | None]] = {
        "greatest": make_null_skipping("GREATEST"),
        "least": make_null_skipping("LEAST"),
        # Its own is approximate: from the values in order, those on both sides of the part.
        **make_percentiles(PERCENTILE_OF_VALUES),
    }

    def emit_tenant_parameter(self, type_name: str) -> str:
        return f"CAST({self.emit_parameter('tenant')} AS {TYPES[type_name]})"

    def emit_slots(self) -> str:
        pairs = f"CAST(JSON_PARSE({self.emit_parameter('slots')}) AS ARRAY(ROW(slot INTEGER, day DATE)))"
        return f"SELECT p.slot AS slot, p.day AS day FROM UNNEST({pairs}) AS p (slot, day)"

    def emit_text(self, sql: str) -> str:
        return f"CAST({sql} AS VARCHAR)"

    def emit_truncation(self, sql: str) -> str:
        return f"TRUNCATE({sql})"

    def emit_column_type(self, type_name: str) -> str:
        return TYPES[type_name]

    def emit_create_table(self, table: Table) -> str:
        tenant, day = (table.columns[name].physical for name in (table.tenant, table.time))
        lines = ",\n".join(f"  {line}" for line in self.emit_column_definitions(table))
        layout = f"partitioning = ARRAY['bucket({tenant}, 64)', 'month({day})'], sorted_by = ARRAY['{tenant}', '{day}']"
        return f"CREATE TABLE IF NOT EXISTS {self.quote_identifier(table.physical)} (\n{lines}\n)\nWITH ({layout})"
