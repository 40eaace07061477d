"""The application, put together."""

from __future__ import annotations

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
from engine.warehouse.health import Pulse
from runtime import logging as logs
from runtime.services import Services
from runtime.settings import Settings

PAGES = Path(web.__file__).parent / "static"
ROUTERS = (widgets.router, dashboard.router, connections.router, sync.router, insights.router)


def create_app(services: Services, *, does_syncs: bool = False) -> FastAPI:
    """Put the API together over services, which it closes at the end.

    With `does_syncs` it opens the daily run and does the jobs; without, it leaves both to other processes. Raises
    InvalidSetting when nothing says how to verify tokens, or a setting needs what is not installed.
    """
    app = FastAPI(
        title="metric-engine",
        summary=summary,
        version=__version__,
        openapi_url=None,
        generate_unique_id_function=attrgetter("name"),
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.services = services
    app.state.openapi_documents = {}
    app.state.insight_rooms = insights.Rooms()
    instruments = app.state.instruments = Instruments()
    instruments.watch(services)
    if does_syncs:
        services.worker = services.open_worker(instruments, schedule=services.schedule)
    # Anybody may ask whether the server is ready, so the databases are asked at most now and then.
    app.state.pulses = {"state": Pulse(services.state.database), "warehouse": Pulse(services.warehouse)}
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
    add_layers(app, services.settings, instruments)
    return app


def app_from_environment() -> FastAPI:
    """Return the app that the environment describes: `uvicorn --factory api.app:app_from_environment`.

    Raises InvalidSetting, InvalidCatalog, StateUnavailable or WarehouseUnavailable.
    """
    settings = Settings.from_environment()
    logs.configure()
    with ExitStack() as opened:
        services = opened.enter_context(Services.open(settings))
        app = create_app(services, does_syncs=True)
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
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    services: Services = app.state.services
    if services.worker is not None:
        services.worker.start()
    try:
        yield
    finally:
        app.state.insight_rooms.close()
        await run_in_threadpool(services.close)
