"""Periods that are not over: today, and the days to come."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.insights.worlds import END, Plant, Worlds, history

FIRST = END - timedelta(days=27)
COUNTS = (
    *("users", "new_users", "sessions", "engaged_sessions", "conversions", "converting_sessions", "revenue", "spend"),
    *("impressions", "clicks", "reach", "conversion_value", "interactions", "views"),
)


@pytest.mark.parametrize("days", [1, 7, 14, 28])
@pytest.mark.parametrize("part", [0.05, 0.25])
def test_a_day_that_has_only_begun_is_not_low(worlds: Worlds, days: int, part: float) -> None:
    rows = history(3, days=days)
    for row in (row for listed in rows.values() for row in listed if row.get("date") == END):
        row.update({name: round(value * part, 2) for name, value in row.items() if name in COUNTS})
    assert worlds.tell(rows, days=days, today=END) == []


def test_a_fall_is_one_whatever_today_will_bring(worlds: Worlds) -> None:
    rows = history(36, Plant(channel={"Organic Search": 0.2, "Direct": 0.2}), days=28)
    (said,) = [text for text in worlds.tell(rows, today=END) if text.startswith("Sessions")]
    assert said.startswith("Sessions are down 5")
    assert "no data" not in said


def test_days_to_come_are_no_drop_and_no_silence(worlds: Worlds) -> None:
    """Half of the period is over, and there is nothing wrong with it."""
    rows = history(36, days=28)
    today = END - timedelta(days=14)
    past = {table: [row for row in listed if row.get("date", today) < today] for table, listed in rows.items()}
    assert worlds.tell(past, today=today) == []
