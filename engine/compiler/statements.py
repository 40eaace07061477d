"""Plans → statements: compiled once, checked by the tenant guard, and kept with their plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from engine.compiler.builder import StatementBuilder
from engine.compiler.dialects.base import Dialect
from engine.compiler.filters import FilterShape
from engine.compiler.plan import ItemsScan, LabelScan, Plan, Scan
from engine.compiler.tenant_guard import check_tenant_predicates
from engine.tables import Table

# Of one plan. A scan has a text for each set of filtered dimensions, times the few sizes of their lists.
MAX_STATEMENTS = 4_096
# Of tables.
MAX_ROW_DAYS_STATEMENTS = 1_024

Filters = tuple[FilterShape, ...]


class StatementCompiler:
    """Compiles a catalog's statements for one dialect; each one passes the tenant guard."""

    def __init__(self, dialect: Dialect, tables: Iterable[Table]) -> None:
        self.builder = StatementBuilder(dialect)
        self.dialect = dialect
        self.get_row_days_sql = lru_cache(MAX_ROW_DAYS_STATEMENTS)(self.compile_row_days)
        self.tenant_columns = collect_tenant_columns(tables)

    def compile_scan(self, scan: Scan, range_count: int, filters: Filters = (), ends: tuple[Table, ...] = ()) -> str:
        """Compile a scan whose days lie in one range or in two, with the first and the last days of some tables.

        Raises UncoveredScan.
        """
        return self.check_statement(self.builder.emit_scan(scan, range_count, filters, ends))

    def compile_items(self, scan: ItemsScan, filters: Filters = ()) -> str:
        """Compile a list of items. Raises UncoveredScan."""
        return self.check_statement(self.builder.emit_items(scan, filters))

    def compile_labels(self, scan: LabelScan, range_count: int, filters: Filters = ()) -> str:
        """Compile the labels of members whose days lie in one range or in two. Raises UncoveredScan."""
        return self.check_statement(self.builder.emit_labels(scan, range_count, filters))

    def compile_row_days(self, table: Table) -> str:
        """Compile the first and the last day with rows of a physical table. Raises UncoveredScan."""
        return self.check_statement(self.builder.emit_row_days(table))

    def check_statement(self, sql: str) -> str:
        check_tenant_predicates(sql, self.tenant_columns, self.dialect.name)
        return sql


class CompiledPlan:
    """A plan with the statements that have been compiled so far; those with filters are few, and the newest stay."""

    def __init__(self, plan: Plan, statements: StatementCompiler) -> None:
        self.plan = plan
        self.statements = statements
        self.get_scan_sql = lru_cache(MAX_STATEMENTS)(statements.compile_scan)
        self.get_items_sql = lru_cache(MAX_STATEMENTS)(statements.compile_items)
        self.get_labels_sql = lru_cache(MAX_STATEMENTS)(statements.compile_labels)


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
