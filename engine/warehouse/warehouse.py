"""The fact tables: one interface to whichever database has them."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

import sqlalchemy

from engine.calendar import Window
from engine.errors import LayoutMismatch, WarehouseTimeout, WarehouseUnavailable
from engine.slices import CURSORS, DayTotals, Slice
from engine.tables import Table
from engine.warehouse.drivers.base import Condition, limit_seconds
from engine.warehouse.drivers.open import open_driver

BATCH_ROWS = 500


class Warehouse:
    """Reads and fills the fact tables of one database. Safe to share between threads."""

    def __init__(self, url: str, *, setting: str = "WAREHOUSE_URL") -> None:
        """Open nothing yet; `setting` names where the URL is from. Raises InvalidSetting."""
        self.setting = setting
        self.driver = open_driver(url, setting)
        self.dialect = self.driver.dialect
        self._observer: Callable[[float], None] = ignore_seconds
        self._existing_tables: set[str] = set()

    @property
    def is_ours(self) -> bool:
        """Whether the installation owns the layout: an embedded file, or the state tables' database."""
        return self.driver.embedded or self.setting == "DATABASE_URL"

    @property
    def engine(self) -> sqlalchemy.Engine:
        """SQLAlchemy's engine for the database."""
        return self.driver.engine

    def query(self, sql: str, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """Return the rows of a statement. Raises WarehouseUnavailable, after the deadline at once."""
        if limit_seconds(math.inf) <= 0:
            raise WarehouseTimeout(f"{self.setting}: no time is left for another statement; ask for fewer days")
        began = time.perf_counter()
        try:
            return self.driver.query(sql, parameters)
        except self.driver.errors as error:
            raise self.build_unavailable_error(error) from error
        finally:
            self._observer(time.perf_counter() - began)

    def observe_queries(self, observer: Callable[[float], None]) -> None:
        """Call `observer` with the seconds of each query from now on, failed ones too."""
        self._observer = observer

    def ping(self) -> None:
        """Raise WarehouseUnavailable when the database does not answer."""
        self.query("SELECT 1", {})

    def create_tables(self, tables: Iterable[Table]) -> None:
        """Create the missing physical tables as they are declared, and the engine's own."""
        physical = [table for table in (*tables, CURSORS) if table.query is None]
        with self._translate_errors():
            self.driver.run(self.dialect.emit_create_table(table) for table in physical)

    def drop_tables(self, tables: Iterable[Table]) -> None:
        """Drop physical tables with all of their rows."""
        names = [self.dialect.quote_identifier(table.physical) for table in tables if table.query is None]
        with self._translate_errors():
            self.driver.run(f"DROP TABLE IF EXISTS {name}" for name in names)
        self._existing_tables.clear()

    def upsert(self, table: Table, rows: Iterable[Mapping[str, Any]]) -> int:
        """Insert rows, all or none, and return their number; a row replaces the one with its key.

        A missing table is created first, here and in the methods below. Raises WarehouseUnavailable.
        """
        return self._write_rows(table, rows)

    def replace_tenant_rows(self, table: Table, tenant: str, rows: Iterable[Mapping[str, Any]]) -> int:
        """Replace all rows of the tenant by these, and return their number."""
        condition = Condition(
            self.dialect.emit_tenant_condition(table), {"tenant": self.dialect.bind_tenant_id(tenant)}
        )
        return self._write_rows(table, rows, instead_of=condition)

    def restate(self, slice_: Slice, rows: Iterable[Mapping[str, Any]]) -> int:
        """Replace the slice's rows and move its cursor, in one step; return the number of rows.

        The rows lie within the slice's days and lack its tenant and account, which are added here: rows of others
        cannot be reached. Raises ValueError for a row of another day, and WarehouseUnavailable.
        """
        table = slice_.table
        fixed = {table.tenant: slice_.tenant} | (
            {table.account_column.name: slice_.account} if table.account_column else {}
        )

        def iter_whole_rows() -> Iterator[Mapping[str, Any]]:
            for row in rows:
                if not slice_.days.start <= row[table.time] <= slice_.days.end:
                    raise ValueError(f"a row of {table.name} lies outside its slice")
                yield {**row, **fixed}

        condition = Condition(self.dialect.emit_slice_condition(table), self.dialect.bind_slice(slice_))
        return self._write_rows(table, iter_whole_rows(), instead_of=condition, moves=slice_)

    def _write_rows(
        self,
        table: Table,
        rows: Iterable[Mapping[str, Any]],
        *,
        instead_of: Condition | None = None,
        moves: Slice | None = None,
    ) -> int:
        count = 0

        def iter_counted_batches() -> Iterator[list[Mapping[str, Any]]]:
            nonlocal count
            for batch in iter_batches(rows):
                count += len(batch)
                yield batch

        self._ensure_tables((table, CURSORS) if moves else (table,))
        with self._translate_errors():
            self.driver.write(table, iter_counted_batches(), instead_of=instead_of, moves=moves)
        return count

    def _ensure_tables(self, tables: Sequence[Table]) -> None:
        """Create missing tables to write to; where none is missing, no right to create is needed."""
        missing = [table for table in tables if self._is_missing(table)]
        if missing:
            with self._translate_errors():
                self.driver.run(self.dialect.emit_create_table(table) for table in missing)
        self._existing_tables.update(table.physical for table in tables)

    def _is_missing(self, table: Table) -> bool:
        return table.physical not in self._existing_tables and not self._has_table(table)

    def _has_table(self, table: Table) -> bool:
        try:
            self.driver.query(self.dialect.emit_select(table, (table.tenant,), "1 = 0"), {})
        except self.driver.errors as error:
            if not self.driver.is_missing_table(error):
                raise self.build_unavailable_error(error) from error
            return False
        return True

    def has_rows(self, table: Table, tenant: str, *, account: str | None = None) -> bool:
        """Whether the table exists and has a row of the tenant, or of its account; '' are the rows without one.

        Raises WarehouseUnavailable.
        """
        conditions = self._build_account_conditions(table, tenant, None if account is None else [account])
        if not conditions or not self._has_table(table):
            return False
        sql = f"{self.dialect.emit_select(table, (table.tenant,), conditions[0].sql)} LIMIT 1"
        return bool(self.query(sql, conditions[0].parameters))

    def count_rows(self, table: Table, tenant: str, accounts: Collection[str] | None = None) -> int:
        """Count the tenant's rows, or those of its accounts. Raises WarehouseUnavailable."""
        if not self._has_table(table):
            return 0
        conditions = self._build_account_conditions(table, tenant, accounts)
        name = self.dialect.quote_identifier(table.physical)
        found = [self.query(f"SELECT COUNT(*) FROM {name} WHERE {each.sql}", each.parameters) for each in conditions]
        return sum(int(row[0]) for rows in found for row in rows)

    def sum_days(
        self, table: Table, tenant: str, days: Window, columns: Sequence[str]
    ) -> Iterator[tuple[str, date, DayTotals]]:
        """Yield account and day, and the totals of the tenant's rows of them. Raises WarehouseUnavailable."""
        quote = self.dialect.quote_identifier
        condition = f"{self.dialect.emit_tenant_condition(table)} AND {self.dialect.emit_days_condition(table)}"
        names = [table.columns[name].physical for name in columns]
        account = f"{quote(table.account_column.physical)}, " if table.account_column else ""
        currency = "1 = 1" if table.currency is None else f"{quote(table.columns[table.currency].physical)} IS NULL"
        keys = f"{account}{quote(table.columns[table.time].physical)}"
        totals = [
            "COUNT(*)",
            f"SUM(CASE WHEN {currency} THEN 1 ELSE 0 END)",
            *(f"SUM({quote(name)})" for name in names),
        ]
        sql = f"SELECT {keys}, {', '.join(totals)} FROM {quote(table.physical)} WHERE {condition} GROUP BY {keys}"
        bounds = {"start": self.dialect.bind_day(days.start), "end": self.dialect.bind_day(days.end)}
        for row in self.query(sql, {"tenant": self.dialect.bind_tenant_id(tenant), **bounds}):
            *key, day, count, without_currency = row[: 4 if account else 3]
            sums = [None if each is None else float(each) for each in row[4 if account else 3 :]]
            place = str((key and key[0]) or ""), date.fromisoformat(self.dialect.format_day(day))
            yield *place, DayTotals(int(count), int(without_currency), sums)

    def delete_accounts(self, tables: Sequence[Table], tenant: str, accounts: Collection[str] | None = None) -> None:
        """Delete the tenant's rows, or those of its accounts, and their cursors. Raises WarehouseUnavailable."""
        present = [table for table in tables if self._has_table(table)]
        if self._has_table(CURSORS):
            # First, so that after a failure the days are read again rather than taken for known.
            with self._translate_errors():
                for table in present:
                    self.driver.delete_cursors(
                        self._build_cursor_condition(table, tenant, each) for each in accounts or (None,)
                    )
        for table in present:
            for condition in self._build_account_conditions(table, tenant, accounts):
                self._write_rows(table, (), instead_of=condition)

    def _build_account_conditions(self, table: Table, tenant: str, accounts: Collection[str] | None) -> list[Condition]:
        """Build the conditions of the tenant's rows, one for each account; none where no row can have it."""
        parameters = {"tenant": self.dialect.bind_tenant_id(tenant)}
        if accounts is None:
            return [Condition(self.dialect.emit_tenant_condition(table), parameters)]
        sql = self.dialect.emit_account_condition(table)
        if table.account is None:
            return [Condition(sql, parameters)] if "" in accounts else []
        return [Condition(sql, {**parameters, "account": account}) for account in accounts]

    def _build_cursor_condition(self, table: Table, tenant: str, account: str | None) -> Condition:
        name = self.dialect.quote_identifier("table_name")
        sql = f"{self.dialect.emit_tenant_condition(CURSORS)} AND {name} = {self.dialect.emit_parameter('table_name')}"
        parameters = {"tenant": self.dialect.bind_tenant_id(tenant), "table_name": table.name}
        if account is None:
            return Condition(sql, parameters)
        column = self.dialect.quote_identifier("account_id")
        return Condition(
            f"{sql} AND {column} = {self.dialect.emit_parameter('account')}", {**parameters, "account": account}
        )

    def get_rows(self, slice_: Slice) -> list[dict[str, Any]]:
        """Return the slice's rows without tenant and account, in the form that `restate` takes.

        There are none before the first write makes the table. Raises WarehouseUnavailable.
        """
        table = slice_.table
        if self._is_missing(table):
            return []
        account = table.account_column.name if table.account_column else None
        columns = [name for name in table.columns if name not in (table.tenant, account)]
        sql = self.dialect.emit_select(table, columns, self.dialect.emit_slice_condition(table))
        rows = [dict(zip(columns, row, strict=True)) for row in self.query(sql, self.dialect.bind_slice(slice_))]
        return [row | {table.time: date.fromisoformat(self.dialect.format_day(row[table.time]))} for row in rows]

    def get_cursor(self, table: Table, tenant: str, account: str) -> Window | None:
        """Return the days of an account restated so far, without a gap; None before the first."""
        return self.get_cursors(tenant).get((table.name, account))

    def get_cursors(self, tenant: str) -> dict[tuple[str, str], Window]:
        """Return the days that have been restated for the tenant so far, by table and account.

        Raises WarehouseUnavailable.
        """
        condition = self.dialect.emit_tenant_condition(CURSORS)
        sql = self.dialect.emit_select(CURSORS, ("table_name", "account_id", "first_day", "last_day"), condition)
        if self._is_missing(CURSORS):
            return {}
        return {
            (table, account): Window(*(date.fromisoformat(self.dialect.format_day(day)) for day in days))
            for table, account, *days in self.query(sql, {"tenant": self.dialect.bind_tenant_id(tenant)})
        }

    def close(self) -> None:
        """Close every connection; a later query opens new ones."""
        self.driver.close()

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except self.driver.errors as error:
            raise self.build_unavailable_error(error) from error

    def build_unavailable_error(self, error: Exception) -> WarehouseUnavailable:
        """Build an error of one line, without SQL or URL: the setting, the fault, the remedy."""
        error_class = WarehouseUnavailable
        if self.driver.is_timeout(error):
            error_class = WarehouseTimeout
        elif self.driver.is_layout_fault(error):
            error_class = LayoutMismatch
        return error_class(f"{self.setting}: the warehouse cannot be used: {self.driver.explain_error(error)}")


def ignore_seconds(seconds: float) -> None:
    """Ignore the seconds of a query: the observer until another is set."""


def iter_batches(rows: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    iterator = iter(rows)
    while batch := list(itertools.islice(iterator, BATCH_ROWS)):
        yield batch
