"""Metrics that have no data any more: said of tracking that broke, and of campaigns that stopped."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from tests.insights.worlds import END, WEEKS, Row, Worlds, history

SOURCES = {
    "ga4": ("ga4_daily", "ga4_channels_daily", "ga4_landing_pages_daily"),
    "meta": ("meta_ads_daily",),
    "instagram": ("ig_account_daily",),
}


def end_rows(
    seed: int, source: str, last: date, *, days: int = 28, closed: tuple[int, ...] = ()
) -> dict[str, list[Row]]:
    """A history in which a source has no rows after `last`, and never any on weekdays that are `closed`."""
    rows = history(seed, days=days, week=WEEKS[0])
    for table in SOURCES[source]:
        rows[table] = [row for row in rows[table] if row["date"] <= last and row["date"].weekday() not in closed]
    return rows


def list_bullets(worlds: Worlds, rows: dict[str, list[Row]], **question: Any) -> list[str]:
    return worlds.tell(rows, **question)


@pytest.mark.parametrize(
    ("source", "last", "text"),
    [
        (
            "meta",
            date(2025, 3, 12),
            "Ad spend has no data since 13 March. Check the campaigns and their budget, or the",
        ),
        (
            "ga4",
            date(2025, 3, 27),
            "Sessions have no data since 28 March. Check the tracking on the site, or the sync.",
        ),
        ("meta", date(2025, 2, 28), "Ad spend has no data since 1 March."),
        (
            "instagram",
            date(2025, 3, 20),
            "Interactions have no data since 21 March. Check the connection, or the sync.",
        ),
    ],
)
def test_since_when_nothing_has_come(worlds: Worlds, source: str, last: date, text: str) -> None:
    (first, *_) = list_bullets(worlds, end_rows(800, source, last))
    assert first.startswith(text)


def test_two_days_may_come_late_and_today_is_not_over(worlds: Worlds) -> None:
    assert list_bullets(worlds, end_rows(801, "ga4", END - timedelta(days=2))) == []
    rows = end_rows(802, "meta", END - timedelta(days=3))
    assert len(list_bullets(worlds, rows)) == 1
    assert list_bullets(worlds, rows, today=END) == []
    # The month is not over: the days that are to come are not missed.
    assert list_bullets(worlds, rows, today=END - timedelta(days=2)) == []


def test_of_what_came_after_the_period_nobody_knows(worlds: Worlds) -> None:
    """Data is back since, or not: the period that is asked for ends before."""
    rows = end_rows(806, "ga4", END - timedelta(days=6))
    assert len(list_bullets(worlds, rows)) == 1
    assert list_bullets(worlds, rows, today=END + timedelta(days=2)) == []


def test_a_closed_shop_is_not_silent(worlds: Worlds) -> None:
    """On a Monday, after a weekend without rows: only from three open days on."""
    assert list_bullets(worlds, end_rows(803, "ga4", END - timedelta(days=4), closed=(5, 6))) == []
    (only,) = list_bullets(worlds, end_rows(803, "ga4", END - timedelta(days=5), closed=(5, 6)))
    assert only.startswith("Sessions have no data since 26 March.")


def test_who_spends_now_and_then_is_not_silent(worlds: Worlds) -> None:
    rows = end_rows(804, "meta", END - timedelta(days=6))
    rows["meta_ads_daily"] = [row for row in rows["meta_ads_daily"] if row["date"].toordinal() * 7 % 5 < 3]
    assert not [text for text in list_bullets(worlds, rows) if "no data" in text]
