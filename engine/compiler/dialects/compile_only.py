"""Dialects that are written and read back, and that nothing here runs: their SQL is for another tool to run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlglot import exp

from engine.compiler.dialects.base import Dialect
from engine.compiler.dialects.expressions import EmitNode


class CompileOnlyDialect(Dialect):
    """Parameters are written `:name`, and `slots` is JSON: [[slot, "2025-01-31"], …]."""

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
        """LIKE where a backslash in the pattern would be an escape, and one in a literal too."""
        word = "NOT LIKE" if node.args.get("negate") else "LIKE"
        pattern = sql(node.expression)
        return rf"{sql(node.this)} {word} REPLACE({pattern}, '\\', '\\\\')"
