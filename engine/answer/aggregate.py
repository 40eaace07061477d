"""Rows of a scan → the values of a metric: buckets, totals, members, both windows.

Values come from components, never from other values: a ratio's total is the ratio of the sums.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import lru_cache
from operator import eq, itemgetter
from typing import Any

from engine.calendar import Axis, Compare, Grain, period
from engine.catalog.metrics import TableMetric
from engine.compiler.builder import OTHER
from engine.compiler.dialects.base import Dialect
from engine.compiler.plan import Measure, MetricPlan, Reading, Scan, Shape, total_of
from engine.files.definitions import Fill, Total

Row = Sequence[Any]
Value = float | None
MIXED = "mixed"


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """An axis as the driver's rows speak of it: which bucket a day lies in, which slot a bucket has."""

    labels: tuple[str, ...]
    start: Any
    end: Any
    bucket_of: Mapping[Any, int]
    covers: tuple[bool, ...]
    # The day of each bucket, where every bucket is one day.
    days: tuple[Any, ...] | None
    first_slot: int
    total_slot: int


@dataclass(frozen=True, slots=True, eq=False)
class Tracks:
    """The asked window's track and, unless compare is off, that of the one it is compared with."""

    asked: Track
    compared: Track | None
    both: tuple[Track, ...]
    slots: tuple[tuple[int, date], ...]


@lru_cache(maxsize=256)
def tracks(start: date, end: date, grain: Grain, compare: Compare, dialect: Dialect) -> Tracks:
    """The tracks of a period; the same arguments give the same object."""
    asked_period = period(start, end, grain, compare)
    asked = track(asked_period.asked, dialect, 0)
    if asked_period.compared is None:
        return Tracks(asked, None, (asked,), tuple(slots(asked_period.asked, asked)))
    compared = track(asked_period.compared, dialect, asked.total_slot + 1)
    pairs = (*slots(asked_period.asked, asked), *slots(asked_period.compared, compared))
    return Tracks(asked, compared, (asked, compared), pairs)


def track(axis: Axis, dialect: Dialect, first_slot: int) -> Track:
    days = {
        dialect.day(bucket.start + timedelta(days=offset)): index
        for index, bucket in enumerate(axis.buckets)
        for offset in range((bucket.end - bucket.start).days + 1)
    }
    return Track(
        labels=tuple(bucket.label.isoformat() for bucket in axis.buckets),
        start=dialect.day(axis.window.start),
        end=dialect.day(axis.window.end),
        bucket_of=days,
        covers=tuple(bucket.start <= bucket.end for bucket in axis.buckets),
        days=tuple(days)
        if len(days) == len(axis.buckets) and all(bucket.start == bucket.end for bucket in axis.buckets)
        else None,
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
    scan: Scan
    views: Sequence[View]

    @property
    def counted(self) -> list[list[bool]]:
        """By window, whether the table has rows for each bucket: where it has none, a sum's 0 is a guess."""
        return [counted(self.scan, view) for view in self.views]


@dataclass(slots=True)
class Extent:
    """The first and last day of a window that have rows, as the driver gives days, and their buckets."""

    first: Any
    last: Any
    first_bucket: int
    last_bucket: int


@dataclass(slots=True)
class View:
    """One window of a group of rows: the rows in it; and by bucket, the one row or the rows of each.

    `cells` is None where a bucket may have several rows, `buckets` where it has one at the most.
    """

    track: Track
    rows: Sequence[Row]
    cells: Sequence[Row | None] | None = None
    buckets: Sequence[Sequence[Row]] = ()


@dataclass(slots=True)
class Side:
    """One window of one group of rows: for each measure its points, and its total."""

    points: list[list[Value]]
    totals: list[Value]


def fold(plan: MetricPlan, rows_of: Mapping[Scan, Sequence[Row]], tracks: Tracks, dialect: Dialect) -> Outcome:
    """The outcome of one metric; `rows_of` has each scan's rows."""
    metric, whole = plan.metric, plan.whole
    rows = rows_of[whole.scan]
    currency = currency_of(whole, rows)
    # Where all members are in one scan's rows, a day has several of them.
    views = (views_of if whole.scan.breakdown is None else views_of_all)(whole.scan, rows, tracks)
    extents = [extent(whole.scan, view) for view in views]
    finish = Finish(metric.fill, currency == MIXED, tracks, extents)
    if plan.members is None:
        lines = finish.lines(whole.measures, [side(whole, view, metric.total) for view in views])
        headline = lines[metric.headline]
    else:
        lines = members(plan.metric, plan.members, rows_of[plan.members.scan], tracks, finish)
        headline = finish.lines(whole.measures, [totals(whole, view, metric.total) for view in views])[0]
    through = [dialect.iso(each.last) if each else None for each in extents]
    return Outcome(
        lines=lines,
        value=headline.value,
        previous=headline.previous,
        through=through[0],
        compared_through=through[1] if len(through) > 1 else None,
        currency=currency,
        scan=whole.scan,
        views=views,
    )


def members(metric: TableMetric, reading: Reading, rows: Sequence[Row], tracks: Tracks, finish: Finish) -> list[Line]:
    """A line for each member, largest first, and Other last where it has rows and is wanted."""
    place, member = member_positions(reading)
    grouped: dict[int | None, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row[place], []).append(row)
    rest = grouped.pop(None, [])
    groups = [(str(group[0][member]), group) for _, group in sorted(grouped.items(), key=lambda each: each[0] or 0)]
    if metric.other and any(reading.passing is None or row[reading.passing] for row in rest):
        groups.append((OTHER, rest))
    (measure,) = reading.measures
    found = []
    for name, group in groups:
        sides = [side(reading, view, metric.total) for view in views_of(reading.scan, group, tracks)]
        found += finish.lines([replace(measure, name=name)], sides)
    return found


@dataclass(slots=True)
class Finish:
    """What is done to every value at the end: what is missing inside the data's extent is filled."""

    fill: Fill | None
    mixed: bool
    tracks: Tracks
    extents: Sequence[Extent | None]

    def lines(self, measures: Sequence[Measure], sides: Sequence[Side]) -> list[Line]:
        """A line for each measure, from the sides of the asked window and of the compared one, if there is one."""
        found = []
        for index, measure in enumerate(measures):
            asked = sides[0]
            line = Line(
                measure.name,
                self.points(measure, asked.points[index], self.tracks.asked, self.extents[0]),
                self.total(measure, asked.totals[index], self.extents[0]),
            )
            if self.tracks.compared is not None:
                compared = sides[1]
                line.compared = self.points(measure, compared.points[index], self.tracks.compared, self.extents[1])
                line.previous = self.total(measure, compared.totals[index], self.extents[1])
            found.append(line)
        return found

    def points(self, measure: Measure, points: list[Value], track: Track, extent: Extent | None) -> list[Value]:
        if self.mixed and measure.money:
            return [None] * len(points)
        zero = self.fill == "zero" or (self.fill is None and measure.additive)
        if zero and extent is not None and None in points:
            for index in range(extent.first_bucket, extent.last_bucket + 1):
                if points[index] is None and track.covers[index]:
                    points[index] = 0
        # NaN is a number that no double can hold: missing, but not zero. It is what does not equal itself.
        if not all(map(eq, points, points)):
            points = [known(value) for value in points]
        return points

    def total(self, measure: Measure, value: Value, extent: Extent | None) -> Value:
        if self.mixed and measure.money:
            return None
        return 0 if value is None and measure.additive and extent is not None else known(value)


def known(value: Value) -> Value:
    """The value, or None for NaN."""
    return value if value == value else None


def views_of(scan: Scan, rows: Sequence[Row], tracks: Tracks) -> list[View]:
    """The rows of one group by window: a row for each day or slot. Where the windows overlap, a row is in both."""
    if scan.shape is Shape.SLOTS:
        by_slot = {row[0]: row for row in rows}
        return [view_of_slots(by_slot, track) for track in tracks.both]
    by_day = {row[0]: row for row in rows}
    return [view_of_days(by_day, track) for track in tracks.both]


def view_of_days(by_day: Mapping[Any, Row], track: Track) -> View:
    if track.days is not None:
        cells = list(map(by_day.get, track.days))
        return View(track, [row for row in cells if row is not None], cells)
    inside = [row for day in track.bucket_of if (row := by_day.get(day)) is not None]
    buckets: list[list[Row]] = [[] for _ in track.labels]
    for row in inside:
        buckets[track.bucket_of[row[0]]].append(row)
    return View(track, inside, None, buckets)


def view_of_slots(by_slot: Mapping[int, Row], track: Track) -> View:
    whole = by_slot.get(track.total_slot)
    cells = list(map(by_slot.get, range(track.first_slot, track.total_slot)))
    return View(track, [] if whole is None else [whole], cells)


def views_of_all(scan: Scan, rows: Sequence[Row], tracks: Tracks) -> list[View]:
    """The rows of all groups by window, for their totals: a day or a window may have several rows."""
    if scan.shape is Shape.SLOTS:
        return [View(track, [row for row in rows if row[0] == track.total_slot]) for track in tracks.both]
    return [
        View(track, sorted((row for row in rows if track.start <= row[0] <= track.end), key=itemgetter(0)))
        for track in tracks.both
    ]


def side(reading: Reading, view: View, total: Total) -> Side:
    """One window of a group of rows that has a row for each day or slot."""
    whole = totals(reading, view, total)
    cells = view.cells
    if cells is None:
        if total != "period":
            points = [[over_days(each, rows, total) for rows in view.buckets] for each in reading.measures]
            return Side(points, whole.totals)
        cells = [merge(reading, rows) for rows in view.buckets]
    points = [[None if row is None else evaluate(row) for row in cells] for evaluate in reading.evaluators]
    return Side(points, whole.totals)


def totals(reading: Reading, view: View, total: Total) -> Side:
    """The totals of one window alone; there may be several rows for a day."""
    no_points: list[list[Value]] = [[]] * len(reading.measures)
    if total != "period":
        days = together(reading, view.rows)
        return Side(no_points, [over_days(each, days, total) for each in reading.measures])
    whole = merge(reading, view.rows)
    return Side(no_points, [None if whole is None else evaluate(whole) for evaluate in reading.evaluators])


def over_days(measure: Measure, rows: Iterable[Row], total: Total) -> Value:
    """The average of the daily values, or the last of them, over the days that have one."""
    values = [(row[0], value) for row in rows if (value := measure.evaluate(row)) is not None]
    if not values:
        return None
    if total == "last":
        return float(max(values)[1])
    whole = total_of([value for _, value in values])
    return None if whole is None else whole / len(values)


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
    return [[day, *(merge(reading, group) or ())[1:]] for day, group in by_day.items()]


def counted(scan: Scan, view: View) -> list[bool]:
    """Whether each bucket of the window has rows; of a window's rows without their days, whether there are any."""
    if view.cells is not None:
        return [row is not None for row in view.cells]
    if scan.shape is Shape.SLOTS:
        return [bool(view.rows)] * len(view.track.labels)
    there = {view.track.bucket_of[row[0]] for row in view.rows}
    return [index in there for index in range(len(view.track.labels))]


def extent(scan: Scan, view: View) -> Extent | None:
    """From the first to the last day for which the table has rows within the window."""
    rows, track = view.rows, view.track
    if not rows:
        return None
    if scan.shape is Shape.SLOTS:
        first, last = min(row[1] for row in rows), max(row[2] for row in rows)
    else:
        first, last = rows[0][0], rows[-1][0]
    return Extent(first, last, track.bucket_of[first], track.bucket_of[last])


def currency_of(reading: Reading, rows: Sequence[Row]) -> str | None:
    """The one currency of the rows, MIXED where there are several, None where there is none or no money."""
    if reading.currency is None:
        return None
    lowest, highest = reading.currency
    found = {row[lowest] for row in rows} | {row[highest] for row in rows}
    found.discard(None)
    return MIXED if len(found) > 1 else next(iter(found), None)


def member_positions(reading: Reading) -> tuple[int, int]:
    """Where a row of a breakdown has the member's place and name."""
    return (1, 2) if reading.scan.shape is Shape.DAYS else (3, 4)
