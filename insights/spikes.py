"""Spikes: the day that stands out of the others most, and the post that may be behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from statistics import median
from typing import Any

from engine.answer.response import Body
from engine.catalog.insight_resolution import Observation
from engine.catalog.metrics import TableMetric
from insights.changes import Answers
from insights.facts import Direction, Fact, Finding, Span, names_of, spoken_day, verdict_of
from insights.figures import Style, times
from insights.noise import FEWEST_TO_STAND_OUT_OF, STANDS_OUT, Days, days_of, known, stands_out
from insights.outside import plain

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
    found = standing_out(body, observation)
    if found is None:
        return None
    day, value, usual, score = found
    style = Style.of(metric.format, body["meta"]["currency"], value, usual)
    direction: Direction = "up" if value > usual else "down"
    ratio = value / usual if usual else None
    post = post_of(posts[0], answers[posts[0].key], day) if posts and isinstance(posts[0], TableMetric) else None
    if direction == "down":
        post = None
    figures = (
        style.figure("value", value),
        style.figure("usual", usual),
        *((times("times", ratio),) if ratio is not None else ()),
    )
    names = names_of(metric, observation.called)
    fact = Fact(
        observation=observation.name,
        key=metric.key,
        names=names,
        sources=tuple(sorted({source for each in observation.metrics for source in each.sources})),
        window=span.window,
        direction=direction,
        verdict=verdict_of(direction, metric.better),
        figures=figures,
        quote=post["caption"] if post and post["caption"] else None,
        day=day,
    )
    return Finding(
        observation=observation,
        view={
            "title": metric.title,
            "direction": direction,
            "day": spoken_day(day),
            "age": "recent" if (span.today - day).days <= RECENT else "past",
            "value": figures[0].text,
            "usual": figures[1].text,
            "times": figures[2].text if ratio is not None else "",
            "post": post,
        },
        facts=(fact,),
        notable=True,
        strength=1 - 1 / (1 + abs(score) / STANDS_OUT),
    )


def standing_out(body: Body, observation: Observation) -> tuple[date, float, float, float] | None:
    """The asked window's day that stands out most: the day, its value, a usual day's, and how far it stands out."""
    if not body["series"]:
        return None
    asked = body["series"][0]
    compared = body.get("comparison", {}).get("series")
    windows = [days_of(asked), *([days_of(compared[0])] if compared else ())]
    others: Sequence[float] = known([value for each in windows for value in each.values])
    if len(others) < FEWEST_TO_STAND_OUT_OF:
        return None
    usual = float(median(others))
    found: list[tuple[date, float, float, float]] = []
    for point in asked["points"]:
        value = point["v"]
        if value is None or value < 0 or max(value, usual) < observation.floor:
            continue
        day = date.fromisoformat(point["t"])
        score = stands_out(value, others)
        # Of a shop that is closed on Sundays no Sunday is low.
        if not all(is_far(value, each, observation.least) for each in (usual, usual_on(day, value, windows, usual))):
            continue
        if abs(score) >= STANDS_OUT:
            found.append((day, value, usual, score))
    low, high = ([each for each in found if (each[3] > 0) is up] for up in (False, True))
    echoes = len(observation.metrics) > 1
    few = [*(low if len(low) <= MOST_DAYS else ()), *(high if len(high) <= MOST_DAYS or echoes else ())]
    return max(few, key=lambda each: abs(each[3]), default=None)


def is_far(value: float, usual: float, least: float) -> bool:
    return value >= usual * (1 + least) if value > usual else value <= usual * LOW


def usual_on(day: date, value: float, windows: Sequence[Days], usual: float) -> float:
    """The median of the other days of its weekday, if there are any."""
    own = [each for window in windows for each in window.by_weekday.get(day.weekday(), ())]
    own.remove(value)
    return median(own) if own else usual


def post_of(metric: TableMetric, body: Body, day: date) -> dict[str, Any] | None:
    """The best item of the day, or else of the day before: what it is, and its caption in a few words."""
    for posted in (day, day - timedelta(days=1)):
        for item in body["items"]:
            if item.get(metric.table.time) == posted.isoformat():
                kind = KINDS.get(str(item.get("media_type")), "post")
                return {"caption": caption_of(item), "kind": kind, "day": spoken_day(posted)}
    return None


def caption_of(item: Mapping[str, Any]) -> str:
    return plain(item["caption"]) if item.get("caption") else ""
