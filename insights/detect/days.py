"""Days: one that stands out of the others, with the post that may be behind it; and those that have no rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from statistics import median
from typing import Any, NamedTuple

from engine import TableMetric
from insights.config.definitions import FactDefinition
from insights.detect.significance import FEWEST_OTHERS, NO_DAYS, REST, STANDS_OUT, robust_z_score
from insights.facts import Finding, Reading, Readings, Span, Track
from insights.sanitize import sanitize_text

KINDS = {"IMAGE": "image", "VIDEO": "video", "REELS": "reel", "CAROUSEL_ALBUM": "carousel", "STORY": "story"}
# A day is low if it has less than this part of the usual.
LOW = 0.4
# More days than these are none that stands out, but a change. What a post has set off may well last longer.
MOST_DAYS = 3
# For how many days something may be followed up.
RECENT = 14
# The latest days may come late: so many must be missing before it is silence.
FEWEST = 3
# How many of the days before it are looked at, and how many it takes.
BEFORE, FEWEST_BEFORE = 28, 5
# So unlikely it must be that chance left out so many days in a row, as often as it did the others.
UNLIKELY = 0.001

# Each day in order, and whether it has rows.
DaysThere = Sequence[tuple[date, bool]]


def find_spike(definition: FactDefinition, readings: Readings) -> Finding | None:
    """The day that stands out most, if few do; of high ones there may be many where posts are behind them."""
    reading, posts = readings["spikes"], readings.get("posts")
    now, then = reading.tracks[0].days if reading.tracks else NO_DAYS
    others = [*now.present, *then.present]
    if len(others) < FEWEST_OTHERS:
        return None
    usual = float(median(others))
    found: dict[bool, list[tuple[float, int, float]]] = {True: [], False: []}
    for day, value in enumerate(now.values):
        if value is None or value < 0 or max(value, usual) < definition.floor:
            continue
        # Of a shop that is closed on Sundays no Sunday is low; of a weekday without another one nobody knows.
        weekday = (now.first + day) % 7
        own = [*now.by_weekday[weekday], *then.by_weekday.get(weekday, ())]
        own.remove(value)
        limits = (usual, median(own)) if own else ()
        is_high = all(value >= each * (1 + definition.least) for each in limits)
        is_low = all(value <= each * LOW for each in limits)
        score = robust_z_score(value, others)
        if limits and (is_high or is_low) and abs(score) >= STANDS_OUT:
            found[score > 0].append((score, day, value))
    few = [each for is_up, days in found.items() if len(days) <= MOST_DAYS or (is_up and posts) for each in days]
    if not few:
        return None
    score, day, value = max(few, key=lambda each: (abs(each[0]), -each[1]))
    span, style, is_high = reading.span, reading.choose_style(value, usual), score > 0
    times = span.language.write_number(value / usual, 0 if value >= 100 * usual else 1) if usual else ""
    view = {
        "direction": "up" if is_high else "down",
        "day": span.write_day(day),
        "age": "recent" if (span.today - span.window.start).days - day <= RECENT else "past",
        "value": style.write(value),
        "usual": style.write(usual),
        "times": times and span.language.write("times", number=times),
        "post": find_post(posts, day) if is_high and posts is not None else None,
    }
    return Finding(view, strength=1 - 1 / (1 + abs(score) / STANDS_OUT))


def find_post(reading: Reading, index: int) -> dict[str, Any] | None:
    """The best item of the day, or else of the day before: what it is, and its caption in a few words."""
    metric, span = reading.metric, reading.span
    assert isinstance(metric, TableMetric)
    for posted in (index, index - 1):
        day = (span.window.start + timedelta(days=posted)).isoformat()
        for item in reading.items:
            if item.get(metric.table.time) == day:
                kind = span.language.write(KINDS.get(str(item.get("media_type")), "post"))
                caption = sanitize_text(item["caption"]) if item.get("caption") else ""
                return {"caption": caption, "kind": kind, "day": span.write_day(posted)}
    return None


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
