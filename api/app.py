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

import web
from api import health as operations
from api import openapi, problems
from api.metrics import Instruments
from api.middleware.authentication import Guard
from api.middleware.body_limit import Bodies
from api.middleware.rate_limit import open_rate
from api.middleware.request_logging import Access
from api.routers import connections, dashboard, insights, sync, widgets
from api.tokens import Authenticator
from engine import __doc__ as summary
from engine import __version__
from engine.answer.engine import Engine
from engine.catalog.catalog import load_catalog
from engine.warehouse.health import Pulse
from engine.warehouse.warehouse import Warehouse
from runtime import logging as logs
from runtime.narrator import open_teller
from runtime.services import Serving, engine_over
from runtime.settings import Settings
from runtime.sync_worker import open_worker
from state import State

PAGES = Path(web.__file__).parent / "static"
ROUTERS = (widgets.router, dashboard.router, connections.router, sync.router, insights.router)


def create_app(*, settings: Settings, engine: Engine, state: State, syncs: bool = False) -> FastAPI:
    """The API over an engine and a state, both of which it closes at the end.

    With `syncs` it opens the daily run and does the jobs; without, it leaves both to other processes. Raises
    InvalidSetting when nothing says how to verify tokens, or a setting needs what is not installed.
    """
    app = FastAPI(
        title="metric-engine",
        summary=summary,
        version=__version__,
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
    """The app as the environment describes it: `uvicorn --factory api.app:app_from_environment`.

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
