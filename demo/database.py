"""The demo's database: two years of every demo tenant, made anew when the days have moved on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from demo.history import generate_history
from demo.providers.demo_world import make_credentials
from demo.tenants import EVERYTHING, TENANTS, DemoTenant
from engine import Catalog, Slice, Table, Warehouse, Window
from state import State

SETTING = "demo"
DAYS = 730


class DemoDatabase:
    """A state and a warehouse that hold the demo, with the tables that a catalog declares."""

    def __init__(
        self, state: State, warehouse: Warehouse, catalog: Catalog, *, days: int = DAYS, own: bool = True
    ) -> None:
        """`own` where no rows but the demo's are in the warehouse."""
        self.state = state
        self.warehouse = warehouse
        self.days = days
        self.own = own
        self.tables = {name: table for name, table in catalog.tables.items() if table.query is None}

    def is_current(self, until: date) -> bool:
        """Whether the history ends with `until` and the tables are as they are declared now.

        Raises StateUnavailable or WarehouseUnavailable.
        """
        return bool(self.state.app_settings.get(SETTING) == self.make_mark(until)) and any(
            map(self.has_rows, self.tables.values())
        )

    def has_rows(self, table: Table) -> bool:
        """Whether the warehouse has rows of the demo: it may be another one than the last time."""
        return self.warehouse.has_rows(table, EVERYTHING.user_id)

    def fill(self, until: date) -> Iterator[DemoTenant]:
        """Make what is missing or outdated; gives each tenant once its history up to `until` is in.

        The accounts are connected the first time only: what a user changes later stays. Stopped half-way, it is
        done again the next time. Raises StateUnavailable or WarehouseUnavailable.
        """
        before: dict[str, Any] = self.state.app_settings.get(SETTING) or {}
        # A demo of an earlier release had accounts that no sync could read.
        if not before.get("connected"):
            self.connect_accounts()
        elif self.own and before.get("tables") != self.hash_layout():
            # They may lack a column that is declared by now; only the demo's rows are in them.
            self.warehouse.drop_tables(self.tables.values())
        # Until the end it is of no day.
        self.state.app_settings.set(SETTING, {"connected": True})
        self.warehouse.create_tables(self.tables.values())
        for tenant in TENANTS:
            self.fill_tenant(tenant, until)
            self.state.tenants.advance_data_version(tenant.user_id)
            yield tenant
        self.state.app_settings.set(SETTING, self.make_mark(until))

    def connect_accounts(self) -> None:
        """Connect every account with what the stand-ins take. Raises NoEncryptionKey."""
        for tenant in TENANTS:
            for account in tenant.accounts:
                self.state.connections.put(tenant.user_id, account.source, account.id, make_credentials(account))

    def fill_tenant(self, tenant: DemoTenant, until: date) -> None:
        """Restate the history of each account, so that a sync goes on from `until`."""
        days = Window(until - timedelta(days=self.days - 1), until)
        for name, history in generate_history(tenant, until=until, days=self.days).items():
            table = self.tables.get(name)
            if table is None:
                continue
            if table.account_column is None:
                self.warehouse.replace_tenant_rows(
                    table, tenant.user_id, [select_columns(table, row) for row in history]
                )
                continue
            for account in tenant.accounts:
                own = [select_columns(table, row) for row in history if row[table.account_column.name] == account.id]
                if account.source == table.source:
                    self.warehouse.restate(Slice(table, tenant.user_id, account.id, days), own)

    def make_mark(self, until: date) -> dict[str, Any]:
        return {"through": until.isoformat(), "tables": self.hash_layout(), "connected": True}

    def hash_layout(self) -> str:
        """A digest that changes with the declaration of any table."""
        statements = (self.warehouse.dialect.emit_create_table(table) for table in self.tables.values())
        return hashlib.sha256("\n".join(statements).encode()).hexdigest()[:16]


def select_columns(table: Table, row: dict[str, object]) -> dict[str, object]:
    """The row without the columns that the table does not have."""
    return {name: value for name, value in row.items() if name in table.columns}
