"""Dialects of which the SQL is written and read back, for another tool to run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlglot import exp

from engine.compiler.dialects.base import Dialect
from engine.compiler.dialects.expressions import EmitNode


class CompileOnlyDialect(Dialect):
    """A dialect with parameters `:name` and `slots` as JSON: [[slot, "2025-01-31"], …]."""

    def emit_parameter(self, parameter: str) -> str:
        return f":{parameter}"

    def bind_day(self, day: date) -> Any:
        return day.isoformat()

    def format_day(self, day: Any) -> str:
        return str(day)

    def bind_tenant_id(self, tenant: str) -> Any:
        return tenant

    def bind_slots(self, slots: Sequence[tuple[int, date]]) -> Any:
        return json.dumps([(slot, day.isoformat()) for slot, day in slots])

    def bind_value(self, value: Any, type_name: str) -> Any:
        return value

    def emit_materialized(self) -> str:
        return ""

    def emit_escaped_like(self, node: exp.Expr, sql: EmitNode) -> str:
        """Write LIKE where a backslash would be an escape in a pattern and in a literal."""
        word = "NOT LIKE" if node.args.get("negate") else "LIKE"
        pattern = sql(node.expression)
        return rf"{sql(node.this)} {word} REPLACE({pattern}, '\\', '\\\\')"
