"""The completeness of a provider's numbers by the age of their day.

Each function returns the share of the final value. It only grows with the age: the days since the end of the counted
day, which are negative during the day itself, -1 at its beginning.
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
# The age at which Instagram first reports a day.
INSTAGRAM_SILENCE = 0.5


def count_days_since(day: date, zone: ZoneInfo, now: datetime) -> float:
    """Return the calendar days from the end of the day, in the zone, until now.

    A day counts as one even if a clock change makes it longer or shorter, and the result never decreases with time.
    """
    today = now.astimezone(zone).date()
    start, end = (_find_midnight(today + timedelta(days=days), zone) for days in (0, 1))
    return (today - day).days - 1 + (now - start) / (end - start)


def ripen_visits(age: float) -> float:
    """Return the share of GA4's visits, which are complete after three days."""
    return _ripen_share(age, GA4_DAYS, short=0.08)


def ripen_deliveries(age: float) -> float:
    """Return the share of Meta's impressions, clicks and spend, complete after two days."""
    return _ripen_share(age, META_DAYS, short=0.02)


def ripen_purchases(age: float) -> float:
    """Return the share of Meta's purchases, which are credited to clicks of the last four weeks."""
    return _ripen_share(age, META_CONVERSION_DAYS, short=0.3)


def ripen_audience(age: float) -> float:
    """Return the share of Instagram's days, which are reported late and incomplete at first."""
    return 0.0 if age < INSTAGRAM_SILENCE else _ripen_share(age, INSTAGRAM_DAYS, short=0.1)


def ripen_medium(age: float) -> float:
    """Return the share of a post's lifetime values: the demo's at day ends, linear in between."""
    if age <= -1:
        return 0.0
    whole = math.floor(age)
    before = instagram.compute_ripeness(whole) if whole >= 0 else 0.0
    return before + (instagram.compute_ripeness(whole + 1) - before) * (age - whole)


def scale_count(value: float, share: float) -> int:
    """Return the share of a count, as a whole number."""
    return math.floor(value * share + 1e-9)


def _find_midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _ripen_share(age: float, days: float, *, short: float) -> float:
    """Return a share that lacks `short` at the end of the day, and nothing after `days`."""
    if age <= -1:
        return 0.0
    if age < 0:
        return (1 - short) * (age + 1)
    return 1 - short * (1 - age / days) ** 2 if age < days else 1.0
