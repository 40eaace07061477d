"""The studio in a real Chromium: a typo and its mending, a new widget, saving, and a conflict on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cli.watcher import Watcher, stamp_folder
from demo.tenants import EVERYTHING
from tests.web.conftest import DashboardServer, Visit
from tests.web.test_browser import AXE, list_violations

if TYPE_CHECKING:
    from playwright.sync_api import Page

# The cursor goes where a reader would click; all that is typed goes through the keyboard.
PLACE_CURSOR = """(after) => {
  const { view } = document.querySelector("yaml-editor");
  const at = view.state.doc.toString().indexOf(after) + after.length;
  view.dispatch({ selection: { anchor: at }, scrollIntoView: true });
  view.focus();
}"""
READ_TEXT = """() => document.querySelector("yaml-editor").view.state.doc.toString()"""
HAS_FOCUS = """() => document.activeElement === document.querySelector("yaml-editor")"""
NEW = "ga4.engaged_share"


@pytest.fixture
def watched(dashboard_server: DashboardServer) -> Iterator[Path]:
    """The folder of the served metric files, taken in when they change, and as it was afterwards."""
    folder = dashboard_server.folder
    before = {path: path.read_bytes() for path in folder.glob("*.yaml")}
    with Watcher(dashboard_server.services, folder, stamp_folder(folder)):
        yield folder
    for path, content in before.items():
        path.write_bytes(content)
    dashboard_server.services.reload_catalog()


def choose_days(server: DashboardServer) -> tuple[date, date]:
    """Choose four weeks that no sync restates any longer."""
    end = server.services.get_today() - timedelta(days=10)
    return end - timedelta(days=27), end


def sum_sessions(server: DashboardServer) -> tuple[int, int]:
    """Sum the sessions, and the engaged ones, of these days by a statement of its own."""
    days = choose_days(server)
    sql = "SELECT SUM(sessions), SUM(engaged_sessions) FROM ga4_daily WHERE user_id = ? AND date BETWEEN ? AND ?"
    with server.services.warehouse.engine.connect() as connection:
        row = connection.exec_driver_sql(sql, (EVERYTHING.user_id, *map(str, days))).one()
    return int(row[0]), int(row[1])


def open_studio(visit: Visit) -> Page:
    start, end = choose_days(visit.server)
    page = visit.open(f"?start={start}&end={end}")
    # Who looks for a widget that is not there is led to it.
    page.click("#arrange")
    page.click("#add-widget")
    page.get_by_role("button", name="Write a new one in the studio").click()
    page.locator("yaml-editor .cm-content").wait_for()
    page.locator(".verdict .summary", has_text="No problems").wait_for()
    page.get_by_role("navigation", name="Files").get_by_role("button", name="ga4.yaml").click()
    page.locator("yaml-editor .cm-content[aria-label^='ga4.yaml']").wait_for()
    return page


def find_change(page: Page, key: str) -> Any:
    return page.locator(f'.previews [data-change="{key}"]')


def check_accessibility(page: Page) -> None:
    page.locator(".previews[aria-busy=false]").wait_for()
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    assert list_violations(page) == []


def test_a_typo_its_mending_and_a_new_widget_that_is_saved(visit: Visit, watched: Path) -> None:
    file = watched / "ga4.yaml"
    before = file.read_text(encoding="utf-8")
    page = open_studio(visit)
    sessions, engaged = sum_sessions(visit.server)
    assert page.locator("#save").is_disabled()

    # A typo is underlined while it is typed, and nothing is written.
    page.evaluate(PLACE_CURSOR, "value: sum(sessions")
    page.keyboard.type("s")
    fault = page.locator("yaml-editor .cm-lintRange-error")
    fault.wait_for()
    assert fault.inner_text() == "sessionss"
    told = page.locator(".verdict li").first.inner_text()
    line = before[: before.index("value: sum(sessions")].count("\n") + 1
    assert told.startswith(f"{line}:16")
    assert "did you mean 'sessions'?" in told
    check_accessibility(page)

    # Its remedy is a click away; a text as it was changes nothing.
    fault.hover()
    page.get_by_role("button", name="Write sessions").click()
    page.locator(".verdict .summary", has_text="No problems").wait_for()
    assert page.evaluate(READ_TEXT) == before
    assert page.locator(".previews .change").count() == 0

    # What the text changes stands there before and after, with the difference.
    page.evaluate(PLACE_CURSOR, "value: sum(sessions)")
    page.keyboard.type(" * 3")
    change = find_change(page, "ga4.sessions")
    cells = change.locator(".differences td")
    change.get_by_text(f"{3 * sessions:,}").first.wait_for()
    assert cells.all_inner_texts() == [f"{sessions:,}", f"{3 * sessions:,}", f"+{2 * sessions:,} (+200%)"]
    assert change.locator(".side chart-box svg.plot").count() == 2
    assert page.locator(".previews .change").first.get_attribute("data-change") == "ga4.sessions"
    assert find_change(page, "corr.cost_per_session").count() == 1
    # Three sessions and four, tripled.
    failed = change.locator(".tests li", has_text="two days against the two before")
    assert "stats.value is 21, not 7" in failed.inner_text()
    # Each side scrolls by itself, and the page stays.
    assert page.evaluate("() => document.documentElement.scrollHeight - innerHeight") == 0
    check_accessibility(page)
    page.keyboard.press("Control+z")
    find_change(page, "ga4.sessions").wait_for(state="detached")

    # A new widget is typed over a draft that is right as it stands.
    page.get_by_role("button", name="Begin a new widget").click()
    find_change(page, "ga4.new_widget").wait_for()
    page.keyboard.type("engaged_share")
    page.keyboard.press("Tab")
    page.keyboard.type("Engaged share")
    page.keyboard.press("Tab")
    page.keyboard.type("sum(engaged_sessions) / sum(sessions)")
    new = find_change(page, NEW)
    new.get_by_text(f"{engaged / sessions:.2f}", exact=True).wait_for()
    assert new.locator("header").inner_text().split("\n") == ["Engaged share", NEW, "New"]
    assert file.read_text(encoding="utf-8") == before

    # Escape and Tab lead out of the editor, in which Tab indents.
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    assert not page.evaluate(HAS_FOCUS)

    # Saved, it is in the file as typed, and on the dashboard.
    page.evaluate(PLACE_CURSOR, "Engaged share")
    page.keyboard.press("Control+s")
    page.locator(".toast", has_text="ga4.yaml is saved").wait_for()
    assert file.read_text(encoding="utf-8") == page.evaluate(READ_TEXT)
    assert before.rstrip() in file.read_text(encoding="utf-8")
    find_change(page, NEW).wait_for(state="detached")
    page.get_by_label("More", exact=True).click()
    page.get_by_role("button", name="Dashboard").click()
    tile = page.locator(f'.place [data-key="{NEW}"]')
    tile.get_by_text(f"{engaged / sessions:.2f}", exact=True).wait_for()


def test_a_conflict_offers_both_texts_and_all_sizes_hold(visit: Visit, watched: Path) -> None:
    file = watched / "ga4.yaml"
    page = open_studio(visit)
    alert = page.locator(".editing [role=alert]")

    def meet_conflict(typed: str, theirs: str) -> None:
        page.evaluate(PLACE_CURSOR, "# Google Analytics 4.")
        page.keyboard.type(typed)
        file.write_text(f"{file.read_text(encoding='utf-8')}# {theirs}\n", encoding="utf-8")
        page.keyboard.press("Control+s")
        alert.wait_for()
        assert "has changed on disk" in alert.inner_text()
        assert typed not in file.read_text(encoding="utf-8")

    meet_conflict(" Mine.", "Theirs.")
    page.get_by_role("button", name="Keep mine").click()
    page.locator(".toast", has_text="is saved").wait_for()
    kept = file.read_text(encoding="utf-8")
    assert " Mine." in kept
    assert "Theirs." not in kept

    meet_conflict(" Again.", "Theirs again.")
    page.get_by_role("button", name="Take theirs").click()
    alert.wait_for(state="detached")
    wait_for_text(page, lambda: file.read_text(encoding="utf-8"))
    assert page.locator("#save").is_disabled()

    # What another program writes while nothing is edited here is shown as it is.
    file.write_text(kept.replace("Sessions started on the day.", "Visits of the day."), encoding="utf-8")
    wait_for_text(page, lambda: file.read_text(encoding="utf-8"))

    page.evaluate(PLACE_CURSOR, "value: sum(sessions)")
    page.keyboard.type(" * 1.5")
    find_change(page, "ga4.sessions").wait_for()
    page.emulate_media(color_scheme="dark")
    for width in (360, 820, 1440, 2560):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    page.set_viewport_size({"width": 360, "height": 800})
    meet_conflict(" Narrow.", "Theirs once more.")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 360
    check_accessibility(page)


def wait_for_text(page: Page, read: Callable[[], str]) -> None:
    page.wait_for_function(f"(text) => ({READ_TEXT})() === text", arg=read())
