"""`metric-engine serve`."""

from __future__ import annotations

import logging
import os
import shlex
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import nullcontext, suppress
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import click
import uvicorn
from uvicorn.supervisors import Multiprocess

from api.app import app_from_environment
from api.metrics import SHARED_FOLDER
from api.routers.studio import is_loopback
from cli.accepted_files import AcceptedFiles
from cli.commands.token import sign_token
from cli.connections import MAX_QUEUED, ServerLoop, TimedProtocol
from cli.demonstration import DATABASE, DATABASE_VARIABLE, use_demo
from cli.options import metrics_option
from cli.watcher import Watcher, stamp_folder
from demo.tenants import EVERYTHING
from engine import InvalidSetting
from runtime.services import Services
from runtime.settings import Settings

logger = logging.getLogger("metric_engine.cli.commands.serve")

TOKEN_LIFETIME = timedelta(days=30)
FIRST_KEY = "ga4.sessions"

App: TypeAlias = Callable[..., Any]

FACTORY = f"{app_from_environment.__module__}:{app_from_environment.__name__}"
# Less than `docker stop` waits before it kills.
GRACE_SECONDS = 8
STUCK_SECONDS = 0.2
# How long a new worker may take to serve; a reload is given up after that, and a busy machine starts one slowly.
START_SECONDS = 60


@click.command()
@click.option("--demo", is_flag=True, help="Serve a database of its own, with demo users and two years of data.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=8000, show_default=True, help="The port; 0 for a free one."
)
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="How many processes answer.")
@click.option(
    "--reload",
    is_flag=True,
    help="Serve the metric files anew when they change; on a loopback address the page has a studio to edit them.",
)
@metrics_option
def serve(demo: bool, host: str, port: int, workers: int, reload: bool, metrics: Path) -> None:
    """Serve the API and the dashboard.

    Reads its settings from the environment: DATABASE_URL, WAREHOUSE_URL, JWT_SECRET and the others. With --demo it
    needs none: it makes .metric-engine/demo.db in the current folder, brings it up to date, and prints the
    dashboard's address and a curl line with a token. Its syncs read local stand-ins of the providers. DEMO_DATABASE_URL
    names another database for it.

    Told to stop, it accepts nothing new and gives the requests it has eight seconds. On SIGHUP it serves the metric
    files as they are now, if they are valid.

    \b
    Examples:
      metric-engine serve --demo
      JWT_SECRET=... metric-engine serve --host 0.0.0.0 --port 80 --workers 4
      metric-engine serve --demo --reload --metrics my-metrics
    """
    if demo and not is_loopback(host):
        raise click.UsageError(f"--host {host}: the demo's token is for all to see, so it only serves 127.0.0.1 or ::1")
    if reload and workers > 1:
        raise click.UsageError("--reload watches for one process; leave it out, or --workers")
    listening = open_socket(host, port)
    os.environ["METRICS_DIR"] = str(metrics)
    with use_demo(metrics) if demo else nullcontext():
        before = stamp_folder(metrics)
        app = app_from_environment(has_studio=has_studio(listening, reload=reload))
        services: Services = app.state.services
        address = format_address(listening)
        click.echo(render_invitation(services, address) if demo else f"Dashboard and API: {address}/")
        sys.stdout.flush()
        if workers > 1:
            warehouse = services.engine.warehouse
            services.state.close()
            warehouse.close()
            if warehouse.driver.exclusive:
                listening.close()
                raise click.UsageError(f"{warehouse.dialect.title} lets one process in; leave --workers out")
            run_workers(listening, workers, metrics)
        else:
            watcher = Watcher(services, metrics, before)
            with watcher.reload_on_hangup(), watcher if reload else nullcontext():
                run_server(listening, app)


def has_studio(listening: socket.socket, *, reload: bool) -> bool:
    """Tell whether the page may edit the metric files: where they are taken in, and no other machine reaches it."""
    return reload and is_loopback(listening.getsockname()[0])


def run_server(listening: socket.socket, app: App) -> None:
    """Serve from this process until it is told to stop."""
    server = uvicorn.Server(build_config(app))
    # uvicorn stops gracefully on Ctrl-C, and then raises KeyboardInterrupt again.
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listening])
    if not server.started:
        sys.exit(1)
    exit_stuck_threads()


def exit_stuck_threads() -> None:
    """End the process even if threads wait for a database, which Python would wait for forever."""
    for thread in threading.enumerate():
        if thread is not threading.main_thread() and not thread.daemon:
            thread.join(STUCK_SECONDS)
            if thread.is_alive():
                os._exit(1)


def run_workers(listening: socket.socket, workers: int, metrics: Path) -> None:
    """Serve from processes that share the socket; one that dies is replaced."""
    with TemporaryDirectory(prefix="metric-engine-") as shared:
        os.environ[SHARED_FOLDER] = shared
        files = AcceptedFiles(metrics, Path(shared))
        if not files.accept_newest():
            sys.exit(1)
        config = build_config(FACTORY, factory=True, workers=workers)
        WorkerSupervisor(config, sockets=[listening], files=files).run()


class WorkerSupervisor(Multiprocess):
    """uvicorn's supervisor; when it stops, it closes the socket first, so that no caller waits."""

    def __init__(self, config: uvicorn.Config, *, sockets: list[socket.socket], files: AcceptedFiles) -> None:
        super().__init__(config, sockets)
        self.files = files

    def handle_hup(self) -> None:
        """Replace the workers by ones with the current metric files, if those are valid."""
        if self.files.accept_newest():
            super().handle_hup()

    def terminate_all(self) -> None:
        for listening in self.sockets:
            listening.close()
        super().terminate_all()


def build_config(app: App | str, *, factory: bool = False, workers: int = 1) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        factory=factory,
        workers=workers,
        log_config=None,
        access_log=False,
        server_header=False,
        ws="none",
        http=TimedProtocol,
        loop=f"{ServerLoop.__module__}:{ServerLoop.__name__}",
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_worker_healthcheck=START_SECONDS,
    )


def open_socket(host: str, port: int) -> socket.socket:
    """Open a listening socket, on which early requests wait until the server accepts them.

    Raises InvalidSetting for an address that is in use or not this machine's.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.create_server(address[:2], family=family, backlog=MAX_QUEUED)
        # Inherited by each connection; without it an answer's last part waits 40 ms for an acknowledgement.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listening
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]
        raise InvalidSetting(f"cannot listen on {host}:{port}: {reason}; choose another --host or --port") from None


def format_address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def render_invitation(services: Services, address: str) -> str:
    """Render the demo's next steps: the dashboard's address and a request."""
    served = services.engine.catalog.widgets
    key = FIRST_KEY if FIRST_KEY in served else next(iter(served), "")
    user = EVERYTHING.user_id
    token = sign_token(Settings.from_environment(), user, TOKEN_LIFETIME, EVERYTHING.name)
    program = sys.argv[0] if Path(sys.argv[0]).name == "metric-engine" else "metric-engine"
    warehouse = services.engine.warehouse
    # The URL of a database elsewhere may hold a password.
    state = f'"${DATABASE_VARIABLE}"' if os.environ.get(DATABASE_VARIABLE, "").strip() else DATABASE
    is_one = services.settings.facts_url == services.settings.database_url
    facts = "" if is_one else 'WAREHOUSE_URL="$WAREHOUSE_URL" '
    query = f"DATABASE_URL={state} {facts}{program} query {shlex.quote(key)} --user {user} --compare previous_period"
    elsewhere = (
        f"{warehouse.dialect.title} lets one process in, so that other commands wait until this one has stopped.\n"
        if warehouse.driver.exclusive
        else f"Or in another terminal, from this folder:\n{query}\n{facts}{program} sync --demo --user {user}\n"
    )
    # The fragment after the # never leaves the browser.
    return (
        f"Open the dashboard of {EVERYTHING.name}, a demo user:\n{address}/#token={token}\n"
        f"\nOr ask the API; the token is good for {TOKEN_LIFETIME.days} days:\n"
        f'curl -s -H "Authorization: Bearer {token}" "{address}/v1/widgets/{key}?compare=previous_period"\n'
        f"\n{elsewhere}"
        "\nCtrl-C stops the server."
    )
