"""Spikes: the day that stands out of the others most, and the post that may be behind it."""

from __future__ import annotations

from datetime import timedelta
from itertools import chain
from statistics import median
from typing import Any

from engine import TableMetric
from insights.config.definitions import FactDefinition
from insights.detect.significance import FEWEST_OTHERS, STANDS_OUT, robust_z_score
from insights.facts import Finding, Reading, Readings
from insights.sanitize import sanitize_text

KINDS = {"IMAGE": "image", "VIDEO": "video", "REELS": "reel", "CAROUSEL_ALBUM": "carousel", "STORY": "story"}
# A day is low if it has less than this part of the usual.
LOW = 0.4
# More days than these are none that stands out, but a change. What a post has set off may well last longer.
MOST_DAYS = 3
# For how many days something may be followed up.
RECENT = 14

# How far a day lies from the usual in robust standard deviations, which it is in the window, and its value.
Spike = tuple[float, int, float]


def find_spike(definition: FactDefinition, readings: Readings) -> Finding | None:
    """The day that stands out most, if few do; of high ones there may be many where posts are behind them."""
    reading, posts = readings["spikes"], readings.get("posts")
    if (
        not reading.tracks
        or len(others := [*chain(*(each.present for each in reading.tracks[0].days))]) < FEWEST_OTHERS
    ):
        return None
    usual = float(median(others))
    low, high = list_spikes(reading, definition, usual, others)
    few = [each for each in (low, high) if len(each) <= MOST_DAYS or (each is high and posts is not None)]
    if not (spikes := [*chain(*few)]):
        return None
    score, day, value = max(spikes, key=lambda each: (abs(each[0]), -each[1]))
    span, style, is_high = reading.span, reading.choose_style(value, usual), score > 0
    times = span.language.write_number(value / usual, 0 if value >= 100 * usual else 1) if usual else ""
    view = {
        "title": reading.metric.title,
        "direction": "up" if is_high else "down",
        "day": span.write_day(day),
        "age": "recent" if (span.today - span.window.start).days - day <= RECENT else "past",
        "value": style.write(value),
        "usual": style.write(usual),
        "times": times and span.language.write("times", number=times),
        "post": find_post(posts, day) if is_high and posts is not None else None,
    }
    return Finding(view, strength=1 - 1 / (1 + abs(score) / STANDS_OUT))


def list_spikes(
    reading: Reading, definition: FactDefinition, usual: float, others: list[float]
) -> tuple[list[Spike], list[Spike]]:
    """The low and the high days that stand out of the others, whose median is the usual value."""
    now, then = reading.tracks[0].days
    found: list[Spike] = []
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
            found.append((score, day, value))
    return [each for each in found if each[0] < 0], [each for each in found if each[0] > 0]


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
