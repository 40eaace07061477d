"""The elements and the client on pages of another origin, in a real Chromium, as docs/embedding.md has them."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from api.tokens import create_token
from demo.tenants import EVERYTHING
from tests.api.conftest import SECRET
from tests.support.docs.blocks import find_blocks
from tests.support.paths import ROOT
from tests.web.conftest import HostSite, Visit
from web.build import find_node, run_tool

if TYPE_CHECKING:
    from playwright.sync_api import Page

ELEMENTS, FRAME = (block.text for block in find_blocks("embedding.md", "html", "javascript"))
EXAMPLE_SERVER = "https://metrics.example.com"
NOTE_EVENTS = """
window.seen = [];
for (const name of ["metric-load", "metric-error", "metric-select", "metric-range"]) {
  addEventListener(name, ({ type, detail: { key, status, widget } }) => {
    window.seen.push({ type, key, status, value: widget?.stats.value });
  });
}
"""
ONE_WIDGET = """<!doctype html><title>One</title><metric-widget key="ga4.sessions"></metric-widget>
<script type="module" src="page.js"></script>"""
ADD_DASHBOARD = """(token) => document.body.append(
  Object.assign(document.createElement("metric-dashboard"), { token }))"""
COUNT_LOADS = "(count) => window.seen?.filter(({ type }) => type === 'metric-load').length === count"
FRAME_PAGE = """<!doctype html><title>Around</title><iframe src="SERVER/?range=7d" width="1200" height="800"></iframe>
<script type="module" src="frame.js"></script>"""


@pytest.fixture
def asked(visit: Visit) -> list[dict[str, Any]]:
    """The questions of each batch that the page sends."""
    questions: list[dict[str, Any]] = []
    visit.page.on(
        "request",
        lambda request: (
            questions.append(json.loads(request.post_data or "{}")) if request.url.endswith("/batch") else None
        ),
    )
    return questions


def fetch(visit: Visit, path: str) -> Any:
    headers = {"Authorization": f"Bearer {visit.server.sign()}"}
    return visit.context.request.get(visit.server.address + path, headers=headers).json()


def read_events(page: Page, kind: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = page.evaluate("(kind) => window.seen.filter(({ type }) => type === kind)", kind)
    return events


def test_the_page_of_the_docs_shows_the_servers_numbers(
    visit: Visit, host_site: HostSite, asked: list[dict[str, Any]]
) -> None:
    page = visit.page
    # A policy without inline scripts holds for everybody, so that the block's script is a file here.
    script = re.search(r'<script type="module">(.*)</script>', ELEMENTS, re.DOTALL)
    assert script is not None
    host_site.write("index.html", ELEMENTS.replace(script[0], '<script type="module" src="page.js"></script>'))
    host_site.write("page.js", NOTE_EVENTS + script[1].replace(EXAMPLE_SERVER, visit.server.address))
    host_site.write("metrics-token", visit.server.sign())
    page.goto(host_site.address)
    page.wait_for_function(COUNT_LOADS, arg=4)
    assert read_events(page, "metric-error") == []

    # Each number is the API's own, and those of the same days came together.
    for event in read_events(page, "metric-load"):
        days = "" if event["key"] in ("ga4.sessions", "meta.roas") else "?start={start}&end={end}".format(**asked[-1])
        assert event["value"] == fetch(visit, f"/v1/widgets/{event['key']}{days}")["stats"]["value"]
    assert sorted(sorted(question["keys"]) for question in asked) == [
        ["ga4.channel_table", "ga4.conv_rate"],
        ["ga4.sessions", "meta.roas"],
    ]
    sessions = page.locator("metric-widget").first
    value = fetch(visit, "/v1/widgets/ga4.sessions")["stats"]["value"]
    assert sessions.locator(".value").inner_text() == f"{value:,.0f}"
    sessions.locator("chart-box svg.plot").wait_for()
    assert page.locator('metric-widget[key="meta.roas"] .value').inner_text().endswith("×")

    # A member that is clicked filters the dashboard, and the page is told.
    dashboard = page.locator("metric-dashboard")
    dashboard.get_by_role("button", name="Filter by Email").click()
    dashboard.locator(".chip").wait_for()
    page.wait_for_function(COUNT_LOADS, arg=6)
    assert asked[-1]["filter"] == {"channel": ["Email"]}
    assert len(read_events(page, "metric-select")) == 1
    dashboard.locator("select").select_option("7d")
    page.wait_for_function(COUNT_LOADS, arg=8)
    assert dashboard.locator(".head p").inner_text().count("–") == 2

    # Attributes and parts are the page's to change.
    asked.clear()
    sessions.evaluate("(element) => element.setAttribute('key', 'ga4.sesions')")
    sessions.locator("[part=message]").wait_for()
    assert "ga4.sessions" in sessions.locator("[part=message]").inner_text()
    assert [event["status"] for event in read_events(page, "metric-error")] == [404]
    sessions.evaluate("(element) => Object.assign(element, { key: 'ga4.sessions', range: '30d' })")
    sessions.get_by_text("There is no range 30d").wait_for()
    assert len(asked) == 1


def test_a_token_that_ends_is_told_and_a_new_one_heals(
    visit: Visit, host_site: HostSite, asked: list[dict[str, Any]]
) -> None:
    page = visit.page
    ended = create_token(EVERYTHING.user_id, secret=SECRET, lifetime=timedelta(hours=-1))
    host_site.write("index.html", ONE_WIDGET)
    script = f'import {{ configure }} from "{visit.server.address}/components.js"; window.configure = configure;'
    host_site.write("page.js", NOTE_EVENTS + script)
    page.goto(host_site.address)
    page.wait_for_function("() => window.configure")
    widget = page.locator("metric-widget")
    # Without a token it waits.
    widget.locator("[part=loading]").wait_for()
    widget.evaluate("(element, token) => { element.token = token; }", ended)
    widget.get_by_text("Your access has ended.").wait_for()
    assert [event["status"] for event in read_events(page, "metric-error")] == [401]
    widget.evaluate("(element, token) => { element.token = token; }", visit.server.sign())
    widget.locator(".value").wait_for()
    assert widget.locator("[part=message]").count() == 0

    # A dashboard without names is the user's own, in one request.
    asked.clear()
    page.evaluate(ADD_DASHBOARD, visit.server.sign())
    catalog = fetch(visit, "/v1/widgets")["widgets"]
    page.wait_for_function(COUNT_LOADS, arg=1 + len(catalog))
    assert [sorted(question["keys"]) for question in asked] == [sorted(entry["key"] for entry in catalog)]
    headings = page.locator("metric-dashboard h2").all_inner_texts()
    assert sorted(headings) == sorted({entry["group"] for entry in catalog})


def test_the_dashboard_in_a_frame_takes_the_token_of_the_page_around_it(visit: Visit, host_site: HostSite) -> None:
    page = visit.page
    host_site.write("index.html", FRAME_PAGE.replace("SERVER", visit.server.address))
    asking = "const askForToken = () => fetch('metrics-token').then((response) => response.text());\n"
    # It hears nothing of what the dashboard asks at first, as a page whose script comes late.
    late = "await new Promise((resolve) => setTimeout(resolve, 1_000));\n"
    host_site.write("frame.js", late + asking + FRAME.replace(EXAMPLE_SERVER, visit.server.address))
    host_site.write("metrics-token", visit.server.sign())
    page.goto(host_site.address)
    frame = page.frame_locator("iframe")
    frame.get_by_role("heading", name="Alder & Finch").wait_for()
    # A window inside the frame is not the page around it, and is not heard.
    inner = page.frames[1]
    inner.evaluate("() => window.postMessage({ type: 'metric-token', token: 'of.somebody.else' }, '*')")
    inner.evaluate("() => new Promise((resolve) => setTimeout(resolve))")
    assert frame.get_by_role("heading", name="Alder & Finch").is_visible()
    # A token that has ended is asked for again.
    refusal = {"title": "Unauthorized", "status": 401}
    page.route("**/v1/widgets/batch", lambda route: route.fulfill(status=401, json=refusal), times=1)
    with page.expect_response(lambda response: response.url.endswith("/batch") and response.ok):
        frame.locator("#period").click()
        frame.get_by_role("button", name="Last 28 days").click()
    frame.locator("main[aria-busy=false] .overview").wait_for()


def test_the_example_of_the_client_package_is_built_and_runs(visit: Visit, host_site: HostSite) -> None:
    run_tool(find_node(), "npm", "run", "--silent", "client", problem="The client or its example could not be built")
    example = ROOT / "web" / "client" / "example"
    host_site.write("index.html", (example / "index.html").read_text(encoding="utf-8"))
    host_site.write("dist/main.js", (example / "dist" / "main.js").read_text(encoding="utf-8"))
    page = visit.page
    page.goto(f"{host_site.address}/?server={visit.server.address}#token={visit.server.sign()}")
    for key, decimals in (("ga4.sessions", 0), ("ga4.conv_rate", 4), ("meta.roas", 2)):
        value = fetch(visit, f"/v1/widgets/{key}")["stats"]["value"]
        assert page.locator(f'[data-key="{key}"]').inner_text() == f"{value:.{decimals}f}"
    with page.expect_response("**/batch") as asking:
        page.locator("select").select_option("previous_year")
    assert json.loads(asking.value.request.post_data or "")["compare"] == "previous_year"
    # Without a token that is good, what is wrong is said.
    page.goto(f"{host_site.address}/?server={visit.server.address}&again#token=of.no.server")
    page.get_by_role("alert").get_by_text("unauthenticated: ").wait_for()
