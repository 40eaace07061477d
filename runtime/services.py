"""What requests are served from: one engine at a time, the state, the settings."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TypeVar

from starlette.requests import Request

from engine.answer.cache import Cache
from engine.answer.engine import Answer, Engine
from engine.answer.fetch import Asker
from engine.catalog.catalog import Catalog, load_catalog
from engine.errors import InvalidCatalog, StateUnavailable, UnknownMetric, WarehouseUnavailable
from engine.query import Question
from engine.warehouse.warehouse import Warehouse
from runtime.caches import KnownTenants, open_cache
from runtime.settings import Settings
from state import State
from state.tenants import Tenant
from sync.schedule import Schedule
from sync.worker import Worker

logger = logging.getLogger("metric_engine.runtime.services")

Found = TypeVar("Found")


@dataclass(slots=True)
class Serving:
    """Read `engine` once in a request: a reload swaps it between two reads.

    `rejected` counts the problems of the newest metric files by code; empty while the engine serves just those.
    `worker` does the syncs of this process, where it does any.
    `documents` keeps the OpenAPI document by the version of its catalog: it takes a while to make.
    """

    engine: Engine
    state: State
    settings: Settings
    rejected: Mapping[str, int] = field(default_factory=dict)
    documents: Mapping[str, bytes] = field(default_factory=dict)
    known: KnownTenants = field(default_factory=KnownTenants)
    worker: Worker | None = None
    schedule: Schedule = field(init=False)

    def __post_init__(self) -> None:
        """Give the engine the cache that the settings describe. Raises InvalidSetting."""
        self.schedule = Schedule(self.state.runs)
        if self.engine.cache is None:
            self.engine = Engine(self.engine.catalog, self.engine.warehouse, open_cache(self.settings))

    def ask(self, keys: Sequence[str], question: Question, *, user: str) -> dict[str, Answer | UnknownMetric]:
        """The answers for several keys; an unknown key has its error for an answer.

        Without the state database, what the cache holds for the sources that the user had when last seen.
        Raises StateUnavailable, WarehouseUnavailable.
        """
        return self.asked(user, lambda engine, asker: engine.ask_all(keys, question, asker))

    def asked(self, user: str, ask: Callable[[Engine, Asker], Found]) -> Found:
        """What the engine that serves right now has to say to this user, be the state database there or not.

        Raises StateUnavailable, WarehouseUnavailable.
        """
        engine = self.engine
        try:
            tenant = self.state.tenants.get(user)
        except StateUnavailable as away:
            last_seen = self.known.get(user)
            if last_seen is None:
                raise
            try:
                return ask(engine, asker(user, last_seen, offline=True))
            except WarehouseUnavailable:
                raise away from None
        self.known.put(user, tenant)
        return ask(engine, asker(user, tenant))

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
        self.engine = engine_over(catalog, self.engine.warehouse, self.engine.cache)
        self.rejected = {}
        logger.info("serving %d widgets, catalog %s", len(catalog.served), catalog.version)

    def kick(self) -> None:
        """Have a sync that was just asked for begin at once, where this process does syncs."""
        if self.worker is not None:
            self.worker.kick()

    def today(self) -> date:
        """The current date in the reporting time zone."""
        return datetime.now(self.settings.reporting_timezone).date()


def engine_over(catalog: Catalog, warehouse: Warehouse, cache: Cache | None = None) -> Engine:
    """An engine whose tables are there. Raises WarehouseUnavailable."""
    if warehouse.is_ours:
        # Any other database belongs to somebody: its tables are made when something is written to them.
        warehouse.create_tables(catalog.tables.values())
    return Engine(catalog, warehouse, cache)


def asker(user: str, tenant: Tenant, *, offline: bool = False) -> Asker:
    return Asker(tenant=user, connected=tenant.sources, data_version=tenant.data_version, offline=offline)


def serving_of(request: Request) -> Serving:
    """What the request's app serves from."""
    serving: Serving = request.app.state.serving
    return serving
