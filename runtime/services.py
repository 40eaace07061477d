"""The services of an installation, opened once: for the API, every command and the benches."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Self, TypeVar

from engine import (
    AnswerOrError,
    Cache,
    Catalog,
    Engine,
    InvalidCatalog,
    InvalidSetting,
    LayoutMismatch,
    MetricEngineError,
    MetricQuery,
    RequestContext,
    StateUnavailable,
    Warehouse,
    WarehouseUnavailable,
    WidgetAnswer,
    check_live_tables,
)
from insights.config.load import check_language, load_catalog
from insights.narrate import Narrator
from runtime.caches import KNOWLEDGE_SECONDS, Knowledge, TenantCache, open_cache
from runtime.narrator import open_narrator
from runtime.rejected import RejectedFile, count_codes, list_rejected, read_rejected
from runtime.settings import Settings
from runtime.sync_worker import open_worker
from state import State
from state.tenants import Tenant
from sync.job import SyncObserver
from sync.reads import list_account_reads
from sync.schedule import Schedule
from sync.worker import Worker

logger = logging.getLogger("metric_engine.runtime.services")

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True, eq=False)
class AnswerBasis:
    """What an answer rests on beside its question: while all of it stays, so does the answer.

    `engine` stands for the catalog, `today` for the days of a question without any. At `expires_at`, by
    `time.monotonic`, the oldest of what was read has to be read again.
    """

    user: str
    tenant: Tenant
    engine: Engine
    today: date
    expires_at: float


@dataclass(slots=True)
class Services:
    """The engine, the state, the narrator and the worker; `close` closes them all.

    Read `engine` once in a request: a reload replaces it between two reads. `own_rejected` are the problems that this
    process has found in the newest metric files. `worker` does the syncs of this process, where it does any.
    """

    engine: Engine
    state: State
    settings: Settings
    own_rejected: tuple[RejectedFile, ...] = ()
    tenant_cache: TenantCache = field(default_factory=TenantCache)
    worker: Worker | None = None
    schedule: Schedule = field(init=False)
    narrator: Narrator = field(init=False)
    compared_catalog: str | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Give the engine the cache that the settings describe. Raises InvalidSetting."""
        self.schedule = Schedule(self.state.runs)
        if self.engine.cache is None:
            cache = open_cache(self.settings, self.state.installation_id)
            self.engine = Engine(self.engine.catalog, self.engine.warehouse, cache)
        check_language(self.catalog, self.settings.insights_language)
        self.narrator = open_narrator(self.settings, self.engine.cache)

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Open what the settings describe; missing embedded databases are created.

        Raises InvalidSetting, InvalidCatalog, StateUnavailable or WarehouseUnavailable.
        """
        catalog = load_catalog(settings.metrics_folder)
        log_warnings(catalog)
        keys = settings.encryption_key
        with ExitStack() as opened:
            state = State.open(
                settings.database_url.get_secret_value(),
                encryption_key=None if keys is None else keys.get_secret_value(),
            )
            opened.callback(state.close)
            warehouse = Warehouse(settings.facts_url.get_secret_value(), setting=settings.facts_setting)
            opened.callback(warehouse.close)
            services = cls(open_engine(catalog, warehouse), state, settings)
            opened.pop_all()
        return services

    def close(self) -> None:
        """Stop the worker, wait for the model's calls, and close the databases."""
        if self.worker is not None:
            self.worker.stop()
        self.narrator.close()
        self.engine.warehouse.close()
        self.state.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def catalog(self) -> Catalog:
        return self.engine.catalog

    @property
    def problem_counts(self) -> Mapping[str, int]:
        """The problems of the newest metric files by code; empty while the engine serves just those."""
        return count_codes(self.rejected_files)

    @property
    def rejected_files(self) -> tuple[RejectedFile, ...]:
        """The problems of the newest metric files by place; empty while the engine serves just those."""
        return self.own_rejected or read_rejected()

    @property
    def warehouse(self) -> Warehouse:
        return self.engine.warehouse

    def open_worker(self, observer: SyncObserver, *, schedule: Schedule | None = None) -> Worker:
        """Open a worker without starting it; with a schedule it opens the daily runs too.

        Raises InvalidSetting.
        """
        return open_worker(
            self.settings,
            state=self.state,
            warehouse=self.warehouse,
            tables=lambda: self.catalog.tables,
            observer=observer,
            schedule=schedule,
        )

    def query_many(self, keys: Sequence[str], query: MetricQuery, *, user: str) -> dict[str, AnswerOrError]:
        """Answer several keys; one that cannot be answered gets its error, as in the engine.

        Without the state database, the cache answers for the sources that the user had when last seen. Raises
        StateUnavailable, WarehouseUnavailable.
        """
        return self.run_for_user(user, lambda engine, context: self.query_keys(engine, keys, query, context))

    def query_with_basis(
        self, keys: Sequence[str], query: MetricQuery, *, user: str, today: date, tenant: Tenant | None = None
    ) -> tuple[dict[str, AnswerOrError], AnswerBasis | None]:
        """Answer as `query_many` does, and tell what the answers rest on; None where they cannot be kept.

        `today` is the day that the query was read on. `tenant` is the user's, where it has been read for this request.
        """

        def run(engine: Engine, context: RequestContext) -> tuple[dict[str, AnswerOrError], AnswerBasis | None]:
            found = self.query_keys(engine, keys, query, context)
            expires_at = min(map(get_expiry, found.values()), default=-math.inf)
            if context.offline or expires_at <= time.monotonic():
                return found, None
            used = Tenant(context.connected, context.data_version)
            return found, AnswerBasis(user, used, engine, today, expires_at)

        return self.run_for_user(user, run, tenant)

    def query_keys(
        self, engine: Engine, keys: Sequence[str], query: MetricQuery, context: RequestContext
    ) -> dict[str, AnswerOrError]:
        found = engine.query_many(keys, query, context)
        if any(isinstance(each, LayoutMismatch) for each in found.values()):
            self.compare_declarations(engine.catalog.version)
        return found

    def run_for_user(
        self, user: str, run: Callable[[Engine, RequestContext], ResultT], tenant: Tenant | None = None
    ) -> ResultT:
        """Return the result of `run` with the current engine and this user's context.

        Without the state database it runs offline, for the user as last seen. Raises StateUnavailable,
        WarehouseUnavailable.
        """
        engine = self.engine
        try:
            context = self.get_context(user, tenant)
        except StateUnavailable as away:
            last_seen = self.tenant_cache.get(user)
            if last_seen is None:
                raise
            try:
                known = self.tenant_cache.get_last_knowledge(user)
                return run(engine, build_context(user, last_seen, known, offline=True))
            except WarehouseUnavailable:
                raise away from None
        try:
            return run(engine, context)
        except LayoutMismatch:
            self.compare_declarations(engine.catalog.version)
            raise

    def compare_declarations(self, version: str) -> None:
        """Log how the live tables differ from their declarations, once for each version of these.

        It takes no time of the request's.
        """
        if self.compared_catalog != version:
            self.compared_catalog = version
            threading.Thread(target=self.log_differences, name="declarations", daemon=True).start()

    def log_differences(self) -> None:
        warehouse = self.warehouse
        try:
            tables = load_catalog(self.settings.metrics_folder).tables
        except InvalidCatalog:
            # The folder has changed, and its own problems are logged when it is taken into service.
            return
        try:
            check_live_tables(self.settings.metrics_folder, tables, warehouse.engine, setting=warehouse.setting)
        except InvalidCatalog as invalid:
            logger.error("the tables of the warehouse are not as they are declared:\n%s", invalid)
        except (InvalidSetting, WarehouseUnavailable) as error:
            logger.error("%s", error)

    def get_context(self, user: str, tenant: Tenant | None = None) -> RequestContext:
        """Return the user's connected sources and data version, read now if need be. Raises StateUnavailable."""
        if tenant is None:
            tenant = self.state.tenants.get(user)
        self.tenant_cache.put(user, tenant)
        return build_context(user, tenant, self.get_knowledge(user, tenant))

    def get_knowledge(self, user: str, tenant: Tenant) -> Knowledge:
        """Return how far the user's tables have been read, and what is noted of some days. Raises StateUnavailable."""
        known = self.tenant_cache.get_knowledge(user, tenant)
        if known is None:
            now = datetime.now(UTC)
            try:
                reads = list_account_reads(self.state, self.warehouse, self.catalog.tables, user, now=now)
            except WarehouseUnavailable:
                # The cache may still answer.
                return self.tenant_cache.get_last_knowledge(user)
            expires_at = time.monotonic() + KNOWLEDGE_SECONDS
            known = Knowledge(reads, self.state.data_notes.list_notes(user), expires_at)
            self.tenant_cache.put_knowledge(user, tenant, known)
        return known

    def reload_catalog(self) -> None:
        """Serve coming requests from the current metric files, or keep the last good ones.

        Whatever goes wrong, `problem_counts` tells of it until a reload succeeds.
        """
        try:
            catalog = load_catalog(self.settings.metrics_folder)
            self.engine = open_engine(catalog, self.engine.warehouse, self.engine.cache)
        except InvalidCatalog as invalid:
            self.own_rejected = list_rejected(invalid)
            logger.error("the metric files are invalid, the last good ones serve on:\n%s", invalid)
            return
        except Exception as error:
            # A fault of the program is a reason to keep serving too; only such a one needs its traceback.
            foreseen = isinstance(error, (MetricEngineError, OSError))
            self.own_rejected = list_rejected(error)
            message = "the metric files cannot be read, the last good ones serve on: %s"
            logger.error(message, error, exc_info=not foreseen)
            return
        self.own_rejected = ()
        log_warnings(catalog)
        logger.info("serving %d widgets, catalog %s", len(catalog.widgets), catalog.version)

    def wake_worker(self) -> None:
        """Begin a requested sync at once, where this process does syncs."""
        if self.worker is not None:
            self.worker.kick()

    def get_today(self) -> date:
        """Return the current date in the reporting time zone."""
        return datetime.now(self.settings.reporting_timezone).date()


def open_engine(catalog: Catalog, warehouse: Warehouse, cache: Cache | None = None) -> Engine:
    """Return an engine whose tables exist. Raises WarehouseUnavailable."""
    if warehouse.is_ours:
        # Any other database has an owner: its tables are created when something is written to them.
        warehouse.create_tables(catalog.tables.values())
    return Engine(catalog, warehouse, cache)


def log_warnings(catalog: Catalog) -> None:
    for warning in catalog.warnings:
        logger.warning("%s", warning)


def get_expiry(found: AnswerOrError) -> float:
    """Return when a question has to be asked anew, by `time.monotonic`."""
    if isinstance(found, WidgetAnswer):
        return found.expires_at
    return -math.inf if isinstance(found, WarehouseUnavailable) else math.inf


def build_context(user: str, tenant: Tenant, known: Knowledge, *, offline: bool = False) -> RequestContext:
    return RequestContext(
        tenant=user,
        connected=tenant.sources,
        data_version=tenant.data_version,
        reads=known.reads,
        notes=known.notes,
        expires_at=known.expires_at,
        offline=offline,
    )
