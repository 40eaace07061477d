"""The shape of a metric's own tests, and of what they expect of the answer."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, JsonValue

from engine.files.definition import Definition


def parse_iso_date(value: object) -> object:
    """Parse a date such as 2025-01-31. Raises ValueError."""
    if isinstance(value, str) and ISO_DATE.fullmatch(value):
        return date.fromisoformat(value)
    raise ValueError


ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
Day = Annotated[date, BeforeValidator(parse_iso_date)]
Points = dict[str, float | None]


class TargetExpectation(Definition):
    """Some of the figures of `target`."""

    nullable: ClassVar[frozenset[str]] = frozenset(("value", "due", "progress", "projected"))

    value: float | None = Field(None, description="The target of the whole window.", examples=[100])
    due: float | None = Field(None, description="The target of its days up to the last known one.", examples=[50])
    progress: float | None = Field(None, description="The window's value as a share of its target.", examples=[0.4])
    projected: float | None = Field(
        None, description="What the window comes to if it goes on as it did.", examples=[80]
    )
    points: Points | None = Field(
        None, description="The targets of buckets by the first date of their bucket.", examples=[{"2025-01-01": 10}]
    )


class StatsExpectation(Definition):
    """Some of the three figures of `stats`."""

    nullable: ClassVar[frozenset[str]] = frozenset(("value", "previous", "delta"))

    value: float | None = Field(None, description="The whole period's value; null: it has none.", examples=[7])
    previous: float | None = Field(None, description="The compared period's value.", examples=[5])
    delta: float | None = Field(None, description="The change from `previous` to `value`.", examples=[0.4])


class SeriesExpectation(Definition):
    """What one series must show: a subset."""

    stats: StatsExpectation | None = Field(
        None, description="Some of value, previous and delta.", examples=[{"value": 7, "delta": None}]
    )
    points: Points | None = Field(
        None, description="Values by the first date of their bucket.", examples=[{"2025-01-01": 3}]
    )
    comparison: Points | None = Field(
        None, description="Values of the compared period, by date.", examples=[{"2024-12-31": 5}]
    )


class TableExpectation(Definition):
    """What a table must show: a subset."""

    rows: list[dict[str, JsonValue]] | None = Field(
        None,
        description="The first rows in order, each a subset.",
        examples=[[{"id": "a", "values": {"Spend": {"value": 7}}}]],
    )
    total: dict[str, StatsExpectation] | None = Field(
        None, description="The total of columns, by name.", examples=[{"Spend": {"value": 12}}]
    )
    count: Annotated[int, Field(ge=0)] | None = Field(
        None, description="How many rows there are before `limit`.", examples=[2]
    )


class Expectation(SeriesExpectation):
    """What the answer must show: a subset."""

    series: dict[str, SeriesExpectation] | None = Field(
        None, description="What each series must show, by its name.", examples=[{"CPC": {"stats": {"value": 2}}}]
    )
    items: list[dict[str, JsonValue]] | None = Field(
        None, description="The first items in order, each a subset.", examples=[[{"id": "b"}, {"id": "a"}]]
    )
    target: TargetExpectation | None = Field(
        None, description="Some of the target's figures.", examples=[{"value": 100, "progress": 0.4}]
    )
    table: TableExpectation | None = Field(
        None, description="What the table must show.", examples=[{"rows": [{"id": "a"}], "count": 1}]
    )
    meta: dict[str, JsonValue] | None = Field(
        None, description="A subset of the answer's meta.", examples=[{"currency": "USD"}]
    )


# What `meta` of an answer may have.
META_NAMES = (
    *(
        "key",
        "title",
        "format",
        "decimals",
        "better",
        "grain",
        "start",
        "end",
        "compare",
        "total",
        "delta",
        "currency",
        "sources",
    ),
    *("missing_sources", "data_through", "comparison_through", "provisional_from", "filters", "notes"),
)


class TestDefinition(Definition):
    """A metric's own test: rows, a question, and what the answer must show."""

    __test__ = False  # pytest must not take the class for a test of its own

    name: str = Field(description="What the test shows.", examples=["two days"])
    rows: Any = Field(
        description="Rows of the metric's table, or lists of rows by table. A column left out is NULL.",
        examples=[[{"date": "2025-01-01", "sessions": 3}]],
    )
    start: Day = Field(description="The first day asked for.", examples=["2025-01-01"])
    end: Day = Field(description="The last day asked for.", examples=["2025-01-02"])
    compare: Literal["off", "previous_period", "previous_year", "previous_year_weekday", "previous_month", "custom"] = (
        Field("off", description="What the period is compared with.")
    )
    compare_start: Day | None = Field(
        None, description="The first day of a custom comparison.", examples=["2024-12-01"]
    )
    grain: Literal["day", "week", "month", "quarter", "year"] = Field("day", description="The width of a bucket.")
    expect: Expectation = Field(description="A subset of the answer.", examples=[{"stats": {"value": 7}}])
