"""The demo's database: two years of data for every demo tenant, renewed every day."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from demo.history import generate_history
from demo.providers.demo_world import make_credentials
from demo.tenants import EVERYTHING, NO_DATA, TENANTS, DemoTenant
from engine import Catalog, Slice, Table, Warehouse, Window
from state import State

SETTING = "demo"
DAYS = 730


class DemoDatabase:
    """The demo's data in a state database and a warehouse, in the tables of a catalog."""

    def __init__(
        self, state: State, warehouse: Warehouse, catalog: Catalog, *, days: int = DAYS, own: bool = True
    ) -> None:
        """`own` means that the warehouse holds only the demo's rows."""
        self.state = state
        self.warehouse = warehouse
        self.days = days
        self.own = own
        self.tables = {name: table for name, table in catalog.tables.items() if table.query is None}

    def is_current(self, until: date) -> bool:
        """Whether the history ends with `until` and the tables have their current declarations.

        Raises StateUnavailable or WarehouseUnavailable.
        """
        return bool(self.state.app_settings.get(SETTING) == self.make_mark(until)) and any(
            map(self.has_rows, self.tables.values())
        )

    def has_rows(self, table: Table) -> bool:
        """Whether the table has rows of the demo; the warehouse may be another one than last time."""
        return self.warehouse.has_rows(table, EVERYTHING.user_id)

    def fill(self, until: date) -> Iterator[DemoTenant]:
        """Create what is missing or outdated; yields each tenant once its history is loaded.

        Accounts are connected only the first time, so that later changes by a user are kept. If it is interrupted, the
        next call starts again. Raises StateUnavailable or WarehouseUnavailable.
        """
        before: dict[str, Any] = self.state.app_settings.get(SETTING) or {}
        # Earlier releases connected the demo's accounts without credentials.
        if not before.get("connected"):
            self.connect_accounts()
        elif self.own:
            self.warehouse.drop_tables(self.list_outdated_tables(before.get("tables")))
        self.warehouse.create_tables(self.tables.values())
        # The mark has no day until all tenants are loaded, so that an interrupted fill is repeated.
        self.state.app_settings.set(SETTING, {"tables": self.hash_layouts(), "connected": True})
        for tenant in TENANTS:
            self.fill_tenant(tenant, until)
            self.state.tenants.advance_data_version(tenant.user_id)
            yield tenant
        self.state.app_settings.set(SETTING, self.make_mark(until))

    def connect_accounts(self) -> None:
        """Connect every account with the stand-ins' credentials. Raises NoEncryptionKey."""
        for tenant in TENANTS:
            for account in tenant.accounts:
                self.state.connections.put(tenant.user_id, account.source, account.id, make_credentials(account))

    def fill_tenant(self, tenant: DemoTenant, until: date) -> None:
        """Restate the history of each account, so that a sync continues from `until`."""
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
        return {"through": until.isoformat(), "tables": self.hash_layouts(), "connected": True}

    def list_outdated_tables(self, before: object) -> list[Table]:
        """List the tables that the demo fills and that may lack a column, as they were `before` declared otherwise.

        Other tables are the analyst's own, and hold what was loaded.
        """
        known = before if isinstance(before, dict) else {}
        filled = generate_history(NO_DATA, until=date.max, days=1)
        return [
            self.tables[name]
            for name, digest in self.hash_layouts().items()
            if name in filled and known.get(name) != digest
        ]

    def hash_layouts(self) -> dict[str, str]:
        """Return a digest for each table, which changes with its declaration."""
        statements = {name: self.warehouse.dialect.emit_create_table(table) for name, table in self.tables.items()}
        return {name: hashlib.sha256(text.encode()).hexdigest()[:16] for name, text in statements.items()}


def select_columns(table: Table, row: dict[str, object]) -> dict[str, object]:
    """Return the row with only the table's columns."""
    return {name: value for name, value in row.items() if name in table.columns}
