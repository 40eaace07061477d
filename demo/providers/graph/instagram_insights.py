"""Instagram's insights: an account's days, and a medium's lifetime values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from demo.providers.accounts import LOS_ANGELES, Medium, Metrics, Profile
from demo.providers.graph.graph import Json, moment, names
from demo.providers.graph.graph_faults import invalid
from demo.providers.wire import Answer, Refused

ZONE = ZoneInfo(LOS_ANGELES)
LONGEST = timedelta(days=30)
FOLLOWERS_NEEDED = 100
# As a series of days, and as one number for a span; `reach` comes as either.
SERIES = frozenset({"follower_count", "reach"})
TOTALS = frozenset(
    {
        "accounts_engaged",
        "comments",
        "likes",
        "profile_links_taps",
        "reach",
        "replies",
        "saves",
        "shares",
        "total_interactions",
        "views",
    }
)
# People, who on several days are the same ones: the most of one day is the least that they can be.
PEOPLE = frozenset({"accounts_engaged", "reach"})
OF_MEDIA = frozenset(
    {
        "comments",
        "follows",
        "ig_reels_avg_watch_time",
        "ig_reels_video_view_total_time",
        "likes",
        "profile_activity",
        "profile_visits",
        "reach",
        "saved",
        "shares",
        "total_interactions",
        "views",
    }
)
GONE = frozenset({"engagement", "impressions", "plays", "profile_views", "video_views"})
REFERENCE = "https://developers.facebook.com/docs/instagram-api/reference/ig-user/insights"


def profile_insights(profile: Profile, fields: Mapping[str, str], now: datetime) -> list[Json]:
    """The `data` of `/{profile}/insights`. One metric that is not to be had fails the whole call.

    A day belongs to a span if its end lies in it: after `since`, and not after `until`. Raises `Refused`.
    """
    metrics = names(fields, "metric")
    if not metrics:
        raise Refused(invalid("The parameter metric is required"))
    if names(fields, "period") != ["day"]:
        raise Refused(invalid("The parameter period must be day for these metrics"))
    since, until = _span(fields, now)
    whole = fields.get("metric_type") == "total_value"
    for metric in metrics:
        _check(metric, profile, whole=whole, since=since, now=now)
    first = since.astimezone(ZONE).date() - timedelta(days=1)
    known = {
        day: values
        for day, values in profile.audience(first, until.astimezone(ZONE).date(), now).items()
        if since < end_of(day) <= until
    }
    found = _total if whole else _series
    return [item for metric in metrics if (item := found(profile.id, metric, known)) is not None]


def medium_insights(medium: Medium, fields: Mapping[str, str]) -> list[Json]:
    """The `data` of `/{medium}/insights`. One metric that its type lacks fails the whole call."""
    metrics = names(fields, "metric")
    if not metrics:
        raise Refused(invalid("The parameter metric is required"))
    for metric in metrics:
        if metric == "impressions":
            message = "the impressions metric is no longer supported for the queried media."
            raise Refused(invalid(f"Starting from version v22.0 and above, {message}"))
        if metric in medium.lacks or metric in GONE:
            message = f"The Media Insights API does not support the {metric} metric for this media product type."
            raise Refused(invalid(message))
        if metric not in OF_MEDIA:
            raise Refused(_not_one_of(metrics.index(metric), OF_MEDIA))
    return [
        {
            "name": metric,
            "period": "lifetime",
            "values": [{"value": medium.insights[metric]}],
            "title": _title(metric),
            "description": f"{_title(metric)} of the media object.",
            "id": f"{medium.id}/insights/{metric}/lifetime",
        }
        for metric in metrics
        if metric in medium.insights
    ]


def end_of(day: date) -> datetime:
    """When a day ends in Los Angeles, in UTC."""
    return datetime.combine(day + timedelta(days=1), time(), ZONE).astimezone(UTC)


def _span(fields: Mapping[str, str], now: datetime) -> tuple[datetime, datetime]:
    until = moment(fields["until"], ZONE) if fields.get("until") else now
    since = moment(fields["since"], ZONE) if fields.get("since") else until - timedelta(days=2)
    if since > until:
        raise Refused(invalid("since param is not valid. It must be before until"))
    # Thirty days are thirty times 24 hours, also when a clock change makes them an hour longer.
    if until - since > LONGEST:
        seconds = int(LONGEST.total_seconds())
        raise Refused(invalid(f"There cannot be more than 30 days ({seconds} s) between since and until"))
    return since, until


def _check(metric: str, profile: Profile, *, whole: bool, since: datetime, now: datetime) -> None:
    if metric in GONE:
        message = f"the {metric} metric is no longer supported for the queried user. Please refer to the documentation"
        raise Refused(invalid(f"Starting from version 22 and above, {message} at {REFERENCE}"))
    if metric not in SERIES | TOTALS:
        raise Refused(_not_one_of(0, SERIES | TOTALS))
    if not whole and metric not in SERIES:
        message = f"The following metrics ({metric}) should be specified with parameter metric_type=total_value"
        raise Refused(invalid(message))
    if whole and metric not in TOTALS:
        raise Refused(invalid(f"The following metrics ({metric}) are incompatible with the metric type (total_value)"))
    if metric == "follower_count":
        if profile.followers_count(now) < FOLLOWERS_NEEDED:
            raise Refused(invalid(f"(follower_count) is not available with fewer than {FOLLOWERS_NEEDED} followers"))
        today = now.astimezone(ZONE).date()
        if since < datetime.combine(today - LONGEST, time(), ZONE):
            message = "metric only supports querying data for the last 30 days excluding the current day"
            raise Refused(invalid(f"(follower_count) {message}"))


def _series(profile_id: str, metric: str, days: Mapping[date, Metrics]) -> Json | None:
    values = [
        {"value": values[metric], "end_time": end_of(day).strftime("%Y-%m-%dT%H:%M:%S%z")}
        for day, values in days.items()
        if metric in values
    ]
    return {**_described(profile_id, metric), "values": values} if values else None


def _total(profile_id: str, metric: str, days: Mapping[date, Metrics]) -> Json | None:
    values = [values[metric] for values in days.values() if metric in values]
    if not values:
        return None
    return {**_described(profile_id, metric), "total_value": {"value": (max if metric in PEOPLE else sum)(values)}}


def _described(profile_id: str, metric: str) -> Json:
    return {
        "name": metric,
        "period": "day",
        "title": _title(metric),
        "description": f"{_title(metric)} of the account.",
        "id": f"{profile_id}/insights/{metric}/day",
    }


def _title(metric: str) -> str:
    return metric.replace("_", " ").capitalize()


def _not_one_of(position: int, known: frozenset[str]) -> Answer:
    return invalid(f"metric[{position}] must be one of the following values: {', '.join(sorted(known))}")
