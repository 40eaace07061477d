"""GA4: reports that say that they are incomplete, and reports that change between their pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from demo.providers.accounts import Property
from demo.providers.google.ga4 import GA4StandIn
from demo.providers.wire import StandInRequest
from engine.calendar import Window
from sync.limits import CallLimits
from tests.support.providers import faults, google_faults
from tests.support.providers.faults import CallFault, plant_fault
from tests.support.sync.recording_sink import (
    HASTY,
    QUICK,
    RecordingSink,
    make_world,
    open_sink,
    subtract_days,
    sync_account,
)

pytestmark = pytest.mark.server

PROPERTY = "318204557"
REPORT = ":runReport"
PAGES = "ga4_landing_pages_daily"
DAYS = 4


def make_visits(sessions: int) -> dict[str, float]:
    return {"activeUsers": sessions, "sessions": sessions, "engagedSessions": sessions, "keyEvents": 1.0}


@pytest.fixture
def google() -> Iterator[GA4StandIn]:
    world = make_world()
    days = [subtract_days(age) for age in range(DAYS)]
    found = Property(PROPERTY, days={day: make_visits(100) for day in days})
    found.channels = {(day, "Direct"): make_visits(100) for day in days}
    found.pages = {(day, f"/{size}"): make_visits(size) for day in days for size in (3, 40, 57)}
    world.add_accounts(found)
    with GA4StandIn(world) as stand_in:
        yield stand_in


@pytest.fixture
def account(google: GA4StandIn) -> Property:
    return google.world.properties[PROPERTY]


@pytest.fixture
def desk(sqlite_url: str) -> Iterator[RecordingSink]:
    with open_sink(sqlite_url, "ga4", PROPERTY) as desk:
        yield desk


def sync_days(desk: RecordingSink, google: GA4StandIn, history: int = DAYS, pace: CallLimits = QUICK) -> None:
    desk.notes.clear()
    desk.windows.clear()
    sync_account(desk, google, {"refresh_token": google.world.google.issue(PROPERTY)}, history=history, pace=pace)


def read_tables(desk: RecordingSink) -> dict[str, list[dict[str, Any]]]:
    return {name: desk.read_sorted_rows(name) for name in desk.tables}


def cut_newest(account: Property) -> None:
    account.truncated = {subtract_days(0), subtract_days(1)}


def cut_middle_without_names(account: Property) -> None:
    account.truncated, account.names_truncated = {subtract_days(1)}, False


def cut_all(account: Property) -> None:
    account.truncated = set(account.days)


def withhold_small_rows(account: Property) -> None:
    account.threshold = 10


def cut_and_withhold(account: Property) -> None:
    """One row is left of all, as it was seen."""
    account.truncated = {subtract_days(age) for age in (0, 1, 2)}
    account.threshold = 50


CUTS = [cut_newest, cut_middle_without_names, cut_all, withhold_small_rows, cut_and_withhold]


@pytest.mark.parametrize("cut", CUTS)
def test_what_an_incomplete_report_leaves_out_stays(
    google: GA4StandIn, account: Property, desk: RecordingSink, cut: Callable[[Property], None]
) -> None:
    sync_days(desk, google)
    before = read_tables(desk)
    assert desk.notes == {}
    cut(account)
    sync_days(desk, google)
    assert read_tables(desk) == before
    assert desk.notes
    # What is answered is restated all the same, and a complete report has the last word.
    account.truncated, account.threshold = set(), 0
    account.pages = {key: visits for key, visits in account.pages.items() if key[1] != "/3"}
    sync_days(desk, google)
    assert {row["landing_page"] for row in desk.read_sorted_rows(PAGES)[-3:]} == {"/40", "/57"}
    assert desk.notes == {}


@pytest.mark.parametrize("names", [True, False])
def test_days_that_are_cut_off_are_noted_and_the_newest_do_not_count_as_read(
    google: GA4StandIn, account: Property, desk: RecordingSink, names: bool
) -> None:
    account.truncated, account.names_truncated = {subtract_days(0), subtract_days(2)}, names
    sync_days(desk, google)
    for table in desk.tables:
        assert desk.warehouse.get_cursor(
            desk.make_slice(table, Window(date.min, date.max)).table, *read_owner(desk)
        ) == (Window(subtract_days(3), subtract_days(1)))
        days = [Window(subtract_days(age), subtract_days(age)) for age in (2, 0)]
        assert desk.notes[table, "truncated"] == days
        assert {row["date"] for row in desk.read_sorted_rows(table)} == {subtract_days(3), subtract_days(1)}
    account.truncated.clear()
    sync_days(desk, google)
    assert {row["date"] for row in desk.read_sorted_rows(PAGES)} == set(account.days)


def read_owner(desk: RecordingSink) -> tuple[str, str]:
    return desk.make_slice(PAGES, Window(date.min, date.max)).tenant, desk.account


def test_old_days_that_google_no_longer_has_are_not_asked_for_again_and_again(
    google: GA4StandIn, account: Property, desk: RecordingSink
) -> None:
    account.truncated = {subtract_days(age) for age in (2, 3)}
    sync_days(desk, google)
    google.calls.clear()
    sync_days(desk, google)
    assert len(google.calls.filter_calls(path=REPORT)) == len(desk.tables)


def test_samples_thresholds_and_the_other_row_are_noted_for_their_days(
    google: GA4StandIn, account: Property, desk: RecordingSink
) -> None:
    account.sampled, account.threshold, account.other = (500, 1000), 2, make_visits(9)
    sync_days(desk, google)
    window = Window(subtract_days(DAYS - 1), subtract_days(0))
    codes = ("other_row", "sampled", "thresholded")
    assert desk.notes == {(table, code): [window] for table in desk.tables for code in codes}


def test_what_was_folded_into_other_is_not_counted_beside_it(
    google: GA4StandIn, account: Property, desk: RecordingSink
) -> None:
    sync_days(desk, google)
    day = subtract_days(0)
    account.pages = {key: visits for key, visits in account.pages.items() if key != (day, "/3")}
    account.pages[day, "(other)"] = make_visits(3)
    account.other = make_visits(0)
    sync_days(desk, google)
    rows = {row["landing_page"]: row["sessions"] for row in desk.read_sorted_rows(PAGES) if row["date"] == day}
    assert rows == {"/40": 40, "/57": 57, "(other)": 3}


def test_metrics_that_are_hidden_from_the_credentials_are_told(google: GA4StandIn, desk: RecordingSink) -> None:
    restriction = {
        "activeMetricRestrictions": [{"metricName": "totalRevenue", "restrictedMetricTypes": ["REVENUE_DATA"]}]
    }

    def restrict(report: dict[str, Any]) -> dict[str, Any]:
        return {**report, "metadata": {**report["metadata"], "schemaRestrictionResponse": restriction}}

    plant_fault(google, faults.change_json("restricted", restrict), path=REPORT)
    sync_days(desk, google)
    assert set(desk.remarks) == {"Google Analytics hides totalRevenue from these credentials, so they are 0 here"}


def move_report(google: GA4StandIn, account: Property, *, times: int) -> None:
    """A new page that sorts first appears behind the first page of each of so many readings."""
    moved: list[str] = []

    def add_page(report: dict[str, Any]) -> dict[str, Any]:
        if len(moved) < times and len(report.get("rows", ())) == 5:
            moved.append(f"/-{len(moved)}")
            account.pages[subtract_days(DAYS - 1), moved[-1]] = make_visits(1)
        return report

    def is_first_page(request: StandInRequest) -> bool:
        body = request.json() or {}
        return {"name": "landingPage"} in body.get("dimensions", ()) and body.get("offset") == "0"

    plant_fault(google, faults.change_json("moved", add_page), path=REPORT, when=is_first_page)


@pytest.mark.parametrize("times", [1, 2, 3, 9])
def test_a_report_that_moves_between_its_pages_counts_nothing_twice(
    google: GA4StandIn, account: Property, desk: RecordingSink, times: int
) -> None:
    google.most_rows = 5
    move_report(google, account, times=times)
    sync_days(desk, google)
    found = {(row["date"], row["landing_page"]): row["sessions"] for row in desk.read_sorted_rows(PAGES)}
    wanted = {key: int(visits["sessions"]) for key, visits in account.pages.items()}
    # Read three times at most: what appeared during the third reading comes with the next sync.
    late = {(subtract_days(DAYS - 1), "/-2")} if times >= 3 else set()
    assert found == {key: sessions for key, sessions in wanted.items() if key not in late}
    calls = [call.body for call in google.calls.filter_calls(path=REPORT) if len(call.body["dimensions"]) > 1]
    assert sum(call["offset"] == "0" for call in calls) == 1 + min(times + 1, 3)


def test_the_later_row_of_a_key_counts(google: GA4StandIn, desk: RecordingSink) -> None:
    def twice(report: dict[str, Any]) -> dict[str, Any]:
        rows = report["rows"]
        later = [
            {**row, "metricValues": [{"value": str(int(float(each["value"])) + 1)} for each in row["metricValues"]]}
            for row in rows
        ]
        return {**report, "rows": [*rows, *later], "rowCount": 2 * report["rowCount"]}

    plant_fault(google, faults.change_json("twice", twice), path=REPORT)
    sync_days(desk, google)
    assert {row["sessions"] for row in desk.read_sorted_rows("ga4_daily")} == {101}
    assert len(google.calls.filter_calls(path=REPORT)) == 3 * len(desk.tables)


@pytest.mark.parametrize("too_much", [google_faults.fail_server(504), faults.hang_forever()])
def test_a_report_that_takes_too_long_is_asked_for_in_halves(
    google: GA4StandIn, account: Property, desk: RecordingSink, too_much: CallFault
) -> None:
    account.truncated = {subtract_days(2)}

    def is_long(request: StandInRequest) -> bool:
        (span,) = request.json()["dateRanges"]
        return bool(span["startDate"] != span["endDate"])

    plant_fault(google, too_much, path=REPORT, when=is_long)
    desk.tables = ["ga4_daily"]
    sync_days(desk, google, history=3, pace=HASTY)
    assert [row["date"] for row in desk.read_sorted_rows("ga4_daily")] == [subtract_days(1), subtract_days(0)]
    assert desk.windows == [("ga4_daily", Window(subtract_days(2), subtract_days(0)))]
    assert desk.notes == {("ga4_daily", "truncated"): [Window(subtract_days(2), subtract_days(2))]}


def test_an_answer_larger_than_is_taken_in_is_asked_for_in_halves(google: GA4StandIn, desk: RecordingSink) -> None:
    sync_days(desk, google, pace=replace(QUICK, max_bytes=1_500))
    assert [len(desk.read_sorted_rows(table)) for table in desk.tables] == [DAYS, DAYS, 3 * DAYS]
    assert len(google.calls.filter_calls(path=REPORT)) > len(desk.tables)
