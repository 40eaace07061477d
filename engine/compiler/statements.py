"""Plans → statements: compiled once, checked by the tenant guard, and kept with their plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engine.compiler.builder import StatementBuilder
from engine.compiler.dialects.base import Dialect
from engine.compiler.plan import ItemsScan, Plan, Scan
from engine.compiler.tenant_guard import check_tenant_predicates
from engine.tables import Table


class StatementCompiler:
    """Compiles a catalog's statements for one dialect; each one passes the tenant guard."""

    def __init__(self, dialect: Dialect, tables: Iterable[Table]) -> None:
        self.builder = StatementBuilder(dialect)
        self.dialect = dialect
        self.tenant_columns = collect_tenant_columns(tables)

    def compile_scan(self, scan: Scan, range_count: int) -> str:
        """Compile a scan whose days lie in one range or in two. Raises UncoveredScan."""
        return self.check_statement(self.builder.emit_scan(scan, range_count))

    def compile_items(self, scan: ItemsScan) -> str:
        """Compile a list of items. Raises UncoveredScan."""
        return self.check_statement(self.builder.emit_items(scan))

    def check_statement(self, sql: str) -> str:
        check_tenant_predicates(sql, self.tenant_columns, self.dialect.name)
        return sql


class CompiledPlan:
    """A plan with the statements that have been compiled so far."""

    def __init__(self, plan: Plan, statements: StatementCompiler) -> None:
        self.plan = plan
        self.statements = statements
        self._scans: dict[tuple[Scan, int], str] = {}
        self._items: dict[ItemsScan, str] = {}

    def get_scan_sql(self, scan: Scan, range_count: int) -> str:
        text = self._scans.get((scan, range_count))
        if text is None:
            text = self._scans[(scan, range_count)] = self.statements.compile_scan(scan, range_count)
        return text

    def get_items_sql(self, scan: ItemsScan) -> str:
        text = self._items.get(scan)
        if text is None:
            text = self._items[scan] = self.statements.compile_items(scan)
        return text


def collect_tenant_columns(tables: Iterable[Table]) -> Mapping[str, str]:
    """Return the tenant's column of each physical table.

    No declaration is believed rather than another: a table with two tenant columns has none, so that no scan passes.
    """
    physical = [table for table in tables if table.query is None]
    return {
        table.physical: table.tenant_column
        for table in physical
        if all(table.tenant_column == other.tenant_column for other in physical if table.may_share_rows(other))
    }
