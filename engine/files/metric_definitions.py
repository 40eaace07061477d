"""The shape of metrics, with their series, items and target."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, WithJsonSchema
from pydantic_core import PydanticCustomError

from engine.files.definition import Definition, accept_shorthand
from engine.files.metric_tests import TestDefinition

Format = Literal["integer", "decimal", "percent", "currency", "duration"]
Better = Literal["up", "down", "neutral"]
Total = Literal["period", "average", "first", "last"]
Direction = Literal["asc", "desc"]
Decimals = Annotated[int, Field(ge=0, le=10)]
Fill = Literal["zero", "null"]
DeltaKind = Literal["relative", "absolute"]
# What a metric is made of: it has one of these keys.
CONTENT_KEYS = ("value", "series", "columns", "combine", "derive")


def parse_rolling_days(value: object) -> object:
    """Parse a number of days such as `7 days`. Raises PydanticCustomError."""
    found = ROLLING_DAYS.fullmatch(value) if isinstance(value, str) else None
    if found is None or not 1 <= int(found[1]) <= MAX_ROLLING_DAYS:
        message = f"must be a number of days from 1 to {MAX_ROLLING_DAYS}, such as 7 days"
        raise PydanticCustomError("rolling_days", message)
    return int(found[1])


MAX_ROLLING_DAYS = 366
ROLLING_DAYS = re.compile(r"([0-9]{1,3}) days?", re.ASCII)
RollingDays = Annotated[
    int, BeforeValidator(parse_rolling_days), WithJsonSchema({"type": "string", "pattern": "^[1-9][0-9]{0,2} days?$"})
]


def convert_null(value: object) -> object:
    """Convert YAML's null, which `fill: null` gives, to the word."""
    return "null" if value is None else value


class ItemsDefinition(Definition):
    """A ranked list beside the series: posts, campaigns, pages."""

    by: str = Field(description="The column that identifies an item.", examples=["media_id"])
    show: list[str] = Field(
        default_factory=list, description="Columns to show, of the item's latest row.", examples=[["caption"]]
    )
    values: Annotated[dict[str, str], Field(min_length=1)] = Field(
        description="Aggregate expressions by name.", examples=[{"interactions": "sum(interactions)"}]
    )
    order: str | None = Field(
        None, description="The value to rank by, largest first; the first one unless said.", examples=["interactions"]
    )
    limit: Annotated[int, Field(ge=1, le=500)] = Field(10, description="How many items at the most.")


def choose_order(value: object) -> str:
    return "<column>" if isinstance(value, dict) else "<text>"


# A text, or a table's column and its direction.
RankOrder = Annotated[
    Annotated[str, Tag("<text>")] | Annotated[dict[str, Direction], Field(min_length=1, max_length=1), Tag("<column>")],
    Discriminator(choose_order),
]


class SeriesDefinition(Definition):
    """One of several series. A bare expression is short for `{value: …}`."""

    value: str = Field(description="A SQL aggregate expression over the table's columns.", examples=["sum(clicks)"])
    format: Format | None = Field(None, description="How a value is written; as the metric's unless said.")
    decimals: Decimals | None = Field(
        None, description="How many decimals are shown; the metric's, where the format is.", examples=[1]
    )
    better: Better | None = Field(None, description="Which direction is good; as the metric's unless said.")
    total: Total | None = Field(None, description="How it is summed up; as the metric unless said.")
    share: bool = Field(False, description="true: of a table's column, each row's share of the column's total.")


Number = Annotated[float, Field(allow_inf_nan=False)]


class TargetDefinition(Definition):
    """What a widget should come to: it has one of these keys."""

    day: Number | None = Field(
        None, description="A number for each day, of a value that adds up over days.", examples=[5000]
    )
    value: Number | None = Field(
        None, description="A number, the same for each bucket and for the whole.", examples=[0.03]
    )
    metric: str | None = Field(
        None, description="The metric whose points and total are the target.", examples=["my.budget"]
    )


class MetricDefinition(Definition):
    """A widget. A bare text is short for `{value: …}`."""

    nullable: ClassVar[frozenset[str]] = frozenset(("fill",))
    defaults: ClassVar[Mapping[str, object]] = {
        "format": "decimal",
        "better": "up",
        "delta": "relative",
        "total": "period",
        "top": 10,
        "other": True,
        "limit": 50,
    }

    title: str | None = Field(
        None, description="The widget's title; made from the key unless said.", examples=["Conversion rate"]
    )
    description: str | None = Field(
        None, description="One sentence on what it shows.", examples=["Sessions started on the day."]
    )
    table: str | None = Field(
        None, description="The table it reads; the file's `table` unless said.", examples=["ga4_daily"]
    )
    value: str | None = Field(
        None, description="A SQL aggregate expression over the table's columns.", examples=["sum(sessions)"]
    )
    series: Annotated[dict[str, Annotated[SeriesDefinition, accept_shorthand("value")]], Field(min_length=1)] | None = (
        Field(
            None,
            description="Several expressions by series name; or mappings, with a format of their own, say.",
            examples=[{"CPC": "sum(spend) / sum(clicks)"}],
        )
    )
    columns: (
        Annotated[dict[str, Annotated[SeriesDefinition, accept_shorthand("value")]], Field(min_length=1)] | None
    ) = Field(
        None,
        description="The columns of a table, by name: an expression each. The widget's series is the first one's.",
        examples=[{"Spend": "sum(spend)", "CPC": "sum(spend) / sum(clicks)"}],
    )
    rows: str | None = Field(
        None, description="A dimension or column: a row of the table per member.", examples=["campaign"]
    )
    having: str | None = Field(
        None,
        description="A condition over aggregates of the asked window, which the rows of the table meet.",
        examples=["sum(spend) >= 50"],
    )
    limit: Annotated[int, Field(ge=1, le=500)] | None = Field(
        None, description="How many rows the table has at the most. 50 unless said.", examples=[20]
    )
    headline: str | None = Field(
        None, description="The series whose stats are the widget's; the first unless said.", examples=["CPC"]
    )
    where: str | None = Field(
        None, description="A row predicate over the table's columns.", examples=["channel <> 'Direct'"]
    )
    by: str | None = Field(None, description="A column: one series per member.", examples=["channel"])
    top: Annotated[int, Field(ge=1, le=200)] | None = Field(
        None, description="How many members are shown; the rest is folded into Other. 10 unless said.", examples=[6]
    )
    order: RankOrder | None = Field(
        None,
        description="What members are ranked by: an aggregate expression, descending; or name, for the order of names. "
        "Of a table, a column, descending, or a column and asc or desc; the first column unless said.",
        examples=["sum(sessions)", {"CPA": "asc"}],
    )
    other: bool | None = Field(None, description="false: leave the Other series out.", examples=[False])
    share: bool = Field(False, description="true: each member's share of all members' value, in every bucket.")
    items: ItemsDefinition | None = Field(
        None,
        description="A ranked list beside the series.",
        examples=[{"by": "media_id", "values": {"interactions": "sum(interactions)"}}],
    )
    combine: Annotated[list[str], Field(min_length=2)] | None = Field(
        None,
        description="Keys of metrics whose series are shown together.",
        examples=[["meta.spend", "ga4.sessions"]],
    )
    stat: Literal["correlation"] | None = Field(
        None, description="correlation: the headline is Pearson's r of the two combined series."
    )
    derive: str | None = Field(
        None, description="Arithmetic between metrics, with coalesce.", examples=["meta.spend / ga4.sessions"]
    )
    total: Total | None = Field(
        None,
        description="How a bucket or period is summed up: once over its rows (period), or by its days.",
    )
    rolling: RollingDays | None = Field(
        None, description="Each point is of so many days, which end with its last one.", examples=["7 days"]
    )
    to_date: Literal["week", "month", "quarter", "year"] | None = Field(
        None, description="Each point is of the days since the first of this, up to its last one."
    )
    fill: Annotated[Fill | None, BeforeValidator(convert_null)] = Field(
        None, description="What a bucket without a value shows inside the data's extent: zero or null."
    )
    target: TargetDefinition | None = Field(
        None, description="What the widget should come to.", examples=[{"day": 5000}]
    )
    delta: DeltaKind | None = Field(None, description="The change as a fraction (relative) or a difference.")
    format: Format | None = Field(None, description="How a value is written; decimal unless said.")
    decimals: Decimals | None = Field(
        None,
        description="How many decimals of a decimal, percent or currency are shown; the frontend's choice unless said.",
        examples=[1],
    )
    better: Better | None = Field(None, description="Which direction is good; up unless said.")
    chart: str | None = Field(
        None,
        description="How it is drawn: line, bar or stacked; another frontend may know other words.",
        examples=["line", "bar", "stacked"],
    )
    group: str | None = Field(None, description="The section of a page that it belongs to.", examples=["Traffic"])
    position: Annotated[float, Field(allow_inf_nan=False)] | None = Field(
        None, description="Its place in its section, the least first.", examples=[10]
    )
    hidden: bool = Field(False, description="true: usable by other metrics, not served.")
    tests: list[TestDefinition] = Field(
        default_factory=list, description="The metric's own tests; `metric-engine test` runs them."
    )
