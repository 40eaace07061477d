"""Periods that are not over: today, and the days to come."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from insights.noise import Days, is_clear, is_fair
from insights.speaking import speak
from tests.insights.worlds import END, Plant, Row, Worlds, history

FIRST = END - timedelta(days=27)
COUNTS = (
    *("users", "new_users", "sessions", "engaged_sessions", "conversions", "converting_sessions", "revenue", "spend"),
    *("impressions", "clicks", "reach", "conversion_value", "interactions", "views"),
)


def told(worlds: Worlds, rows: dict[str, list[Row]], **question: Any) -> list[str]:
    gathered = worlds.gather(worlds.settle(rows), **question)
    return [each.text for each in speak(gathered.insights, gathered.findings, gathered.span)]


@pytest.mark.parametrize("days", [1, 7, 14, 28])
@pytest.mark.parametrize("part", [0.05, 0.25])
def test_a_day_that_has_only_begun_is_not_low(worlds: Worlds, days: int, part: float) -> None:
    rows = history(3, days=days)
    for row in (row for listed in rows.values() for row in listed if row.get("date") == END):
        row.update({name: round(value * part, 2) for name, value in row.items() if name in COUNTS})
    assert told(worlds, rows, days=days, today=END) == []


def test_a_fall_is_one_whatever_today_will_bring(worlds: Worlds) -> None:
    rows = history(36, Plant(channel={"Organic Search": 0.2, "Direct": 0.2}), days=28)
    (said,) = [text for text in told(worlds, rows, today=END) if text.startswith("Sessions")]
    assert said.startswith("Sessions are down 5")
    assert "no data" not in said


def test_days_to_come_are_no_drop_and_no_silence(worlds: Worlds) -> None:
    """Half of the period is over, and there is nothing wrong with it."""
    rows = history(36, days=28)
    today = END - timedelta(days=14)
    past = {table: [row for row in listed if row.get("date", today) < today] for table, listed in rows.items()}
    assert told(worlds, past, today=today) == []


def test_a_total_of_unfinished_days_must_have_changed_as_the_others_did() -> None:
    """The total has a part of today, which is none of the days."""
    now, then = (Days((value,) * 27, unfinished=True) for value in (80.0, 100.0))
    assert is_fair(now, then, -0.21)
    assert not is_fair(now, then, -0.29)
    assert is_clear(now, then, -0.21, least=0.1, additive=True)
    assert not is_clear(now, then, -0.29, least=0.1, additive=True)
