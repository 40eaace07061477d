"""Instagram's insights: an account's days, and a medium's lifetime values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from demo.providers.accounts import LOS_ANGELES, Metrics, PostedMedium, Profile
from demo.providers.graph.graph import Json, parse_moment, split_names
from demo.providers.graph.graph_errors import build_invalid_parameter
from demo.providers.wire import ErrorResponse, StandInResponse

ZONE = ZoneInfo(LOS_ANGELES)
MAX_SPAN = timedelta(days=30)
MIN_FOLLOWERS = 100
# The metrics of a series of days, and those of one total for a span; `reach` is both.
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
# Metrics that count people, who may be the same on several days: the largest day is a lower bound of a span's total.
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


def build_profile_insights(profile: Profile, fields: Mapping[str, str], now: datetime) -> list[Json]:
    """Build the `data` of `/{profile}/insights`; one unavailable metric fails the whole call.

    A day belongs to a span if its end is in it: after `since`, and not after `until`. Raises `ErrorResponse`.
    """
    metrics = split_names(fields, "metric")
    if not metrics:
        raise ErrorResponse(build_invalid_parameter("The parameter metric is required"))
    if split_names(fields, "period") != ["day"]:
        raise ErrorResponse(build_invalid_parameter("The parameter period must be day for these metrics"))
    since, until = _parse_span(fields, now)
    whole = fields.get("metric_type") == "total_value"
    for metric in metrics:
        _check_metric(metric, profile, whole=whole, since=since, now=now)
    first = since.astimezone(ZONE).date() - timedelta(days=1)
    days = {
        day: values
        for day, values in profile.get_audience(first, until.astimezone(ZONE).date(), now).items()
        if since < find_day_end(day) <= until
    }
    build = _build_total if whole else _build_series
    return [item for metric in metrics if (item := build(profile.id, metric, days)) is not None]


def build_medium_insights(medium: PostedMedium, fields: Mapping[str, str]) -> list[Json]:
    """Build the `data` of `/{medium}/insights`; one unavailable metric fails the whole call."""
    metrics = split_names(fields, "metric")
    if not metrics:
        raise ErrorResponse(build_invalid_parameter("The parameter metric is required"))
    for metric in metrics:
        if metric == "impressions":
            message = "the impressions metric is no longer supported for the queried media."
            raise ErrorResponse(build_invalid_parameter(f"Starting from version v22.0 and above, {message}"))
        if metric in medium.lacks or metric in GONE:
            message = f"The Media Insights API does not support the {metric} metric for this media product type."
            raise ErrorResponse(build_invalid_parameter(message))
        if metric not in OF_MEDIA:
            raise ErrorResponse(_build_unknown_metric(metrics.index(metric), OF_MEDIA))
    return [
        {
            "name": metric,
            "period": "lifetime",
            "values": [{"value": medium.insights[metric]}],
            "title": _make_title(metric),
            "description": f"{_make_title(metric)} of the media object.",
            "id": f"{medium.id}/insights/{metric}/lifetime",
        }
        for metric in metrics
        if metric in medium.insights
    ]


def find_day_end(day: date) -> datetime:
    """Return when a day ends in Los Angeles, in UTC."""
    return datetime.combine(day + timedelta(days=1), time(), ZONE).astimezone(UTC)


def _parse_span(fields: Mapping[str, str], now: datetime) -> tuple[datetime, datetime]:
    until = parse_moment(fields["until"], ZONE) if fields.get("until") else now
    since = parse_moment(fields["since"], ZONE) if fields.get("since") else until - timedelta(days=2)
    if since > until:
        raise ErrorResponse(build_invalid_parameter("since param is not valid. It must be before until"))
    # Like Instagram, count 30 days as 30 times 24 hours, even if a clock change makes them an hour longer.
    if until - since > MAX_SPAN:
        seconds = int(MAX_SPAN.total_seconds())
        raise ErrorResponse(
            build_invalid_parameter(f"There cannot be more than 30 days ({seconds} s) between since and until")
        )
    return since, until


def _check_metric(metric: str, profile: Profile, *, whole: bool, since: datetime, now: datetime) -> None:
    if metric in GONE:
        message = f"the {metric} metric is no longer supported for the queried user. Please refer to the documentation"
        raise ErrorResponse(build_invalid_parameter(f"Starting from version 22 and above, {message} at {REFERENCE}"))
    if metric not in SERIES | TOTALS:
        raise ErrorResponse(_build_unknown_metric(0, SERIES | TOTALS))
    if not whole and metric not in SERIES:
        message = f"The following metrics ({metric}) should be specified with parameter metric_type=total_value"
        raise ErrorResponse(build_invalid_parameter(message))
    if whole and metric not in TOTALS:
        raise ErrorResponse(
            build_invalid_parameter(
                f"The following metrics ({metric}) are incompatible with the metric type (total_value)"
            )
        )
    if metric == "follower_count":
        if profile.count_followers(now) < MIN_FOLLOWERS:
            raise ErrorResponse(
                build_invalid_parameter(f"(follower_count) is not available with fewer than {MIN_FOLLOWERS} followers")
            )
        today = now.astimezone(ZONE).date()
        if since < datetime.combine(today - MAX_SPAN, time(), ZONE):
            message = "metric only supports querying data for the last 30 days excluding the current day"
            raise ErrorResponse(build_invalid_parameter(f"(follower_count) {message}"))


def _build_series(profile_id: str, metric: str, days: Mapping[date, Metrics]) -> Json | None:
    values = [
        {"value": values[metric], "end_time": find_day_end(day).strftime("%Y-%m-%dT%H:%M:%S%z")}
        for day, values in days.items()
        if metric in values
    ]
    return {**_build_header(profile_id, metric), "values": values} if values else None


def _build_total(profile_id: str, metric: str, days: Mapping[date, Metrics]) -> Json | None:
    values = [values[metric] for values in days.values() if metric in values]
    if not values:
        return None
    return {**_build_header(profile_id, metric), "total_value": {"value": (max if metric in PEOPLE else sum)(values)}}


def _build_header(profile_id: str, metric: str) -> Json:
    return {
        "name": metric,
        "period": "day",
        "title": _make_title(metric),
        "description": f"{_make_title(metric)} of the account.",
        "id": f"{profile_id}/insights/{metric}/day",
    }


def _make_title(metric: str) -> str:
    return metric.replace("_", " ").capitalize()


def _build_unknown_metric(position: int, known: frozenset[str]) -> StandInResponse:
    return build_invalid_parameter(
        f"metric[{position}] must be one of the following values: {', '.join(sorted(known))}"
    )
