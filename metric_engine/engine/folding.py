"""Rows of a scan → the values of a metric: buckets, totals, members, both windows.

Values come from components, never from other values: a ratio's total is the ratio of the sums.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from math import fsum
from typing import Any

from metric_engine.engine.definitions import Fill, Total
from metric_engine.engine.dialects.base import Dialect
from metric_engine.engine.periods import Axis, Compare, Grain, period
from metric_engine.engine.plan import Measure, MetricPlan, Reading, Scan, Shape
from metric_engine.engine.sql import OTHER

Row = Sequence[Any]
Value = float | None
MIXED = "mixed"


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """An axis as the driver's rows speak of it: which bucket a day lies in, which slot a bucket has."""

    labels: tuple[str, ...]
    bucket_of: Mapping[Any, int]
    covers: tuple[bool, ...]
    first_slot: int
    total_slot: int

    @property
    def single_days(self) -> bool:
        return len(self.bucket_of) == len(self.labels)


@dataclass(frozen=True, slots=True, eq=False)
class Tracks:
    """The asked window's track and, unless compare is off, that of the one it is compared with."""

    asked: Track
    compared: Track | None
    slots: tuple[tuple[int, date], ...]


@lru_cache(maxsize=256)
def tracks(start: date, end: date, grain: Grain, compare: Compare, dialect: Dialect) -> Tracks:
    """The tracks of a period; the same arguments give the same object."""
    asked_period = period(start, end, grain, compare)
    asked = track(asked_period.asked, dialect, 0)
    if asked_period.compared is None:
        return Tracks(asked, None, tuple(slots(asked_period.asked, asked)))
    compared = track(asked_period.compared, dialect, asked.total_slot + 1)
    both = (*slots(asked_period.asked, asked), *slots(asked_period.compared, compared))
    return Tracks(asked, compared, both)


def track(axis: Axis, dialect: Dialect, first_slot: int) -> Track:
    days = {
        dialect.day(bucket.start + timedelta(days=offset)): index
        for index, bucket in enumerate(axis.buckets)
        for offset in range((bucket.end - bucket.start).days + 1)
    }
    return Track(
        labels=tuple(bucket.label.isoformat() for bucket in axis.buckets),
        bucket_of=days,
        covers=tuple(bucket.start <= bucket.end for bucket in axis.buckets),
        first_slot=first_slot,
        total_slot=first_slot + len(axis.buckets),
    )


def slots(axis: Axis, track: Track) -> Iterable[tuple[int, date]]:
    """Each day in the slot of its bucket, and in that of its whole window."""
    for index, bucket in enumerate(axis.buckets):
        for offset in range((bucket.end - bucket.start).days + 1):
            day = bucket.start + timedelta(days=offset)
            yield track.first_slot + index, day
            yield track.total_slot, day


@dataclass(slots=True)
class Line:
    """One series: a value for each bucket and for the whole of both windows."""

    name: str
    points: list[Value]
    value: Value = None
    compared: list[Value] = field(default_factory=list)
    previous: Value = None


@dataclass(slots=True)
class Outcome:
    """What a metric over a table comes to. `through` are the last days with rows, as ISO text."""

    lines: list[Line]
    value: Value
    previous: Value
    through: str | None
    compared_through: str | None
    currency: str | None


@dataclass(slots=True)
class Extent:
    """The first and last day of a window that have rows, as the driver gives days, and their buckets."""

    first: Any
    last: Any
    first_bucket: int
    last_bucket: int


@dataclass(slots=True)
class Side:
    """One window of one group of rows: for each measure its points, and its total."""

    points: list[list[Value]]
    totals: list[Value]


def fold(plan: MetricPlan, rows_of: Mapping[Scan, Sequence[Row]], tracks: Tracks, dialect: Dialect) -> Outcome:
    """The outcome of one metric; `rows_of` has each scan's rows."""
    metric, whole = plan.metric, plan.whole
    rows = rows_of[whole.scan]
    fold_side = days_side if whole.scan.shape is Shape.DAYS else slots_side
    extents = [None if each is None else extent(whole, rows, each) for each in (tracks.asked, tracks.compared)]
    currency = currency_of(whole, rows)
    finish = Finish(metric.fill, currency == MIXED, tracks, extents)

    everything = finish.lines(
        whole.measures,
        fold_side(whole, together(whole, rows), tracks.asked, metric.total),
        fold_side(whole, together(whole, rows), tracks.compared, metric.total) if tracks.compared else None,
    )
    headline = everything[metric.headline]
    lines = everything
    if plan.members is not None:
        lines = members(plan, plan.members, rows_of[plan.members.scan], tracks, finish)
    asked, compared = extents
    return Outcome(
        lines=lines,
        value=headline.value,
        previous=headline.previous,
        through=dialect.iso(asked.last) if asked else None,
        compared_through=dialect.iso(compared.last) if compared else None,
        currency=currency,
    )


def members(plan: MetricPlan, reading: Reading, rows: Sequence[Row], tracks: Tracks, finish: Finish) -> list[Line]:
    """A line for each member, largest first, and Other last where it has rows and is wanted."""
    metric = plan.metric
    place, member = member_positions(reading)
    grouped: dict[int | None, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row[place], []).append(row)
    rest = grouped.pop(None, [])
    groups = [(str(group[0][member]), group) for _, group in sorted(grouped.items(), key=lambda each: each[0] or 0)]
    if metric.other and any(reading.passing is None or row[reading.passing] for row in rest):
        groups.append((OTHER, rest))
    fold_side = days_side if reading.scan.shape is Shape.DAYS else slots_side
    return [
        finish.lines(
            [Measure(name, each.evaluate, each.additive, each.money) for each in reading.measures],
            fold_side(reading, group, tracks.asked, metric.total),
            fold_side(reading, group, tracks.compared, metric.total) if tracks.compared else None,
        )[0]
        for name, group in groups
    ]


@dataclass(slots=True)
class Finish:
    """What is done to every value at the end: what is missing inside the data's extent is filled."""

    fill: Fill | None
    mixed: bool
    tracks: Tracks
    extents: Sequence[Extent | None]

    def lines(self, measures: Sequence[Measure], asked: Side, compared: Side | None) -> list[Line]:
        found = []
        for index, measure in enumerate(measures):
            line = Line(
                measure.name,
                self.points(measure, asked.points[index], self.tracks.asked, self.extents[0]),
                self.total(measure, asked.totals[index], self.extents[0]),
            )
            if compared is not None and self.tracks.compared is not None:
                line.compared = self.points(measure, compared.points[index], self.tracks.compared, self.extents[1])
                line.previous = self.total(measure, compared.totals[index], self.extents[1])
            found.append(line)
        return found

    def points(self, measure: Measure, points: list[Value], track: Track, extent: Extent | None) -> list[Value]:
        if self.mixed and measure.money:
            return [None] * len(points)
        zero = self.fill == "zero" or (self.fill is None and measure.additive)
        if extent is not None and zero:
            for index in range(extent.first_bucket, extent.last_bucket + 1):
                if points[index] is None and track.covers[index]:
                    points[index] = 0
        return points

    def total(self, measure: Measure, value: Value, extent: Extent | None) -> Value:
        if self.mixed and measure.money:
            return None
        return 0 if value is None and measure.additive and extent is not None else value


def days_side(reading: Reading, rows: Sequence[Row], track: Track, total: Total) -> Side:
    """One window from rows of days."""
    buckets: list[list[Row]] = [[] for _ in track.labels]
    inside: list[Row] = []
    bucket_of = track.bucket_of
    for row in rows:
        bucket = bucket_of.get(row[0])
        if bucket is not None:
            buckets[bucket].append(row)
            inside.append(row)
    if total == "period":
        merged = [merge(reading, bucket) for bucket in buckets]
        whole = merge(reading, inside)
        return Side(
            points=[[None if row is None else each.evaluate(row) for row in merged] for each in reading.measures],
            totals=[None if whole is None else each.evaluate(whole) for each in reading.measures],
        )
    return Side(
        points=[[over_days(each, bucket, total) for bucket in buckets] for each in reading.measures],
        totals=[over_days(each, inside, total) for each in reading.measures],
    )


def slots_side(reading: Reading, rows: Sequence[Row], track: Track, total: Total) -> Side:
    """One window from rows of slots."""
    by_slot = {row[0]: row for row in rows}
    buckets = [by_slot.get(track.first_slot + index) for index in range(len(track.labels))]
    whole = by_slot.get(track.total_slot)
    return Side(
        points=[[None if row is None else each.evaluate(row) for row in buckets] for each in reading.measures],
        totals=[None if whole is None else each.evaluate(whole) for each in reading.measures],
    )


def over_days(measure: Measure, rows: Iterable[Row], total: Total) -> Value:
    """The average of the daily values, or the last of them, over the days that have one."""
    values = [(row[0], value) for row in rows if (value := measure.evaluate(row)) is not None]
    if not values:
        return None
    if total == "last":
        return max(values, key=lambda each: each[0])[1]
    return fsum(value for _, value in values) / len(values)


def merge(reading: Reading, rows: Sequence[Row]) -> Row | None:
    """Rows as one: sums added, extremes compared."""
    if len(rows) < 2:
        return rows[0] if rows else None
    return [
        None if merge_column is None else merge_column(column)
        for merge_column, column in zip(reading.merges, zip(*rows, strict=True), strict=True)
    ]


def together(reading: Reading, rows: Sequence[Row]) -> Sequence[Row]:
    """The rows of all members as rows of no member: one a day."""
    if reading.scan.breakdown is None:
        return rows
    by_day: dict[Any, list[Row]] = {}
    for row in rows:
        by_day.setdefault(row[0], []).append(row)
    merged = []
    for day, group in by_day.items():
        row = list(merge(reading, group) or ())
        row[0] = day
        merged.append(row)
    return merged


def extent(reading: Reading, rows: Sequence[Row], track: Track) -> Extent | None:
    """From the first to the last day for which the table has rows within the window."""
    if reading.scan.shape is Shape.SLOTS:
        totals = [row for row in rows if row[0] == track.total_slot]
        first = min((row[1] for row in totals), default=None)
        last = max((row[2] for row in totals), default=None)
    else:
        days = [row[0] for row in rows if row[0] in track.bucket_of]
        first, last = min(days, default=None), max(days, default=None)
    if first is None:
        return None
    return Extent(first, last, track.bucket_of[first], track.bucket_of[last])


def currency_of(reading: Reading, rows: Sequence[Row]) -> str | None:
    """The one currency of the rows, MIXED where there are several, None where there is none or no money."""
    if reading.currency is None:
        return None
    lowest, highest = reading.currency
    found = {row[position] for row in rows for position in (lowest, highest)} - {None}
    return MIXED if len(found) > 1 else next(iter(found), None)


def member_positions(reading: Reading) -> tuple[int, int]:
    """Where a row of a breakdown has the member's place and name."""
    return (1, 2) if reading.scan.shape is Shape.DAYS else (3, 4)
