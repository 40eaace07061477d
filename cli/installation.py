"""What the commands work on that need the databases: the installation that the environment describes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from engine.catalog.catalog import Catalog, load_catalog
from engine.warehouse.warehouse import Warehouse
from runtime.settings import Settings
from state import State


@dataclass(frozen=True, slots=True)
class Installation:
    """The catalog, the fact tables and the state, opened."""

    settings: Settings
    catalog: Catalog
    warehouse: Warehouse
    state: State

    @property
    def today(self) -> date:
        """The current date in the reporting time zone."""
        return datetime.now(self.settings.reporting_timezone).date()


@contextmanager
def installation(metrics: Path) -> Iterator[Installation]:
    """Open the installation with the metric files of this folder; its databases are made where they are missing.

    Raises InvalidSetting, InvalidCatalog, StateUnavailable or WarehouseUnavailable.
    """
    settings = Settings.from_environment(os.environ | {"METRICS_DIR": str(metrics)})
    catalog = load_catalog(metrics)
    keys = settings.encryption_key
    with ExitStack() as opened:
        state = State.open(
            settings.database_url.get_secret_value(),
            encryption_key=None if keys is None else keys.get_secret_value(),
        )
        opened.callback(state.close)
        warehouse = Warehouse(settings.facts_url.get_secret_value(), setting=settings.facts_setting)
        opened.callback(warehouse.close)
        if warehouse.is_ours:
            # Any other database belongs to somebody: its tables are made when something is written to them.
            warehouse.create_tables(catalog.tables.values())
        yield Installation(settings, catalog, warehouse, state)
