"""`python -m tests.web` takes the pictures of the dashboard in docs/images anew; look at each before you commit it.

They are of the demo's two years as they end today, in the Chromium on the PATH, and small where the PATH has pngquant.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from playwright.sync_api import sync_playwright

from demo.database import DAYS
from demo.tenants import EVERYTHING, GA4_ONLY, DemoTenant
from tests.support.paths import DOCS
from tests.web.conftest import DashboardServer, find_chromium, open_dashboard_server
from tests.web.test_studio import PLACE_CURSOR

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

IMAGES = DOCS / "images"
# A4 at 96 pixels an inch, and its margin of 14 mm.
PAPER = (794, 1123)
MARGIN = "53px"


class Photographer:
    """Pages of a server, each in a context of its own."""

    def __init__(self, server: DashboardServer, browser: Browser) -> None:
        self.server = server
        self.browser = browser

    @contextmanager
    def open(self, width: int, height: int, tenant: DemoTenant = EVERYTHING, **options: Any) -> Iterator[Page]:
        """Open the dashboard, and wait until it stands still."""
        options |= {"viewport": {"width": width, "height": height}, "locale": "en-US", "reduced_motion": "reduce"}
        context = self.browser.new_context(**options)
        page = context.new_page()
        page.goto(f"{self.server.address}/#token={self.server.sign(tenant.user_id, tenant.name)}")
        page.locator("main[aria-busy=false] .overview").wait_for()
        page.locator(".sentences li").first.wait_for(state="attached")
        page.wait_for_function(
            "() => [...document.querySelectorAll('chart-box')].every((box) => box.childElementCount)"
        )
        yield page
        context.close()

    def take(self, name: str, width: int, height: int, tenant: DemoTenant = EVERYTHING, **options: Any) -> None:
        with self.open(width, height, tenant, **options) as page:
            page.screenshot(path=IMAGES / name)

    def take_print(self, name: str) -> None:
        with self.open(*PAPER) as page:
            page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
            page.emulate_media(media="print")
            page.evaluate("(margin) => { document.body.style.padding = margin; }", MARGIN)
            page.wait_for_timeout(500)
            page.screenshot(path=IMAGES / name)

    def take_insights(self, name: str) -> None:
        # Where there is no room for a second column, the sentences have all of the first.
        with self.open(760, 1000) as page:
            page.locator(".insights summary").click()
            page.locator(".insights").screenshot(path=IMAGES / name)

    def take_studio(self, name: str) -> None:
        """Take the studio while a value is edited: two widgets change, before and after, and their tests have run."""
        with self.open(1440, 900) as page:
            page.get_by_label("More", exact=True).click()
            page.get_by_role("button", name="Studio").click()
            page.locator(".verdict .summary", has_text="No problems").wait_for()
            page.get_by_role("navigation", name="Files").get_by_role("button", name="ga4.yaml").click()
            page.locator("yaml-editor .cm-content[aria-label^='ga4.yaml']").wait_for()
            # The definition with its tests, in the middle of what is seen.
            for text in ("a missing day inside the data is zero", "value: sum(sessions)"):
                page.evaluate(PLACE_CURSOR, text)
                page.wait_for_timeout(200)
            page.keyboard.type(" - sum(new_users)")
            page.locator('[data-change="ga4.sessions"] .tests').wait_for()
            page.locator(".previews[aria-busy=false]").wait_for()
            page.screenshot(path=IMAGES / name)

    def sync(self, tenant: DemoTenant) -> None:
        """Read the tenant's accounts, so that the page tells when, and the last days ripen as they do."""
        headers = {"Authorization": f"Bearer {self.server.sign(tenant.user_id)}"}
        with closing(self.browser.new_context(extra_http_headers=headers)) as context:
            job = context.request.post(f"{self.server.address}/v1/sync/all/run").json()["job_id"]
            while context.request.get(f"{self.server.address}/v1/sync/job/{job}").json()["finished_at"] is None:
                time.sleep(0.5)


def shrink(path: Path) -> None:
    program = shutil.which("pngquant")
    if program is not None:
        subprocess.run([program, "--force", "--ext", ".png", "--quality", "75-95", "--speed", "1", path], check=True)


def main() -> None:
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu"])
        with open_dashboard_server(Path(folder), days=DAYS, host="http://localhost") as server:
            photographer = Photographer(server, browser)
            for tenant in (EVERYTHING, GA4_ONLY):
                photographer.sync(tenant)
            photographer.take("dashboard.png", 1440, 1116)
            photographer.take("dashboard-dark.png", 1440, 1116, color_scheme="dark")
            photographer.take("dashboard-narrow.png", 360, 1116)
            photographer.take("dashboard-wall.png", 2560, 1440)
            photographer.take("dashboard-one-source.png", 1440, 1116, GA4_ONLY)
            photographer.take_print("dashboard-print.png")
            photographer.take_insights("insights.png")
            photographer.take_studio("studio.png")
        browser.close()
    for path in IMAGES.glob("*.png"):
        shrink(path)


if __name__ == "__main__":
    main()
