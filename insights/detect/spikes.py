"""Spikes: the day that stands out of the others most, and the post that may be behind it."""

from __future__ import annotations

from datetime import timedelta
from statistics import median
from typing import Any, NamedTuple

from engine import TableMetric
from insights.config.definitions import FactDefinition
from insights.detect.significance import FEWEST_TO_STAND_OUT_OF, STANDS_OUT, robust_z_score
from insights.facts import Finding, Reading, Readings
from insights.sanitize import sanitize_text

KINDS = {"IMAGE": "image", "VIDEO": "video", "REELS": "reel", "CAROUSEL_ALBUM": "carousel", "STORY": "story"}
# A day is low if it has less than this part of the usual.
LOW = 0.4
# More days than these are none that stands out, but a change. What a post has set off may well last longer.
MOST_DAYS = 3
# For how many days something may be followed up.
RECENT = 14


class Spike(NamedTuple):
    """A day that stands out: so many `days` after the window's first, and how far in robust standard deviations."""

    days: int
    value: float
    usual: float
    score: float

    @property
    def is_high(self) -> bool:
        return self.score > 0


def find_spike(definition: FactDefinition, readings: Readings) -> Finding | None:
    reading, posts = readings["spikes"], readings.get("posts")
    spike = find_day(reading, definition, is_any=posts is not None)
    if spike is None:
        return None
    span, (day, value, usual, score) = reading.span, spike
    style = reading.choose_style(value, usual)
    times = span.language.write_number(value / usual, 0 if value >= 100 * usual else 1) if usual else ""
    view = {
        "title": reading.metric.title,
        "direction": "up" if spike.is_high else "down",
        "day": span.write_day(day),
        "age": "recent" if (span.today - span.window.start).days - day <= RECENT else "past",
        "value": style.write(value),
        "usual": style.write(usual),
        "times": times and span.language.write("times", number=times),
        "post": find_post(posts, day) if spike.is_high and posts is not None else None,
    }
    return Finding(view, strength=1 - 1 / (1 + abs(score) / STANDS_OUT))


def find_day(reading: Reading, definition: FactDefinition, *, is_any: bool) -> Spike | None:
    """The day that stands out most, if few do; high ones may be `is_any` number."""
    if not reading.tracks:
        return None
    now, then = reading.tracks[0].days
    others = [*now.present, *then.present]
    if len(others) < FEWEST_TO_STAND_OUT_OF:
        return None
    usual = float(median(others))
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
            found.append(Spike(day, value, usual, score))
    low, high = ([each for each in found if each.is_high is up] for up in (False, True))
    few = [each for each in (low, high) if len(each) <= MOST_DAYS or (is_any and each is high)]
    return max((spike for each in few for spike in each), key=lambda each: abs(each.score), default=None)


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
