"""One server with the demo's tenants, and one Chromium that opens its page."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

import web
from api.app import create_app
from api.tokens import create_token
from demo.database import DemoDatabase
from demo.providers.demo_world import DemoWorld
from demo.providers.stand_ins import StandIns
from demo.tenants import EVERYTHING, GA4_ONLY, NO_DATA
from runtime.services import Services
from runtime.shipped import get_shipped_folder
from tests.api.conftest import ENCRYPTION_KEY, SECRET, run_app
from tests.support.environment import read_settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

# As many as a first sync would read, so that no test waits for one.
DAYS = 400
# The first has no window around the page, which each page would load anew.
CHROMIUM_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
# Long enough for a machine that does much else; what is waited for ends the waiting.
TIMEOUT = 90_000


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put all that needs a browser first, so that it falls to the first of several processes: one browser is started.

    The others take work over from the end of a queue.
    """
    items.sort(key=lambda item: "browser" not in getattr(item, "fixturenames", ()))


@dataclass(frozen=True, slots=True)
class DashboardServer:
    """A running server, its services, and the folder of its metric files."""

    address: str
    services: Services
    folder: Path
    providers: StandIns

    def sign(self, user: str = EVERYTHING.user_id, name: str | None = EVERYTHING.name) -> str:
        return create_token(user, secret=SECRET, lifetime=timedelta(hours=1), name=name)

    @contextmanager
    def slow_providers(self, seconds: float) -> Iterator[None]:
        """Let each call of a sync take that long."""
        for each in self.providers.all:
            each.latency = seconds
        try:
            yield
        finally:
            for each in self.providers.all:
                each.latency = 0.0

    def clear_layout(self) -> None:
        """Forget what was arranged, with its version."""
        with self.services.state.database.begin_transaction() as connection:
            connection.exec_driver_sql("DELETE FROM user_dashboard_layouts")


@dataclass(frozen=True, slots=True)
class HostSite:
    """A site of another origin with a strict policy, for pages that show what this server has."""

    address: str
    folder: Path

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


class HostHandler(SimpleHTTPRequestHandler):
    """Serve a folder, with a policy that allows only its own files and those of this machine's other servers."""

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", "default-src 'self' http://127.0.0.1:*; base-uri 'none'")
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing of what is asked."""


@dataclass(slots=True)
class Visit:
    """A page in a context of its own, and what it has complained of."""

    server: DashboardServer
    page: Page
    context: BrowserContext
    faults: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ("Failed to load resource",)

    def open(self, query: str = "", *, token: str | None = None) -> Page:
        """Open the dashboard, and wait until it shows numbers."""
        self.page.goto(f"{self.server.address}/{query}#token={token or self.server.sign()}")
        self.page.locator("main[aria-busy=false] .overview, main.connections, .nobody, .door").first.wait_for()
        return self.page

    def note_fault(self, text: str) -> None:
        if not text.startswith(self.expected):
            self.faults.append(text)


def find_chromium() -> str:
    """Return the program, or say plainly that these tests do not run; CI fails without it."""
    found = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    reason = None
    if found is None:
        reason = "no Chromium is on the PATH, so nobody saw the page; `apt-get install chromium-headless-shell`"
    elif not web.is_built():
        reason = f"there is no page to look at: {web.read_reason().strip()}"
    else:
        try:
            import playwright.sync_api  # noqa: F401
        except ModuleNotFoundError:
            reason = "playwright is not installed, so nobody has looked at the page; `make test` installs it"
    if reason is None:
        assert found is not None
        return found
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    program = find_chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@pytest.fixture(scope="package")
def host_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostSite]:
    folder = tmp_path_factory.mktemp("host")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(HostHandler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        # By its name this machine is another site than by its number.
        yield HostSite(f"http://localhost:{server.server_port}", folder)
        server.shutdown()
        thread.join()


@pytest.fixture(scope="package")
def dashboard_server(
    browser: Browser, host_site: HostSite, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DashboardServer]:
    with open_dashboard_server(tmp_path_factory.mktemp("dashboard"), days=DAYS, host=host_site.address) as server:
        yield server


@contextmanager
def open_dashboard_server(folder: Path, *, days: int, host: str) -> Iterator[DashboardServer]:
    """Serve the shipped metrics over that many days of the demo, with syncs of its stand-ins, to a host's pages too."""
    metrics = folder / "metrics"
    shutil.copytree(get_shipped_folder(), metrics, ignore=shutil.ignore_patterns("__pycache__"))
    with StandIns(DemoWorld()) as providers:
        environment = {
            "DATABASE_URL": f"sqlite:///{folder / 'demo.db'}",
            "JWT_SECRET": SECRET.get_secret_value(),
            "ENCRYPTION_KEY": reveal(ENCRYPTION_KEY),
            "METRICS_DIR": str(metrics),
            "CORS_ORIGINS": host,
            "FRAME_ANCESTORS": host,
            **providers.build_environment(),
        }
        services = Services.open(read_settings(environment))
        # While nobody has connected anything: syncs are those that somebody begins.
        services.schedule.open_due_run()
        database = DemoDatabase(services.state, services.warehouse, services.catalog, days=days)
        database.connect_accounts()
        services.warehouse.create_tables(database.tables.values())
        until = services.get_today() - timedelta(days=1)
        for tenant in (EVERYTHING, GA4_ONLY, NO_DATA):
            database.fill_tenant(tenant, until)
        with run_app(create_app(services, does_syncs=True, has_studio=True)) as address:
            yield DashboardServer(address, services, metrics, providers)


def reveal(key: Any) -> str:
    return key.get_secret_value() if isinstance(key, SecretStr) else str(key)


@pytest.fixture
def visit(request: pytest.FixtureRequest, browser: Browser, dashboard_server: DashboardServer) -> Iterator[Visit]:
    """A fresh visitor at 1440 × 900; whatever the page throws or the policy refuses fails the test."""
    options: dict[str, Any] = {
        "viewport": {"width": 1440, "height": 900},
        "reduced_motion": "reduce",
        "locale": "en-US",
    }
    options |= getattr(request, "param", {})
    context = browser.new_context(**options)
    context.set_default_timeout(TIMEOUT)
    page = context.new_page()
    visit = Visit(dashboard_server, page, context)
    page.on("pageerror", lambda error: visit.note_fault(str(error)))
    page.on("console", lambda message: visit.note_fault(message.text) if message.type == "error" else None)
    dashboard_server.clear_layout()
    yield visit
    # Who changes an answer may still be at work on one, and must not find its page closed while the next test runs.
    for routed in (page, context):
        routed.unroute_all(behavior="wait")
    context.close()
    assert visit.faults == []
