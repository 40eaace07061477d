"""The page in states that are rare: a sync that hangs or is refused, a finger, forced colours, a database away."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from demo.providers.demo_world import make_credentials
from demo.tenants import EVERYTHING
from tests.web.conftest import Visit
from tests.web.test_browser import AXE, BATCH, change_answers, find_tile, list_violations, read_value, wait_for_answer

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

# The first sync reads two years.
SYNC_TIMEOUT = 90_000
COLOURS = """(scope) => [...new Set([...document.querySelectorAll(`${scope} .swatch`)]
  .map((swatch) => getComputedStyle(swatch).fill))]"""


def fetch_layout(visit: Visit) -> list[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {visit.server.sign()}"}
    answer = visit.context.request.get(f"{visit.server.address}/v1/dashboard/layout", headers=headers)
    widgets: list[dict[str, Any]] = answer.json()["widgets"]
    return widgets


def test_a_sync_is_cancelled_and_a_refused_account_connected_again(visit: Visit) -> None:
    page = visit.open()
    page.click("#sync-status")
    drawer = page.locator(".drawer")
    with visit.server.slow_providers(1.0):
        page.click("#sync-now")
        drawer.get_by_role("button", name="Cancel").click()
        page.get_by_text("The sync was cancelled.").wait_for()
    drawer.locator("#sync-now").wait_for()
    assert "Cancelled" in drawer.locator(".report").inner_text()

    (account,) = EVERYTHING.list_accounts("meta")
    visit.server.services.state.connections.put(EVERYTHING.user_id, "meta", account.id, {"access_token": "revoked"})
    page.click("#sync-now")
    drawer.get_by_role("button", name="Reconnect").click(timeout=SYNC_TIMEOUT)
    source = page.locator('[data-source="meta"]')
    source.get_by_text("Needs to be connected again").wait_for()
    source.get_by_role("button", name="Reconnect").click()
    assert source.locator("input[name=account]").input_value() == account.id
    page.keyboard.type(make_credentials(account)["access_token"])
    source.get_by_role("button", name="Connect", exact=True).click()
    # It is read at once, and all is well again.
    page.get_by_text("The data is up to date").wait_for(timeout=SYNC_TIMEOUT)
    source.get_by_text("Active").wait_for()
    page.locator(".connections").get_by_role("button", name="Dashboard").click()
    assert read_value(page, "meta.roas").endswith("×")


def test_a_sync_that_has_ended_before_the_page_looks_is_told(visit: Visit) -> None:
    headers = {"Authorization": f"Bearer {visit.server.sign()}"}

    def wait_for_end(route: Route) -> None:
        while visit.context.request.get(route.request.url, headers=headers).json()["finished_at"] is None:
            time.sleep(0.05)
        route.continue_()

    visit.context.route("**/v1/events*", lambda route: route.abort())
    visit.context.route("**/v1/sync/job/*", wait_for_end)
    page = visit.open()
    page.click("#sync-status")
    page.click("#sync-now")
    page.get_by_text("The data is up to date").wait_for(timeout=SYNC_TIMEOUT)


def test_what_is_arranged_outlives_a_sync_and_a_reload_and_theirs_can_be_taken(visit: Visit) -> None:
    page = visit.open()
    page.click("#arrange")
    page.get_by_role("button", name="Take off Followers").click()
    page.click("#sync-status")
    page.click("#sync-now")
    page.locator(".toast").wait_for()
    page.locator(".drawer").get_by_role("button", name="Close").click()
    assert page.locator('[gs-id="ig.followers"]').count() == 0
    page.reload()
    wait_for_answer(page)
    assert page.locator('[data-key="ig.followers"]').count() == 0
    assert "ig.followers" not in {each["id"] for each in fetch_layout(visit)}
    headers = {"Authorization": f"Bearer {visit.server.sign()}"}
    page.click("#arrange")
    visit.context.request.post(
        f"{visit.server.address}/v1/dashboard/layout", data={"widgets": [{"id": "ga4.users"}]}, headers=headers
    )
    page.get_by_role("button", name="Take off Revenue").click()
    page.get_by_role("button", name="Take theirs").click()
    page.click("#done")
    wait_for_answer(page)
    assert page.locator(".place").count() == 1


@pytest.mark.parametrize(
    "visit", [{"has_touch": True, "viewport": {"width": 1024, "height": 900}}], ids=["touch"], indirect=True
)
def test_a_finger_reads_filters_and_arranges(visit: Visit) -> None:
    page = visit.open()
    find_tile(page, "ga4.sessions").locator(".cover").tap()
    page.locator('.trend[data-trend="ga4.sessions"] svg.plot').wait_for()
    box = page.locator(".trend .surface").bounding_box()
    assert box is not None
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tip = page.locator(".trend .chart-tip")
    tip.wait_for()
    assert re.search(r"against .*\d.*[↑↓±] [\d.]+%", tip.inner_text(), re.DOTALL)
    find_tile(page, "ga4.channel_table").get_by_role("button", name="Filter by Email").tap()
    page.locator(".chip").tap()
    wait_for_answer(page)
    assert page.locator(".chip").count() == 0

    page.locator("#arrange").tap()
    drag_by_touch(page, '.headlines [gs-id="ga4.revenue"] .grip', 420)
    page.get_by_text("Saved", exact=True).wait_for()
    places = {each["id"]: each for each in fetch_layout(visit)}
    assert places["ga4.revenue"]["x"] > 0
    # By a mouse too, and by the title.
    grip = page.locator('[data-grip="ga4.revenue"]').bounding_box()
    assert grip is not None
    page.mouse.move(grip["x"] + 30, grip["y"] + 10)
    page.mouse.down()
    page.mouse.move(grip["x"] - 400, grip["y"] + 10, steps=6)
    with page.expect_response("**/v1/dashboard/layout"):
        page.mouse.up()
    places = {each["id"]: each for each in fetch_layout(visit)}
    assert places["ga4.revenue"]["x"] == 0
    page.get_by_role("button", name="Take off Revenue").tap()
    page.get_by_role("button", name="Undo").tap()
    page.locator('[gs-id="ga4.revenue"]').wait_for()


def drag_by_touch(page: Page, selector: str, distance: float) -> None:
    """Press long and drag to the right as a finger does, which Playwright has no word for."""
    box = page.locator(selector).bounding_box()
    assert box is not None
    x, y = box["x"] + 12, box["y"] + box["height"] / 2
    session = page.context.new_cdp_session(page)
    points = [x + distance * step / 8 for step in range(9)]
    session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    # So long a touch is no scrolling.
    page.wait_for_timeout(400)
    for at in points:
        session.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": at, "y": y}]})
        page.evaluate("() => new Promise(requestAnimationFrame)")
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


@pytest.mark.parametrize("visit", [{"forced_colors": "active"}], ids=["forced"], indirect=True)
def test_forced_colours_keep_series_apart_and_nothing_moves(visit: Visit) -> None:
    page = visit.open()
    assert page.evaluate("() => matchMedia('(forced-colors: active)').matches")
    find_tile(page, "ga4.traffic_channels").locator("svg.plot").wait_for()
    assert len(page.evaluate(COLOURS, '[data-key="ga4.traffic_channels"]')) >= 6
    # What is chosen is told by more than a colour.
    assert page.locator(".headline.chosen").evaluate("(card) => getComputedStyle(card).outlineStyle") == "solid"
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert list_violations(page) == []
    # The visitor wants nothing to move, even while a sync turns its arrow.
    with visit.server.slow_providers(0.5):
        page.click("#sync-status")
        page.click("#sync-now")
        page.locator("#sync-status.busy").wait_for()
        assert page.evaluate("() => document.getAnimations().length") == 0
        page.locator(".drawer").get_by_role("button", name="Cancel").click()
        page.locator(".drawer #sync-now").wait_for()


def test_what_is_stale_or_refused_is_said_once(visit: Visit) -> None:
    page = visit.page

    def age(widget: dict[str, Any]) -> None:
        widget.get("meta", {})["stale"] = True

    page.route(BATCH, lambda route: change_answers(route, age))
    visit.open()
    assert page.locator(".banner").count() == 1
    assert page.locator(".banner").inner_text().startswith("The database is away.")
    page.unroute(BATCH)
    page.get_by_role("button", name="Try now").click()
    page.locator(".banner").wait_for(state="detached")
    # What can never succeed is not tried again.
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/batch") else None)
    page.goto(f"{visit.server.address}/?filter.nothing=1")
    page.locator(".banner").wait_for()
    assert page.get_by_role("button", name="Try now").count() == 0
    assert len(asked) <= 2
