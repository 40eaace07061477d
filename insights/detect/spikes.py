"""Spikes: the day that stands out of the others most, and the post that may be behind it."""

from __future__ import annotations

from datetime import timedelta
from statistics import median
from typing import Any, NamedTuple

from engine import Metric, TableMetric
from insights.config.rules import Observation
from insights.detect.significance import FEWEST_TO_STAND_OUT_OF, STANDS_OUT, DayValues, robust_z_score
from insights.facts import Answers, Finding, NumberStyle, Reading, Span
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


def find_spike(observation: Observation, answers: Answers, span: Span) -> Finding | None:
    metric, *posts = observation.metrics
    reading = answers[metric.key]
    spike = find_day(reading, observation)
    if spike is None:
        return None
    index, value, usual, score = spike
    style = NumberStyle.of(span.language, metric.format, reading.currency, value, usual)
    times = span.language.write_number(value / usual, 0 if value >= 100 * usual else 1) if usual else ""
    view = {
        "title": metric.title,
        "direction": "up" if value > usual else "down",
        "day": span.write_day(index),
        "age": "recent" if (span.today - span.window.start).days - index <= RECENT else "past",
        "value": style.write(value),
        "usual": style.write(usual),
        "times": times and span.language.write("times", number=times),
        "post": find_post(posts[0], answers[posts[0].key], index, span) if value > usual and posts else None,
    }
    strength = 1 - 1 / (1 + abs(score) / STANDS_OUT)
    return Finding(observation=observation, view=view, notable=True, strength=strength)


def find_day(reading: Reading, observation: Observation) -> Spike | None:
    if not reading.tracks:
        return None
    now, then = reading.tracks[0].days.now, reading.tracks[0].days.then
    others = [*now.present, *then.present]
    if len(others) < FEWEST_TO_STAND_OUT_OF:
        return None
    usual = float(median(others))
    found: list[Spike] = []
    for index, value in enumerate(now.values):
        if value is None or value < 0 or max(value, usual) < observation.floor:
            continue
        score = robust_z_score(value, others)
        # Of a shop that is closed on Sundays no Sunday is low.
        own = usual_on((now.first + index) % 7, value, now, then)
        limits = () if own is None else (usual, own)
        is_high = all(value >= each * (1 + observation.least) for each in limits)
        is_low = all(value <= each * LOW for each in limits)
        if limits and (is_high or is_low) and abs(score) >= STANDS_OUT:
            found.append(Spike(index, value, usual, score))
    low, high = ([each for each in found if (each.score > 0) is up] for up in (False, True))
    echoes = len(observation.metrics) > 1
    few = [*(low if len(low) <= MOST_DAYS else ()), *(high if len(high) <= MOST_DAYS or echoes else ())]
    return max(few, key=lambda each: abs(each.score), default=None)


def usual_on(weekday: int, value: float, *windows: DayValues) -> float | None:
    """The median of the other days of a weekday; without any nobody knows."""
    own = [each for window in windows for each in window.by_weekday.get(weekday, ())]
    own.remove(value)
    return median(own) if own else None


def find_post(metric: Metric, reading: Reading, index: int, span: Span) -> dict[str, Any] | None:
    """The best item of the day, or else of the day before: what it is, and its caption in a few words."""
    assert isinstance(metric, TableMetric)
    for posted in (index, index - 1):
        day = (span.window.start + timedelta(days=posted)).isoformat()
        for item in reading.items:
            if item.get(metric.table.time) == day:
                kind = span.language.write(KINDS.get(str(item.get("media_type")), "post"))
                caption = sanitize_text(item["caption"]) if item.get("caption") else ""
                return {"caption": caption, "kind": kind, "day": span.write_day(posted)}
    return None
