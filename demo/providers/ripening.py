"""How complete a provider's numbers are, so long after what they count.

A share of the final value that only grows with the time, in days, since the end of the day that is counted;
during the day itself the time is negative, -1 at its beginning.
"""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from demo import instagram

GA4_DAYS = 3.0
META_DAYS = 2.0
META_CONVERSION_DAYS = 28.0
INSTAGRAM_DAYS = 2.0
# Instagram tells of a day first so long after it.
INSTAGRAM_SILENCE = 0.5


def count_days_since(day: date, zone: ZoneInfo, now: datetime) -> float:
    """The time from the end of the day, in the zone, until now, in days of the zone's calendar.

    A day is a day, also when a clock change makes it an hour longer, and time never goes back in it.
    """
    today = now.astimezone(zone).date()
    start, end = (_find_midnight(today + timedelta(days=days), zone) for days in (0, 1))
    return (today - day).days - 1 + (now - start) / (end - start)


def ripen_visits(age: float) -> float:
    """GA4 goes on counting for three days."""
    return _ripen_share(age, GA4_DAYS, short=0.08)


def ripen_deliveries(age: float) -> float:
    """Meta's impressions, clicks and spend settle within two days."""
    return _ripen_share(age, META_DAYS, short=0.02)


def ripen_purchases(age: float) -> float:
    """A purchase is credited to a click of up to four weeks before."""
    return _ripen_share(age, META_CONVERSION_DAYS, short=0.3)


def ripen_audience(age: float) -> float:
    """Instagram's days are late, and then a little short."""
    return 0.0 if age < INSTAGRAM_SILENCE else _ripen_share(age, INSTAGRAM_DAYS, short=0.1)


def ripen_medium(age: float) -> float:
    """A post's lifetime values: those of the demo's history at the ends of days, and evenly in between."""
    if age <= -1:
        return 0.0
    whole = math.floor(age)
    before = instagram.compute_ripeness(whole) if whole >= 0 else 0.0
    return before + (instagram.compute_ripeness(whole + 1) - before) * (age - whole)


def scale_count(value: float, share: float) -> int:
    """So much of a count as there is already."""
    return math.floor(value * share + 1e-9)


def _find_midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _ripen_share(age: float, days: float, *, short: float) -> float:
    """`short` is what is lacking at the end of the day; it closes within so many days."""
    if age <= -1:
        return 0.0
    if age < 0:
        return (1 - short) * (age + 1)
    return 1 - short * (1 - age / days) ** 2 if age < days else 1.0
