"""Snowflake: written, not run here."""

from __future__ import annotations

from typing import ClassVar

from engine.compiler.dialects.compile_only import CompileOnlyDialect
from engine.tables import Table

TYPES = {
    "uuid": "VARCHAR",
    "text": "VARCHAR",
    "date": "DATE",
    "timestamp": "TIMESTAMP_NTZ",
    "timestamptz": "TIMESTAMP_TZ",
    "boolean": "BOOLEAN",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "double": "DOUBLE",
    "numeric": "NUMBER(38, 9)",
}


class Snowflake(CompileOnlyDialect):
    name: ClassVar[str] = "snowflake"
    title: ClassVar[str] = "Snowflake"
    double_type: ClassVar[str] = "DOUBLE"
    weekday_field: ClassVar[str] = "DAYOFWEEKISO"

    def emit_slots(self) -> str:
        pairs = f"TABLE(FLATTEN(INPUT => PARSE_JSON({self.emit_parameter('slots')}))) AS f"
        return f"SELECT CAST(f.value[0] AS INT) AS slot, CAST(f.value[1] AS DATE) AS day FROM {pairs}"

    def emit_column_type(self, type_name: str) -> str:
        return TYPES[type_name]

    def emit_create_table(self, table: Table) -> str:
        order = ", ".join(self.quote_identifier(table.columns[name].physical) for name in (table.tenant, table.time))
        return f"{self.emit_keyed_table(table)}\nCLUSTER BY ({order})"
