"""Data gaps: since when a metric, or one of several accounts, has no rows, or has them only since it was connected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from insights.config.definitions import FactDefinition
from insights.detect.significance import NO_DAYS, REST
from insights.facts import Finding, Reading, Readings, Span, Track

# The latest days may come late: so many must be missing before it is silence.
FEWEST = 3
# How many of the days before it are looked at, and how many it takes.
BEFORE, FEWEST_BEFORE = 28, 5
# So unlikely it must be that chance left out so many days in a row, as often as it did the others.
UNLIKELY = 0.001

# Each day in order, and whether it has rows.
DaysThere = Sequence[tuple[date, bool]]


class Gap(NamedTuple):
    """The first day of a silence, of an account's data, or of what was not read."""

    since: date
    state: str


def find_data_gap(_: FactDefinition, readings: Readings) -> Finding | None:
    """Find a silence. Where an account is late, or came or went, totals are unfair, and nothing else is told."""
    reading, by_account = readings["quiet"], readings.get("accounts")
    span, late = reading.span, list(reading.late.values())
    # Of what came after a window that ends sooner nobody has asked.
    is_recent = span.window.end >= span.today - timedelta(days=1)
    days = list_days(reading.tracks[0] if reading.tracks else None, span)[-1]
    silence = next((each for each in list_gaps(days) if is_recent and each.state == "silent"), None)
    gap = Gap(min(late), "late") if late else silence
    count, silences = 0, bool(late)
    if gap is None and by_account is not None:
        windows = list_accounts(by_account)
        count = len(windows[-1])
        gaps = [[gap for days in own for gap in list_gaps(days)] for own in windows]
        there = [{any(has_rows for _, has_rows in days) for days in own} for own in zip(*windows, strict=True)]
        silences = count > 1 and (any(len(each) > 1 for each in there) or any(gaps))
        told = [each for each in gaps[-1] if (is_recent if each.state == "silent" else span.is_adjacent)]
        gap = max(told, default=None, key=lambda each: each.since) if count > 1 else None
    if gap is None and not silences:
        return None
    view = {
        "title": reading.metric.title,
        "since": "" if gap is None else span.language.write_day(gap.since),
        "state": "silent" if gap is None else gap.state,
        "accounts": span.language.write_number(count) if count else None,
    }
    return Finding(view, 1.0, notable=gap is not None, silences=silences)


def list_gaps(days: DaysThere) -> Iterator[Gap]:
    """Yield since when nothing has come, and since when something has of which there was nothing before.

    Weekdays that had no rows before, such as a shop's Sundays, are not missed.
    """
    if missed := list_missed(days[::-1]):
        yield Gap(missed[-1], "silent")
    if list_missed(days):
        yield Gap(min(day for day, there in days if there), "begun")


def list_missed(days: DaysThere) -> list[date]:
    """The days up to the first with rows, if more than chance left them out, judged by weekdays and the days after."""
    first = next((index for index, (_, there) in enumerate(days) if there), len(days))
    others = days[first : first + BEFORE]
    weekdays = {day.weekday() for day, there in others if there}
    missed = [day for day, _ in days[:first] if day.weekday() in weekdays]
    usual = [there for day, there in others if day.weekday() in weekdays]
    if len(missed) < FEWEST or len(usual) < FEWEST_BEFORE:
        return []
    return missed if ((usual.count(False) + 1) / (len(usual) + 2)) ** len(missed) <= UNLIKELY else []


def list_days(track: Track | None, span: Span, *, has_value: bool = False) -> list[DaysThere]:
    """The days of a series in the compared and in the asked window, as one list where these are adjacent."""
    days = NO_DAYS if track is None else track.days
    now, then = (
        [(start + timedelta(days=n), bool(value) if has_value else value is not None) for n, value in enumerate(values)]
        for start, values in zip(span.starts, (days.now.values, days.then.values), strict=True)
    )
    return [[*then, *now]] if span.is_adjacent or not then else [then, now]


def list_accounts(reading: Reading) -> list[list[DaysThere]]:
    """The days of each account; those aside on which none of them has data: these are the source's own."""
    accounts = [list_days(each, reading.span, has_value=True) for each in reading.tracks if each.name != REST]
    found: list[list[DaysThere]] = []
    for tracks in zip(*accounts, strict=True):
        there = {day for track in tracks for day, has_rows in track if has_rows}
        found.append([[(day, has_rows) for day, has_rows in track if day in there] for track in tracks])
    return found or [[]]
