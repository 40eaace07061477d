"""What facts are made of: the answers as days, the two windows, findings, and how their numbers are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property
from operator import itemgetter
from typing import Any, Literal

from engine import Body, Compare, Format, Metric, TableMetric, WidgetAnswer, Window
from insights.config.rules import Language
from insights.detect.significance import DayValues, SharedDays, Value, Windows, add_days

Direction = Literal["up", "down", "flat"]

# Where a sentence says against what it is held: the compared window, or the days up to the second mark. A list of
# bullets says it where it changes. Characters that no name keeps.
PERIOD, PERIOD_END = "\ue010", "\ue011"

# How many decimals numbers of a format have, from which value on.
DECIMALS: Mapping[Format, Sequence[tuple[float, int]]] = {
    "integer": [(0, 0)],
    "currency": [(100, 0), (0, 2)],
    "percent": [(0.1, 1), (0, 2)],
    "decimal": [(1_000, 0), (100, 1), (0, 2)],
    "duration": [(100, 0), (0, 1)],
}
SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£"}


@dataclass(frozen=True, slots=True)
class Finding:
    """What an observation came to: what sentences see, and whether it is worth one. A silence mutes its sources."""

    view: Mapping[str, Any]
    strength: float
    notable: bool = True
    silences: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """The asked window, what it is compared with, what day it is, and in which language that is told.

    The `compared` window may be longer or shorter, overlap the asked one or come after it.
    """

    window: Window
    compare: Compare
    today: date
    language: Language
    compared: Window | None = None

    @property
    def is_cut(self) -> bool:
        """Whether some of the asked window's days are not over: today, or those to come."""
        return self.today <= self.window.end

    @property
    def is_adjacent(self) -> bool:
        return self.compared is not None and self.compared.end + timedelta(days=1) == self.window.start

    @property
    def starts(self) -> tuple[date, date]:
        return self.window.start, date.max if self.compared is None else self.compared.start

    @property
    def is_after(self) -> bool:
        """Whether the asked window begins after the compared one, so that what it alone has is new."""
        return self.starts[0] > self.starts[1]

    @property
    def comparison_text(self) -> str:
        many = "day" if self.window.days == 1 else "days"
        match self.compare:
            case Compare.PREVIOUS_YEAR | Compare.PREVIOUS_YEAR_WEEKDAY | Compare.PREVIOUS_MONTH:
                return self.language.write(self.compare.value)
            case Compare.CUSTOM if self.compared is not None:
                days = self.write_days(self.compared.start, self.compared.end)
                return self.language.write(f"custom_{many}", day=self.write_date(self.compared.start), days=days)
        return self.language.write(f"previous_{many}", days=self.language.write_number(self.window.days))

    def write_day(self, index: int) -> str:
        return self.language.write_day(self.window.start + timedelta(days=index))

    def write_date(self, day: date, *years: int) -> str:
        """Write a day, with its year where that is not one of these or of the asked window's."""
        written, known = self.language.write_day(day), (*years, self.window.start.year, self.window.end.year)
        return written if day.year in known else self.language.write("day_of_year", day=written, year=str(day.year))

    def write_days(self, first: date, last: date) -> str:
        """Write a range of days; a month or a year that is that of both is said once."""
        if (first.year, first.month) == (last.year, last.month):
            return self.language.write("days_of_month", first=str(first.day), last=self.write_date(last))
        return self.language.write("days", first=self.write_date(first, last.year), last=self.write_date(last))

    def describe_days(self, shared: SharedDays | None) -> str:
        """Against what a change is held, in words, where the days of `shared` alone are compared."""
        if shared is None or not shared[0]:
            return PERIOD
        first, last = shared[0][0], shared[0][-1]
        if not shared[0] == shared[1] == tuple(range(first, last + 1)):
            return self.language.write("shared_days", count=self.language.write_number(len(shared[0])))
        now, then = (
            self.write_days(start + timedelta(days=first), start + timedelta(days=last)) for start in self.starts
        )
        return self.language.write("shared_dates", days=now, compared=then)


@dataclass(frozen=True, slots=True)
class Track:
    """A series or a member: its days in both windows, and what the engine says that they come to."""

    name: str
    days: Windows
    totals: tuple[Value, Value]

    def add_up(self, shared: SharedDays | None) -> tuple[float, float]:
        """What both windows come to, over the days that are compared; 0 where there is nothing to add up."""
        value, previous = self.days.keep(shared).totals if shared and self.days.now.values else self.totals
        return value or 0.0, previous or 0.0


@dataclass(frozen=True)
class Reading:
    """The engine's answer about a metric in a span: `whole` is that of all its series or members together.

    `late` has the first unread day of each source of which an account has not been read for two weeks.
    """

    metric: Metric
    span: Span
    tracks: Sequence[Track]
    totals: tuple[Value, Value]
    currency: str | None
    items: Sequence[Body] = ()
    late: Mapping[str, date] = field(default_factory=dict)

    @cached_property
    def whole(self) -> Track:
        days = zip(*(each.days for each in self.tracks), strict=True) if self.tracks else ((), ())
        return Track("", Windows(*map(add_days, days)), self.totals)

    def narrow(self, name: str) -> Reading:
        """Read the series of that name alone, with the format and the total that are its own."""
        metric = self.metric
        assert isinstance(metric, TableMetric)
        (series,) = (each for each in metric.series if each.name == name)
        total, format_ = metric.get_total(series), series.format or metric.format
        tracks = [each for each in self.tracks if each.name == name]
        return replace(self, metric=replace(metric, series=(series,), total=total, format=format_), tracks=tracks)

    def find_series(self) -> Track | None:
        """The first series; None where there is nothing to compare it with."""
        return next((each for each in self.tracks if each.days.then.values), None)

    def choose_style(self, *values: float) -> NumberStyle:
        """Choose how numbers of the metric are written: all of them as finely as the largest of these needs."""
        return NumberStyle(self.span.language, self.metric.format, self.currency, max(map(abs, values)))


# What a fact rests on, by the keys that name it in its definition.
Readings = Mapping[str, Reading]


def read_answer(answer: WidgetAnswer, span: Span) -> Reading:
    """Read an answer. Days without rows are empty: a sum fills them with 0, but nobody has counted them.

    Days that are not over are left out, and so are those of the compared window that they would be held against.
    """
    body, counted = answer.body, [each.buckets_with_rows for each in answer.results]

    def read_days(window: int, series: Body | None) -> DayValues:
        if series is None:
            return DayValues(())
        points = zip(series["points"], *(each[window] for each in counted), strict=True)
        values = tuple(point["v"] if all(has_rows) else None for point, *has_rows in points)
        over = max(0, (span.today - span.window.start).days) if span.is_cut else None
        return DayValues(values[:over], span.starts[window].weekday())

    read_totals = itemgetter("value", "previous")
    compared = body.get("comparison", {}).get("series") or [None] * len(body["series"])
    tracks = [
        Track(now["name"], Windows(read_days(0, now), read_days(1, then)), read_totals(now["stats"]))
        for now, then in zip(body["series"], compared, strict=True)
    ]
    notes = [(note["from"], note["source"]) for note in body["meta"].get("notes", ()) if note["code"] == "late"]
    late = {source: date.fromisoformat(since) for since, source in sorted(notes, reverse=True)}
    currency, items = body["meta"].get("currency"), body.get("items", ())
    return Reading(answer.metric, span, tracks, read_totals(body["stats"]), currency, items, late)


@dataclass(frozen=True, slots=True)
class NumberStyle:
    """How numbers of a metric are written, of which this is the largest."""

    language: Language
    format: Format
    currency: str | None
    largest: float

    def write_difference(self, value: float) -> str:
        """A difference between values of the metric: of percentages, in points."""
        return self.write(value, "points", plus="+")

    def write(self, value: float, percentage: str = "percent", *, plus: str = "") -> str:
        exact = value * 100 if self.format == "percent" else value
        decimals = next(decimals for least, decimals in DECIMALS[self.format] if self.largest >= least)
        number = self.language.write_number(exact, decimals)
        sign = "" if not any(each in "123456789" for each in number) else plus if exact > 0 else "-"
        word = {"percent": percentage, "duration": "seconds"}.get(self.format)
        if self.format == "currency" and self.currency is not None:
            word = "money" if self.currency in SYMBOLS else "money_code"
        if word is None:
            return sign + number
        currency = SYMBOLS.get(self.currency or "", self.currency or "")
        return sign + self.language.write(word, number=number, currency=currency)
