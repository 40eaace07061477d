"""Spikes: the day that stands out of the others most, and the post that may be behind it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from statistics import median
from typing import Any

from engine import Body, TableMetric
from insights.config.rules import Language, Observation
from insights.detect.significance import FEWEST_TO_STAND_OUT_OF, STANDS_OUT, DayValues, days_of, robust_z_score
from insights.facts import Answers, Finding, Span
from insights.figures import NumberStyle, write_times
from insights.sanitize import sanitize_text

KINDS = {"IMAGE": "image", "VIDEO": "video", "REELS": "reel", "CAROUSEL_ALBUM": "carousel", "STORY": "story"}
# A day is low if it has less than this part of the usual.
LOW = 0.4
# More days than these are none that stands out, but a change. What a post has set off may well last longer.
MOST_DAYS = 3
# For how many days something may be followed up.
RECENT = 14


def find_spike(observation: Observation, answers: Answers, span: Span) -> Finding | None:
    metric, *posts = observation.metrics
    body = answers[metric.key]
    found = find_day(body, observation)
    if found is None:
        return None
    day, value, usual, score = found
    language = span.language
    style = NumberStyle.of(language, metric.format, body["meta"]["currency"], value, usual)
    post = None
    if value > usual and posts and isinstance(posts[0], TableMetric):
        post = find_post(posts[0], answers[posts[0].key], day, language)
    return Finding(
        observation=observation,
        view={
            "title": metric.title,
            "direction": "up" if value > usual else "down",
            "day": language.write_day(day),
            "age": "recent" if (span.today - day).days <= RECENT else "past",
            "value": style.write(value),
            "usual": style.write(usual),
            "times": write_times(language, value / usual) if usual else "",
            "post": post,
        },
        notable=True,
        strength=1 - 1 / (1 + abs(score) / STANDS_OUT),
    )


def find_day(body: Body, observation: Observation) -> tuple[date, float, float, float] | None:
    """The asked window's day that stands out most: the day, its value, a usual day's, and how far it stands out."""
    if not body["series"]:
        return None
    asked = body["series"][0]
    compared = body.get("comparison", {}).get("series")
    windows = [days_of(asked), *([days_of(compared[0])] if compared else ())]
    others: Sequence[float] = [value for each in windows for value in each.present]
    if len(others) < FEWEST_TO_STAND_OUT_OF:
        return None
    usual = float(median(others))
    found: list[tuple[date, float, float, float]] = []
    for point in asked["points"]:
        value = point["v"]
        if value is None or value < 0 or max(value, usual) < observation.floor:
            continue
        day = date.fromisoformat(point["t"])
        score = robust_z_score(value, others)
        # Of a shop that is closed on Sundays no Sunday is low.
        own = usual_on(day, value, windows)
        if own is None or not all(is_far(value, each, observation.least) for each in (usual, own)):
            continue
        if abs(score) >= STANDS_OUT:
            found.append((day, value, usual, score))
    low, high = ([each for each in found if (each[3] > 0) is up] for up in (False, True))
    echoes = len(observation.metrics) > 1
    few = [*(low if len(low) <= MOST_DAYS else ()), *(high if len(high) <= MOST_DAYS or echoes else ())]
    return max(few, key=lambda each: abs(each[3]), default=None)


def is_far(value: float, usual: float, least: float) -> bool:
    return value >= usual * (1 + least) if value > usual else value <= usual * LOW


def usual_on(day: date, value: float, windows: Sequence[DayValues]) -> float | None:
    """The median of the other days of its weekday; without any nobody knows."""
    own = [each for window in windows for each in window.by_weekday.get(day.weekday(), ())]
    own.remove(value)
    return median(own) if own else None


def find_post(metric: TableMetric, body: Body, day: date, language: Language) -> dict[str, Any] | None:
    """The best item of the day, or else of the day before: what it is, and its caption in a few words."""
    for posted in (day, day - timedelta(days=1)):
        for item in body["items"]:
            if item.get(metric.table.time) == posted.isoformat():
                kind = language.write(KINDS.get(str(item.get("media_type")), "post"))
                caption = sanitize_text(item["caption"]) if item.get("caption") else ""
                return {"caption": caption, "kind": kind, "day": language.write_day(posted)}
    return None
