"""Snowflake: written, not run here."""

from __future__ import annotations

from typing import ClassVar

from engine.compiler.dialects.compile_only import Unexecuted
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


class Snowflake(Unexecuted):
    name: ClassVar[str] = "snowflake"
    title: ClassVar[str] = "Snowflake"
    double_type: ClassVar[str] = "DOUBLE"
    weekday_field: ClassVar[str] = "DAYOFWEEKISO"

    def slots(self) -> str:
        pairs = f"TABLE(FLATTEN(INPUT => PARSE_JSON({self.bind('slots')}))) AS f"
        return f"SELECT CAST(f.value[0] AS INT) AS slot, CAST(f.value[1] AS DATE) AS day FROM {pairs}"

    def column_type(self, type_name: str) -> str:
        return TYPES[type_name]

    def create_table(self, table: Table) -> str:
        order = ", ".join(self.identifier(table.columns[name].physical) for name in (table.tenant, table.time))
        return f"{self.keyed_table(table)}\nCLUSTER BY ({order})"
