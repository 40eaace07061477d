"""What requests are served from: one engine at a time, the state, the settings."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from starlette.requests import Request

from metric_engine.api.settings import Settings
from metric_engine.engine.catalog import Catalog, load_catalog
from metric_engine.engine.engine import Engine
from metric_engine.engine.errors import InvalidCatalog
from metric_engine.engine.warehouse import Warehouse
from metric_engine.state import State

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Serving:
    """Read `engine` once in a request: a reload swaps it between two reads.

    `rejected` counts the problems of the newest metric files by code; empty while the engine serves just those.
    `documents` keeps the OpenAPI document by the version of its catalog: it takes a while to make.
    """

    engine: Engine
    state: State
    settings: Settings
    rejected: Mapping[str, int] = field(default_factory=dict)
    documents: Mapping[str, bytes] = field(default_factory=dict)

    def reload(self) -> None:
        """Serve the coming requests from the metric files as they are now, or on from the last good ones.

        Raises WarehouseUnavailable, and then nothing has changed.
        """
        try:
            catalog = load_catalog(self.settings.metrics_folder)
        except InvalidCatalog as invalid:
            self.rejected = Counter(diagnostic.code for diagnostic in invalid.diagnostics)
            logger.error("the metric files are invalid, the last good ones serve on:\n%s", invalid)
            return
        self.engine = engine_over(catalog, self.engine.warehouse)
        self.rejected = {}
        logger.info("serving %d widgets, catalog %s", len(catalog.served), catalog.version)

    def today(self) -> date:
        """The current date in the reporting time zone."""
        return datetime.now(self.settings.reporting_timezone).date()


def engine_over(catalog: Catalog, warehouse: Warehouse) -> Engine:
    """An engine whose tables are there. Raises WarehouseUnavailable."""
    if warehouse.dialect.name == "sqlite":
        # The embedded database is ours to lay out; any other belongs to somebody.
        warehouse.create_tables(catalog.tables.values())
    return Engine(catalog, warehouse)


def serving_of(request: Request) -> Serving:
    """What the request's app serves from."""
    serving: Serving = request.app.state.serving
    return serving
