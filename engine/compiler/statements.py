"""Plans → statements: written once, looked at a second time, and kept with their plan."""

from __future__ import annotations

from collections.abc import Iterable

from engine.compiler.builder import Builder
from engine.compiler.dialects.base import Dialect
from engine.compiler.plan import ItemsScan, Plan, Scan
from engine.compiler.tenant_guard import check_covered
from engine.tables import Table


class Statements:
    """Writes the statements of one catalog in one dialect. No text leaves here that the second look has not passed."""

    def __init__(self, dialect: Dialect, tables: Iterable[Table]) -> None:
        self.builder = Builder(dialect)
        self.dialect = dialect
        self.tenants = {table.physical: table.columns[table.tenant].physical for table in tables if table.query is None}

    def scan(self, scan: Scan, ranges: int) -> str:
        """The statement of a scan whose days lie in one range or in two. Raises UncoveredScan."""
        return self.checked(self.builder.scan(scan, ranges))

    def items(self, scan: ItemsScan) -> str:
        """The statement of a list of items. Raises UncoveredScan."""
        return self.checked(self.builder.items(scan))

    def checked(self, sql: str) -> str:
        check_covered(sql, self.tenants, self.dialect.name)
        return sql


class PreparedPlan:
    """A plan with the statements that have been asked of it so far."""

    def __init__(self, plan: Plan, statements: Statements) -> None:
        self.plan = plan
        self.statements = statements
        self._scans: dict[tuple[Scan, int], str] = {}
        self._items: dict[ItemsScan, str] = {}

    def scan(self, scan: Scan, ranges: int) -> str:
        text = self._scans.get((scan, ranges))
        if text is None:
            text = self._scans[(scan, ranges)] = self.statements.scan(scan, ranges)
        return text

    def items(self, scan: ItemsScan) -> str:
        text = self._items.get(scan)
        if text is None:
            text = self._items[scan] = self.statements.items(scan)
        return text
