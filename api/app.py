"""Assemble the application of middlewares, routers and services."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from operator import attrgetter
from types import FrameType

from anyio import to_thread
from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware

from api import health as operations
from api import page, problems
from api.answers import open_answer_pool, open_narrate_pool
from api.event_feed import EventFeed
from api.mcp.endpoint import build_route
from api.mcp.resource_metadata import METADATA_PATH, describe_resource
from api.metrics import ServerMetrics
from api.middleware.admission import MAX_THREADS, Admission, Places
from api.middleware.authentication import Authentication
from api.middleware.body_limit import BodyLimit
from api.middleware.compression import Compression
from api.middleware.kept_answers import KeptAnswers
from api.middleware.rate_limit import GuessLimit, open_rate_limit
from api.middleware.request_logging import RequestLogging
from api.openapi import document
from api.routers import connections, dashboard, events, insights, studio, sync, widgets
from api.tokens import Authenticator
from engine import HealthCheck, __version__
from engine import __doc__ as summary
from runtime import logging as logs
from runtime.services import Services
from runtime.settings import Settings
from runtime.studio import Studio
from state.tenant_watch import watch_tenants

# What clients of the Model Context Protocol send beside the token.
MCP_HEADERS = ("Mcp-Protocol-Version", "Mcp-Method", "Mcp-Name")
# Seconds for the feed's last look, which may wait for a database.
FEED_SECONDS = 1.0
# A few files of the largest size that is read, as JSON.
STUDIO_BODY_BYTES = 8_000_000
# A batch with all the values that a filter may have, by several dimensions, even where each character is escaped.
BATCH_BODY_BYTES = 512 * 1024
ROUTERS = (widgets.router, dashboard.router, connections.router, sync.router, events.router, insights.router)


def create_app(services: Services, *, does_syncs: bool = False, has_studio: bool = False) -> FastAPI:
    """Build the API over services, which it closes at the end.

    With `does_syncs` it opens the daily run and does the jobs; without, other processes do both. `has_studio` lets the
    page edit the metric files: for a server that only this machine reaches, and that takes them in when they change.
    Raises InvalidSetting when no setting tells how to verify tokens, or when a setting needs a package that is not
    installed.
    """
    app = FastAPI(
        title="metric-engine",
        summary=summary,
        version=__version__,
        openapi_url=None,
        generate_unique_id_function=attrgetter("name"),
        redirect_slashes=False,
        # What the server tells is at /metrics; looking for another kind of telemetry costs each request some time.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        lifespan=lifespan,
    )
    app.state.services = services
    app.state.openapi_documents = {}
    app.state.narrate_pool = open_narrate_pool()
    app.state.answer_pool = open_answer_pool()
    app.state.places = {"state": Places(), "warehouse": Places()}
    app.state.cron_guesses = GuessLimit()
    app.state.tenant_watch = watch_tenants(services.state.database)
    server_metrics = app.state.server_metrics = ServerMetrics()
    server_metrics.observe_databases(services)
    if does_syncs:
        services.worker = services.open_worker(server_metrics, schedule=services.schedule)
    # /readyz is public, so that the databases are pinged only now and then.
    app.state.health_checks = {
        "state": HealthCheck(services.state.database),
        "warehouse": HealthCheck(services.warehouse),
    }
    problems.add_error_handlers(app)
    # The hot path is a plain route, and the first one to be tried.
    app.add_route("/v1/widgets/{key}", widgets.widget, methods=["GET"])
    app.add_route("/v1/widgets/{key}/members/{dimension}", widgets.members, methods=["GET"])
    app.add_route("/v1/widgets/{key}/explain", widgets.explain, methods=["GET"])
    app.router.routes.append(build_route(app))
    app.add_route(METADATA_PATH, describe_resource, methods=["GET"])
    app.state.studio = Studio(services.settings.metrics_folder) if has_studio else None
    for router in (*ROUTERS, studio.router) if has_studio else ROUTERS:
        app.include_router(router, prefix="/v1")
    app.include_router(operations.router)
    app.include_router(document.router)
    page.add_page(app)
    add_middlewares(app, services, server_metrics)
    return app


def app_from_environment(*, has_studio: bool = False) -> FastAPI:
    """Build the app that the environment describes, and configure the logs.

    Run it with `uvicorn --factory api.app:app_from_environment`.

    Raises InvalidSetting, InvalidCatalog, StateUnavailable or WarehouseUnavailable.
    """
    settings = Settings.from_environment()
    logs.configure_logging()
    with ExitStack() as opened:
        services = opened.enter_context(Services.open(settings))
        app = create_app(services, does_syncs=True, has_studio=has_studio)
        opened.pop_all()
    return app


def add_middlewares(app: FastAPI, services: Services, server_metrics: ServerMetrics) -> None:
    """Add the middlewares; the last one added is the outermost."""
    settings = services.settings
    rate_limit = open_rate_limit(settings, services.state.installation_id)
    app.add_middleware(Admission, places=app.state.places)
    studio = {"studio": STUDIO_BODY_BYTES} if app.state.studio is not None else {}
    app.add_middleware(BodyLimit, limits={"widgets": BATCH_BODY_BYTES, **studio})
    authenticator = Authenticator.from_settings(settings)
    app.add_middleware(Authentication, authenticator=authenticator, rate_limit=rate_limit)
    app.add_middleware(Compression)
    app.add_middleware(
        KeptAnswers,
        services=services,
        watch=app.state.tenant_watch,
        authenticator=authenticator,
        rate_limit=rate_limit,
    )
    app.add_middleware(RequestLogging, server_metrics=server_metrics, ancestors=settings.frame_ancestors)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=[
                "Authorization",
                "Content-Type",
                "If-None-Match",
                "Last-Event-ID",
                "X-Request-ID",
                *MCP_HEADERS,
            ],
            expose_headers=["ETag", "X-Cache", "X-Request-ID", "Retry-After", "Warning", "Age", "WWW-Authenticate"],
        )


@contextmanager
def hear_termination(react: Callable[[], None]) -> Iterator[None]:
    """Call `react` in the event loop as soon as the process is told to stop, before the server's own reaction.

    The server waits for its requests and only then ends the lifespan.
    """
    if threading.current_thread() is not threading.main_thread():
        # Signals reach the main thread alone: this server is part of another program.
        yield
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def pass_on(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(react)
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    for number, handler in before.items():
        if callable(handler):
            signal.signal(number, pass_on)
    try:
        yield
    finally:
        for number, handler in before.items():
            if callable(handler):
                signal.signal(number, handler)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    services: Services = app.state.services
    to_thread.current_default_thread_limiter().total_tokens = MAX_THREADS
    if services.worker is not None:
        services.worker.start()
    feed = app.state.event_feed = EventFeed(services)
    looking = asyncio.create_task(feed.run())

    def end_waiting() -> None:
        # Whoever waits for the model when the process is told to stop gets what the rules say; no stream goes on.
        services.narrator.close()
        feed.close()

    try:
        with hear_termination(end_waiting):
            yield
    finally:
        feed.close()
        await asyncio.wait({looking}, timeout=FEED_SECONDS)
        for pool in (app.state.narrate_pool, app.state.answer_pool):
            pool.shutdown(wait=False, cancel_futures=True)
        app.state.tenant_watch.close()
        await run_in_threadpool(services.close)
