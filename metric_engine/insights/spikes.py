"""Spikes: the day that stands out of the others most, and the post that may be behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from statistics import median
from typing import Any

from metric_engine.engine.insight_resolution import Observation
from metric_engine.engine.metrics import TableMetric
from metric_engine.engine.results import Body
from metric_engine.insights.changes import Answers
from metric_engine.insights.facts import Direction, Fact, Finding, Span, names_of, spoken_day, verdict_of
from metric_engine.insights.figures import Style, times
from metric_engine.insights.noise import FEWEST_TO_STAND_OUT_OF, STANDS_OUT, known, stands_out, values_of, without_gaps
from metric_engine.insights.outside import plain

KINDS = {"IMAGE": "image", "VIDEO": "video", "REELS": "reel", "CAROUSEL_ALBUM": "carousel", "STORY": "story"}
# A day is low if it has less than this part of the usual.
LOW = 0.4


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
    others: Sequence[float] = known(without_gaps([*values_of(asked), *(values_of(compared[0]) if compared else ())]))
    if len(others) < FEWEST_TO_STAND_OUT_OF:
        return None
    usual = float(median(others))
    best: tuple[date, float, float, float] | None = None
    for point in asked["points"]:
        value = point["v"]
        # A day of exactly 0 is as likely one that was not counted.
        if not value or max(value, usual) < observation.floor:
            continue
        far = value >= usual * (1 + observation.least) if value > usual else value <= usual * LOW
        score = stands_out(value, others)
        if far and abs(score) >= STANDS_OUT and (best is None or abs(score) > abs(best[3])):
            best = (date.fromisoformat(point["t"]), value, usual, score)
    return best


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
