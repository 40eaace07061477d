"""The shape of a widget's answer."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.shared import Absent, Better, Format
from engine import Compare, Grain


class Point(BaseModel):
    """A bucket of a series: its first day, and its value; null where the source has no data.

    `partial` where the window cuts the bucket, and absent otherwise.
    """

    t: date
    v: float | None
    partial: Literal[True] | Absent = None


class ToDate(BaseModel):
    """The same over the days up to `through`, and those of the compared period opposite to them."""

    through: date
    value: float | None
    previous: float | None
    delta: float | None


class Stats(BaseModel):
    """The whole period's value, the compared period's, and the change; `to_date` where the period is unfinished."""

    value: float | None
    previous: float | None
    delta: float | None
    to_date: ToDate | None


class ComparedSeries(BaseModel):
    """The compared period's points, aligned with the series by index; of `previous_month` by the calendar."""

    name: str
    points: list[Point]


class Series(ComparedSeries):
    """A named series: one point per bucket of the asked range, none missing.

    `key`, `format`, `decimals`, `better` and `currency` are those of the metric that it comes from. A member of a
    breakdown has an `id`. `filtered` is false where a filter does not apply to it.
    """

    key: str
    format: Format
    decimals: int | None = Field(description="How many decimals are shown; null leaves it to the frontend.")
    better: Better
    currency: str | None
    id: str | Absent = None
    filtered: Literal[False] | Absent = None
    stats: Stats


class Comparison(BaseModel):
    """The compared period."""

    start: date
    end: date
    series: list[ComparedSeries]


class Item(BaseModel):
    """A ranked thing, such as a post; its shown columns stand beside its values."""

    model_config = ConfigDict(extra="allow")

    id: str
    values: dict[str, float | None]


class AppliedFilter(BaseModel):
    """A filter that applies: any of the members of `filter`, none of `exclude`."""

    dimension: str
    filter: list[str]
    exclude: list[str]


class MetaFilters(BaseModel):
    """The filters that apply to the widget, and the dimensions of those that do not."""

    applied: list[AppliedFilter]
    ignored: list[str]


class Note(BaseModel):
    """Something to be known of an account's rows on some days: `late`, `disconnected`, `sampled` or another code."""

    model_config = ConfigDict(populate_by_name=True)

    code: str
    source: str
    account: str
    start: date = Field(alias="from")
    end: date = Field(alias="to")


class Meta(BaseModel):
    """What was asked and what the answer rests on; `stale` where it is the last known while a database is away."""

    model_config = ConfigDict(extra="allow")

    key: str
    title: str
    format: Format
    decimals: int | None = Field(description="How many decimals are shown; null leaves it to the frontend.")
    better: Better
    delta: Literal["relative", "absolute"]
    grain: Grain
    start: date
    end: date
    compare: Compare
    total: str | None
    currency: str | None
    sources: list[str]
    missing_sources: list[str]
    data_through: date | None
    comparison_through: date | None
    provisional_from: date | None
    filters: MetaFilters
    notes: list[Note]
    receipt: str = Field(description="The id by which `explain` tells later whether the number is still that.")
    stale: Literal[True] | Absent = None


class WidgetTarget(BaseModel):
    """What the widget should come to: in its buckets, its window, and the window's days up to `data_through`.

    `progress` is the window's value as a share of `value`; `projected` is what it comes to if it goes on as it did.
    """

    series: list[Point]
    value: float | None
    due: float | None
    progress: float | None
    projected: float | None


class TableColumn(BaseModel):
    """A column of a table."""

    name: str
    format: Format
    decimals: int | None = Field(description="How many decimals are shown; null leaves it to the frontend.")
    better: Better
    currency: str | None


class TableRow(BaseModel):
    """A member: its name, the currency of its amounts, and the figures of each column by its name."""

    id: str
    label: str
    currency: str | None
    values: dict[str, Stats]


class WidgetTable(BaseModel):
    """A table: `total` is over all rows, `count` tells how many there are before `limit`."""

    columns: list[TableColumn]
    rows: list[TableRow]
    total: dict[str, Stats]
    count: int


class Widget(BaseModel):
    """The answer of a widget; `table` where it has columns."""

    series: list[Series]
    stats: Stats
    comparison: Comparison | Absent = None
    items: list[Item]
    target: WidgetTarget | None = Field(
        None, description="Present where the metric has a target; null where it says nothing of these rows."
    )
    table: WidgetTable | Absent = None
    meta: Meta
