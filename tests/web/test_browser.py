"""The page in a real Chromium: what a visitor sees in the first minutes, and does in the next."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from demo.tenants import GA4_ONLY, NO_DATA
from tests.support.paths import ROOT
from tests.web.conftest import Visit

if TYPE_CHECKING:
    from playwright.sync_api import Page, Request, Route

AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
BATCH = "**/v1/widgets/batch"
SHIFT = """() => new Promise((resolve) => {
  let sum = 0;
  const add = (entry) => { sum += entry.hadRecentInput ? 0 : entry.value; };
  new PerformanceObserver((list) => list.getEntries().forEach(add)).observe({ type: "layout-shift", buffered: true });
  requestAnimationFrame(() => setTimeout(() => resolve(sum), 50));
})"""
TOO_WIDE = """() => [...document.querySelectorAll("article.card")].filter((card) => {
  const { right } = card.getBoundingClientRect();
  const drawn = [...card.querySelectorAll("svg.plot, .chart-table table")];
  return drawn.some((each) => each.getBoundingClientRect().right > right + 1);
}).length"""
# The tops of a table's head, of its rows and of its total, from the top.
LINES = "(table) => [...table.querySelectorAll('tr')].map((line) => line.children[0].getBoundingClientRect().top)"
HOSTILE = '<img src=x onerror="document.title=1">‮evil'


def change_answers(route: Route, change: Any) -> None:
    """Answer a batch with what the server says, changed."""
    response = route.fetch()
    body = response.json()
    for widget in body["widgets"].values():
        change(widget)
    route.fulfill(response=response, json=body)


# In the page's own order of things: what it asks, and when the first figure stands.
WATCH = """() => {
  const asked = (window.askedFirst = []);
  const { fetch } = window;
  window.fetch = (input, init) => {
    const hasFigure = document.querySelector(".place .value, .trend .value") !== null;
    if (!hasFigure) asked.push(new URL(input.url ?? input, location.href).pathname);
    return fetch(input, init);
  };
}"""


def read_question(request: Request) -> dict[str, Any]:
    question: dict[str, Any] = json.loads(request.post_data or "{}")
    return question


def find_tile(page: Page, key: str) -> Any:
    return page.locator(f'.place [data-key="{key}"]')


def read_value(page: Page, key: str) -> str:
    return str(find_tile(page, key).locator(".value").first.inner_text())


def choose_preset(page: Page, label: str) -> None:
    page.click("#period")
    page.get_by_role("button", name=re.compile(f"^{label}")).click()


def wait_for_answer(page: Page) -> None:
    page.locator("main[aria-busy=false]").wait_for()


def test_the_first_screen_tells_whose_it_is_and_keeps_its_place(visit: Visit) -> None:
    visit.page.add_init_script(f"({WATCH})()")
    asked: list[str] = []
    visit.page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    page = visit.open()
    # Nothing else is asked before the first figure stands, and all figures come at once.
    first = page.evaluate("() => askedFirst")
    assert sorted(first[:2]) == ["/v1/dashboard", "/v1/widgets"]
    assert first[2:] == ["/v1/widgets/batch"]
    assert "Alder & Finch" in page.locator("h1").inner_text()
    page.locator(".sentences li").first.wait_for()
    assert page.locator(".headlines .headline").count() == 6
    trend = page.locator(".trend chart-box").bounding_box()
    assert trend is not None
    assert trend["y"] + trend["height"] < 900
    assert page.evaluate(SHIFT) < 0.05
    assert {"/v1/insights", "/v1/events"} < set(asked)
    assert asked.count("/v1/widgets/batch") == 1
    assert page.locator(".group > h2").all_inner_texts() == ["Traffic", "Ads", "Content", "Cross-channel"]


def test_arranging_prints_no_false_and_what_is_taken_off_comes_back_by_undo(visit: Visit) -> None:
    page = visit.open()
    page.click("#arrange")
    page.locator("arrange-grid .handles").first.wait_for()
    assert not re.search(r"\b(false|undefined|null|NaN)\b", page.locator("body").inner_text())
    page.get_by_role("button", name="Take off Revenue").click()
    page.locator('.grid-stack-item[gs-id="ga4.revenue"]').wait_for(state="detached")
    page.get_by_role("button", name="Undo").click()
    page.locator('.grid-stack-item[gs-id="ga4.revenue"]').wait_for()
    page.click("#done")
    assert page.locator(".handles").count() == 0
    assert read_value(page, "ga4.revenue").startswith("$")


def test_keys_move_and_resize_and_a_double_click_saves_once(visit: Visit) -> None:
    page = visit.open()
    page.click("#arrange")
    grip = page.locator('[data-grip="ga4.channel_table"]')
    grip.focus()
    with page.expect_response("**/v1/dashboard/layout") as saving:
        # One after the other, however fast: the widget stays in hand.
        page.keyboard.press("Shift+ArrowUp")
        page.keyboard.press("ArrowDown")
    assert saving.value.ok
    page.get_by_text("Saved", exact=True).wait_for()
    page.dblclick("#done")
    assert page.locator(".conflict").count() == 0
    saved = {each["id"]: each for each in saving.value.json()["widgets"]}
    table = saved["ga4.channel_table"]
    assert (table["section"], table["h"]) == ("Traffic", 4)
    assert table["y"] > saved["ga4.landing_pages"]["y"] == 0
    # What is moved within its section does not move the section.
    assert page.locator(".group > h2").all_inner_texts() == ["Traffic", "Ads", "Content", "Cross-channel"]
    page.reload()
    wait_for_answer(page)
    assert page.locator(".place").count() == len(saved)


def test_an_emptied_dashboard_stays_empty(visit: Visit) -> None:
    page = visit.open()
    token = visit.server.sign()
    headers = {"Authorization": f"Bearer {token}"}
    visit.context.request.post(f"{visit.server.address}/v1/dashboard/layout", data={"widgets": []}, headers=headers)
    page.reload()
    page.get_by_role("button", name="Add a widget").click()
    page.get_by_role("searchbox").fill("roas return")
    page.get_by_role("button", name="Add Return on ad spend").click()
    page.keyboard.press("Escape")
    page.click("#done")
    wait_for_answer(page)
    assert read_value(page, "meta.roas").endswith("×")
    assert page.locator(".place").count() == 1


def test_a_new_widget_is_offered_to_who_has_arranged_the_page(visit: Visit) -> None:
    headers = {"Authorization": f"Bearer {visit.server.sign()}"}
    catalog = visit.context.request.get(f"{visit.server.address}/v1/widgets", headers=headers).json()
    known = [entry["key"] for entry in catalog["widgets"] if entry["key"] not in ("meta.roas", "meta.ctr")]
    visit.context.request.post(
        f"{visit.server.address}/v1/dashboard/layout",
        data={"widgets": [{"id": "ga4.users"}], "known": known},
        headers=headers,
    )
    page = visit.open()
    strip = page.get_by_label("New widgets")
    assert strip.get_by_role("button").all_inner_texts()[-1] == "Dismiss"
    assert strip.get_by_role("button").count() == 3
    strip.get_by_role("button", name="Return on ad spend").click()
    page.locator('[gs-id="meta.roas"], .overview [data-key="meta.roas"]').first.wait_for()


def test_a_conflict_offers_mine_and_theirs(visit: Visit) -> None:
    page = visit.open()
    headers = {"Authorization": f"Bearer {visit.server.sign()}"}
    page.click("#arrange")
    page.get_by_role("button", name="Take off Followers").click()
    page.get_by_text("Saved", exact=True).wait_for()
    visit.context.request.post(
        f"{visit.server.address}/v1/dashboard/layout", data={"widgets": [{"id": "ga4.users"}]}, headers=headers
    )
    page.get_by_role("button", name="Take off Revenue").click()
    page.get_by_role("button", name="Keep mine").click()
    page.get_by_text("Saved", exact=True).wait_for()
    saved = visit.context.request.get(f"{visit.server.address}/v1/dashboard/layout", headers=headers).json()
    keys = {each["id"] for each in saved["widgets"]}
    assert "ga4.sessions" in keys
    assert not keys & {"ga4.revenue", "ig.followers"}


def test_after_a_failure_header_and_numbers_are_of_the_same_days_and_heal(visit: Visit) -> None:
    page = visit.open("?range=7d")
    before, value = page.locator("#period strong").inner_text(), read_value(page, "ga4.sessions")
    refused: list[int] = []

    def refuse_twice(route: Route) -> None:
        refused.append(1)
        if len(refused) > 2:
            route.continue_()
            return
        route.fulfill(
            status=503,
            headers={"Retry-After": "1"},
            content_type="application/problem+json",
            body=json.dumps({"title": "away", "status": 503, "detail": "The database is away."}),
        )

    page.route(BATCH, refuse_twice)
    page.locator(".insights[aria-busy=false]").wait_for()
    sentences = page.locator(".sentences").inner_text()
    choose_preset(page, "Last 28 days")
    page.locator(".banner").wait_for()
    assert page.locator(".banner").count() == 1
    assert page.locator("#period strong").inner_text() == before
    assert read_value(page, "ga4.sessions") == value
    assert page.locator("#period .loading").inner_text().startswith(("Not ", "Loading "))
    # What happened is told of the same days, and all cards are as dim.
    assert page.locator(".sentences").inner_text() == sentences
    assert page.locator("article.card:not(.old)").count() == 0
    page.locator(".banner").wait_for(state="detached")
    page.wait_for_function("(text) => document.querySelector('.sentences').innerText !== text", arg=sentences)
    assert page.locator("#period strong").inner_text() != before
    assert read_value(page, "ga4.sessions") != value


def test_typing_a_date_asks_once(visit: Visit) -> None:
    page = visit.open()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.post_data or "") if "batch" in request.url else None)
    page.click("#period")
    end = page.locator("input[name=end]").input_value()
    page.locator("input[name=start]").focus()
    page.keyboard.type(f"{end[5:7]}02{end[:4]}")
    assert asked == []
    page.get_by_role("button", name="Show these days").click()
    wait_for_answer(page)
    assert len(asked) == 1
    assert f"start={end[:7]}-02" in page.url


def test_a_click_filters_what_has_the_dimension(visit: Visit) -> None:
    page = visit.open()
    whole = read_value(page, "ga4.traffic_channels")
    find_tile(page, "ga4.channel_table").get_by_role("button", name="Filter by Email").click()
    page.locator(".chip").wait_for()
    wait_for_answer(page)
    assert "filter.channel=Email" in page.url
    assert read_value(page, "ga4.traffic_channels") != whole
    assert "not by channel" in find_tile(page, "ga4.revenue").inner_text()
    page.go_back()
    page.locator(".chip").wait_for(state="detached")
    wait_for_answer(page)
    assert read_value(page, "ga4.traffic_channels") == whole


def test_a_campaign_filters_by_its_id_and_is_called_by_its_name(visit: Visit) -> None:
    page = visit.open()
    row = find_tile(page, "meta.campaigns").locator('[aria-label$="ilter by it"]').first
    with page.expect_request(BATCH) as asking:
        row.click()
    (member,) = read_question(asking.value)["filter"]["campaign"]
    wait_for_answer(page)
    chip = page.locator(".chip").inner_text()
    assert chip.startswith("Campaign")
    assert member not in chip
    assert "not by campaign" not in find_tile(page, "meta.campaigns").inner_text()


def test_a_table_sorts_and_turns_its_pages(visit: Visit) -> None:
    def cut(widget: dict[str, Any]) -> None:
        if table := widget.get("table"):
            del table["rows"][10:]

    visit.page.route(BATCH, lambda route: change_answers(route, cut))
    page = visit.open()
    table = find_tile(page, "ga4.landing_page_table")
    names = table.locator("tbody th")
    before = names.all_inner_texts()
    with page.expect_request(BATCH) as asking:
        table.get_by_role("button", name="Sessions").click()
    assert read_question(asking.value)["sort"] == "Sessions"
    table.locator('th[aria-sort="ascending"]').wait_for()
    page.wait_for_function(
        "([path, name]) => document.querySelector(path).innerText !== name",
        arg=['[data-key="ga4.landing_page_table"] tbody th', before[0]],
    )
    assert names.all_inner_texts() != before
    with page.expect_request(BATCH) as turning:
        table.get_by_role("button", name="Next").click()
    assert read_question(turning.value).items() >= {"offset": 10, "limit": 10}.items()


def test_a_drag_picks_days(visit: Visit) -> None:
    page = visit.open()
    box = page.locator(".trend .surface").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.3, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, middle, steps=4)
    page.mouse.up()
    page.wait_for_url("**/?start=*")
    wait_for_answer(page)


def test_it_compares_with_matching_weekdays_and_with_any_date(visit: Visit) -> None:
    page = visit.open()
    page.click("#period")
    for compare in ("previous_year_weekday", "custom"):
        with page.expect_request(partial(asks_compared, compare=compare)) as asking:
            page.locator("select[name=compare]").select_option(compare)
    assert read_question(asking.value)["compare_start"]


def asks_compared(request: Request, compare: str) -> bool:
    return request.url.endswith("/batch") and read_question(request)["compare"] == compare


def test_a_menu_explains_a_number_and_gives_its_points(visit: Visit) -> None:
    page = visit.open()
    tile = find_tile(page, "meta.ctr")
    tile.locator(".menu > summary").click()
    tile.get_by_role("button", name="Explain this number").click()
    dialog = page.locator("dialog.explain")
    dialog.get_by_text("meta.yaml:").first.wait_for()
    assert "SELECT" in dialog.inner_text()
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    tile.locator(".menu > summary").click()
    tile.get_by_role("button", name="As a table").click()
    assert tile.locator("tbody tr").count() == 28
    tile.locator(".menu > summary").click()
    with page.expect_download() as download:
        tile.get_by_role("button", name="Download CSV").click()
    assert Path(download.value.path()).read_text(encoding="utf-8").count("\n") >= 28
    tile.locator(".menu > summary").click()
    tile.get_by_role("button", name="As a chart").click()
    tile.locator(".menu > summary").click()
    with page.expect_download() as picture:
        tile.get_by_role("button", name="Download PNG").click()
    assert Path(picture.value.path()).read_bytes().startswith(b"\x89PNG")
    tile.locator(".menu > summary").click()
    tile.get_by_role("button", name="Full screen").click()
    page.locator("dialog.viewer chart-box svg").wait_for()
    assert "open=meta.ctr" in page.url
    page.keyboard.press("Escape")
    page.locator("dialog.viewer").wait_for(state="detached")


def test_a_sync_tells_of_each_account(visit: Visit) -> None:
    page = visit.open()
    page.click("#sync-status")
    page.click("#sync-now")
    page.locator(".toast").wait_for()
    assert page.locator(".report li").count() == 3
    assert "Succeeded" in page.locator(".report").inner_text()


def test_an_edit_of_the_yaml_reaches_the_open_page(visit: Visit) -> None:
    path = visit.server.folder / "meta.yaml"
    text = path.read_text(encoding="utf-8")
    with visit.page.expect_response("**/v1/events"):
        page = visit.open()
    page.wait_for_timeout(300)
    try:
        path.write_text(text.replace("title: Click-through rate", "title: Clicks of a hundred"), encoding="utf-8")
        visit.server.services.reload_catalog()
        find_tile(page, "meta.ctr").get_by_text("Clicks of a hundred").wait_for()
    finally:
        path.write_text(text, encoding="utf-8")
        visit.server.services.reload_catalog()


def test_a_customer_of_one_source_sees_one_line_and_no_apologies(visit: Visit) -> None:
    page = visit.open(token=visit.server.sign(GA4_ONLY.user_id, GA4_ONLY.name))
    text = page.locator("main").inner_text()
    assert "Needs " not in text
    assert re.search(r"\d more with Meta Ads", page.locator(".strip").inner_text())
    page.locator(".strip").get_by_role("button", name="Connect").click()
    page.locator('[data-source="meta"]').get_by_text("Not connected.").wait_for()


def test_who_has_nothing_is_led_to_the_connections(visit: Visit) -> None:
    page = visit.open(token=visit.server.sign(NO_DATA.user_id, NO_DATA.name))
    page.get_by_role("button", name="Connect a source").click()
    source = page.locator('[data-source="ga4"]')
    source.get_by_text("Connect an account").click()
    source.locator("input[name=account]").fill("no number")
    source.get_by_role("button", name="Connect", exact=True).click()
    page.locator(".connections .error").wait_for()
    assert "GA4" in page.locator(".connections .error").inner_text() or page.locator(".error").inner_text()


def test_a_refused_token_leads_to_the_door(visit: Visit) -> None:
    page = visit.open(token="of.no.server")
    assert page.locator(".door h1").inner_text() == "Your marketing dashboard"
    page.locator("input[name=token]").fill(visit.server.sign())
    page.get_by_role("button", name="Open the dashboard").click()
    wait_for_answer(page)
    page.goto(f"{visit.server.address}/#token={visit.server.sign(GA4_ONLY.user_id)}")
    page.click("#stay")
    wait_for_answer(page)
    assert "Alder & Finch" in page.locator("h1").inner_text()


def test_a_hostile_name_is_text(visit: Visit) -> None:
    page = visit.page

    def rename(widget: dict[str, Any]) -> None:
        for series in widget.get("series", []):
            series["name"] = HOSTILE
            if "id" in series:
                series["id"] = HOSTILE
        for item in widget.get("items", []):
            item |= {"caption": HOSTILE, "permalink": "javascript:alert(1)"}

    page.route(BATCH, lambda route: change_answers(route, rename))
    visit.open(token=visit.server.sign(name=HOSTILE))
    page.locator("chart-box svg").first.wait_for()
    assert page.locator("main img, h1 img, [onerror]").count() == 0
    assert page.locator('a[href^="javascript"]').count() == 0
    assert page.title() != "1"
    assert "‮" not in page.locator("h1").inner_text()


def test_a_steady_rate_is_a_flat_line_with_labels_that_differ(visit: Visit) -> None:
    page = visit.page

    def steady(widget: dict[str, Any]) -> None:
        if widget["meta"]["key"] == "meta.roas":
            for index, point in enumerate(widget["series"][0]["points"]):
                point["v"] = 3 + index % 2 * 1e-15

    page.route(BATCH, lambda route: change_answers(route, steady))
    visit.open("?trend=meta.roas")
    labels = page.locator(".trend text.tick.end").all_text_contents()
    assert len(labels) > 1
    assert len(labels) == len(set(labels))


@pytest.mark.parametrize("days", [1, 1_100])
def test_a_day_and_three_years_are_drawn(visit: Visit, days: int) -> None:
    start, end = ("2026-11-20", "2026-11-20") if days == 1 else ("2023-11-20", "2026-11-23")
    page = visit.open(f"?start={start}&end={end}&grain={'day' if days == 1 else 'week'}&compare=off")
    page.locator(".trend .plot, .trend .chart-nothing").first.wait_for()
    if days > 1:
        ticks = page.locator(".trend text.tick").all_text_contents()
        assert any(re.search(r"20\d\d", tick) for tick in ticks), ticks


def test_print_is_a_report(visit: Visit) -> None:
    page = visit.open()
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 700, "height": 1000})
    for hidden in (".actions", ".menu.iconic"):
        assert not page.locator(hidden).first.is_visible()
    page.locator(".trend svg.plot").wait_for()
    page.wait_for_timeout(150)
    assert page.evaluate(TOO_WIDE) == 0
    lines = find_tile(page, "ga4.channel_table").locator("table").evaluate(LINES)
    assert lines == sorted(set(lines))


@pytest.mark.parametrize(
    "visit",
    [{}, {"color_scheme": "dark"}, {"viewport": {"width": 360, "height": 800}}],
    ids=["light", "dark", "narrow"],
    indirect=True,
)
def test_axe_finds_nothing(visit: Visit) -> None:
    page = visit.open("?filter.channel=Email")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    page.click("#period")
    assert list_violations(page) == []
    page.keyboard.press("Escape")
    page.click("#sync-status")
    page.locator(".drawer").wait_for()
    assert list_violations(page, ".drawer") == []
    page.locator(".drawer").get_by_role("button", name="Close").click()
    page.click("#arrange")
    page.click("#add-widget")
    page.locator(".gallery").wait_for()
    assert list_violations(page) == []


@pytest.mark.parametrize("visit", [{"viewport": {"width": 360, "height": 800}}], ids=["narrow"], indirect=True)
def test_nothing_is_cut_from_a_telephone_to_a_wall(visit: Visit) -> None:
    page = visit.open()
    # In one column a widget changes places with its neighbour.
    page.click("#arrange")
    with page.expect_response("**/v1/dashboard/layout"):
        page.get_by_role("button", name="Move down: Revenue").click()
    keys = [place.get_attribute("data-place") for place in page.locator(".place.arranged").all()]
    assert keys[:3] == ["ga4.sessions", "ga4.revenue", "ga4.conv_rate"]
    page.click("#done")
    for width in (360, 820, 2560):
        page.set_viewport_size({"width": width, "height": 1_000})
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    section = page.locator(".group").first.bounding_box()
    assert section is not None
    assert section["width"] > 2_400


def list_violations(page: Page, within: str = "body") -> list[str]:
    found = page.evaluate("(within) => axe.run(within, { resultTypes: ['violations'] })", within)
    return [
        f"{violation['id']}: {node['html'][:160]} {node['failureSummary'][:160]}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]
