"""Dialects that are written and read back, and that nothing here runs: their SQL is for another tool to run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlglot import exp

from engine.compiler.dialects.base import Dialect
from engine.compiler.dialects.expressions import Write


class Unexecuted(Dialect):
    """Parameters are written `:name`, and `slots` is JSON: [[slot, "2025-01-31"], …]."""

    def bind(self, parameter: str) -> str:
        return f":{parameter}"

    def day(self, day: date) -> Any:
        return day.isoformat()

    def iso(self, day: Any) -> str:
        return str(day)

    def tenant(self, tenant: str) -> Any:
        return tenant

    def slots_parameter(self, slots: Sequence[tuple[int, date]]) -> Any:
        return json.dumps([(slot, day.isoformat()) for slot, day in slots])

    def value(self, value: Any, type_name: str) -> Any:
        return value

    def materialized(self) -> str:
        return ""

    def escaping_like(self, node: exp.Expr, sql: Write) -> str:
        """LIKE where a backslash in the pattern would be an escape, and one in a literal too."""
        word = "NOT LIKE" if node.args.get("negate") else "LIKE"
        pattern = sql(node.expression)
        return rf"{sql(node.this)} {word} REPLACE({pattern}, '\\', '\\\\')"
