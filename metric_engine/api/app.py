"""The application, put together."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from operator import attrgetter
from pathlib import Path

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware

import metric_engine
from metric_engine.api import logs, openapi, operations, problems
from metric_engine.api.access import Access
from metric_engine.api.auth import Authenticator
from metric_engine.api.bodies import Bodies
from metric_engine.api.guard import Guard
from metric_engine.api.instruments import Instruments
from metric_engine.api.rates import open_rate
from metric_engine.api.routers import connections, dashboard, insights, sync, widgets
from metric_engine.api.serving import Serving, engine_over
from metric_engine.api.settings import Settings
from metric_engine.api.syncing import open_worker
from metric_engine.api.tellers import open_teller
from metric_engine.engine.catalog import load_catalog
from metric_engine.engine.engine import Engine
from metric_engine.engine.pulse import Pulse
from metric_engine.engine.warehouse import Warehouse
from metric_engine.state import State

PAGES = Path(metric_engine.__file__).parent / "web" / "static"
ROUTERS = (widgets.router, dashboard.router, connections.router, sync.router, insights.router)


def create_app(*, settings: Settings, engine: Engine, state: State, syncs: bool = False) -> FastAPI:
    """The API over an engine and a state, both of which it closes at the end.

    With `syncs` it opens the daily run and does the jobs; without, it leaves both to other processes. Raises
    InvalidSetting when nothing says how to verify tokens, or a setting needs what is not installed.
    """
    app = FastAPI(
        title="metric-engine",
        summary=metric_engine.__doc__,
        version=metric_engine.__version__,
        openapi_url=None,
        generate_unique_id_function=attrgetter("name"),
        redirect_slashes=False,
        lifespan=closing,
    )
    serving = app.state.serving = Serving(engine, state, settings)
    app.state.teller = open_teller(settings, serving.engine.cache)
    app.state.insight_rooms = insights.Rooms()
    instruments = app.state.instruments = Instruments()
    instruments.watch(serving)
    if syncs:
        serving.worker = open_worker(
            settings,
            state=state,
            warehouse=engine.warehouse,
            tables=lambda: serving.engine.catalog.tables,
            seen=instruments,
            schedule=serving.schedule,
        )
    # Anybody may ask whether the server is ready, so the databases are asked at most now and then.
    app.state.pulses = {"state": Pulse(state.database), "warehouse": Pulse(engine.warehouse)}
    problems.install(app)
    # The hot path: a plain route, and the first one that is tried.
    app.add_route("/v1/widgets/{key}", widgets.widget, methods=["GET"])
    for router in ROUTERS:
        app.include_router(router, prefix="/v1")
    app.include_router(operations.router)
    app.include_router(openapi.router)
    if PAGES.is_dir():
        # Unlike a mount it comes after every route, so a wrong method is still 405 and an unknown path 404.
        app.frontend("/", directory=PAGES, fallback=None)
    add_layers(app, settings, instruments)
    return app


def app_from_environment() -> FastAPI:
    """The app as the environment describes it: `uvicorn --factory metric_engine.api.app:app_from_environment`.

    Raises InvalidSetting, InvalidCatalog, StateUnavailable or WarehouseUnavailable.
    """
    settings = Settings.from_environment(os.environ)
    logs.configure()
    catalog = load_catalog(settings.metrics_folder)
    keys = settings.encryption_key
    with ExitStack() as opened:
        state = State.open(
            settings.database_url.get_secret_value(),
            encryption_key=None if keys is None else keys.get_secret_value(),
        )
        opened.callback(state.close)
        warehouse = Warehouse(settings.facts_url.get_secret_value(), setting=settings.facts_setting)
        opened.callback(warehouse.close)
        app = create_app(settings=settings, engine=engine_over(catalog, warehouse), state=state, syncs=True)
        opened.pop_all()
    return app


def add_layers(app: FastAPI, settings: Settings, instruments: Instruments) -> None:
    """What stands before the routes; the last one added is the outermost."""
    rate = open_rate(settings)
    app.add_middleware(Bodies)
    app.add_middleware(Guard, authenticator=Authenticator.from_settings(settings), rate=rate)
    app.add_middleware(Access, instruments=instruments)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "If-None-Match", "X-Request-ID"],
            expose_headers=["ETag", "X-Cache", "X-Request-ID", "Retry-After", "Warning", "Age"],
        )


@asynccontextmanager
async def closing(app: FastAPI) -> AsyncIterator[None]:
    serving: Serving = app.state.serving
    if serving.worker is not None:
        serving.worker.start()
    try:
        yield
    finally:
        if serving.worker is not None:
            await run_in_threadpool(serving.worker.stop)
        app.state.teller.close()
        app.state.insight_rooms.close()
        serving.engine.warehouse.close()
        serving.state.close()
