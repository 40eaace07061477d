"""The shape of metric files as pydantic models: raw text, without resolved names.

The descriptions and examples of the fields are the language's reference: the JSON Schema is made from them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    JsonValue,
    Tag,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from engine.sources import SOURCES

ColumnType = Literal[
    "uuid", "text", "date", "timestamp", "timestamptz", "boolean", "integer", "bigint", "double", "numeric"
]
Format = Literal["integer", "decimal", "percent", "currency", "duration"]
Better = Literal["up", "down", "neutral"]
Total = Literal["period", "average", "first", "last"]
Direction = Literal["asc", "desc"]
Decimals = Annotated[int, Field(ge=0, le=10)]
Fill = Literal["zero", "null"]
DeltaKind = Literal["relative", "absolute"]
# What a metric is made of: it has one of these keys.
CONTENT_KEYS = ("value", "series", "columns", "combine", "derive")


def parse_iso_date(value: object) -> object:
    """Parse a date such as 2025-01-31. Raises ValueError."""
    if isinstance(value, str) and ISO_DATE.fullmatch(value):
        return date.fromisoformat(value)
    raise ValueError


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

ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
Day = Annotated[date, BeforeValidator(parse_iso_date)]


def accept_shorthand(key: str) -> BeforeValidator:
    """Return a validator that accepts a bare text in place of a mapping with this one key."""
    return BeforeValidator(lambda value: {key: value} if isinstance(value, str) else value)


def convert_null(value: object) -> object:
    """Convert YAML's null, which `fill: null` gives, to the word."""
    return "null" if value is None else value


Points = dict[str, float | None]


class Definition(BaseModel):
    """A mapping of the file: no unknown keys, no silent conversions."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)
    # Keys that may be null. Any other key without a value is unfinished, and reported.
    nullable: ClassVar[frozenset[str]] = frozenset()
    # What a key means that is left out, where the model must tell that from the same value written out.
    defaults: ClassVar[Mapping[str, object]] = {}

    @field_validator("*", mode="before")
    @classmethod
    def require_value(cls, value: object, info: ValidationInfo) -> object:
        name = str(info.field_name)
        # The errors of the type report every other value.
        if value is None and cls.model_fields[name].default is None and name not in cls.nullable:
            raise PydanticCustomError("nothing", "needs a value")
        return value

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the schema without the nulls that `require_value` refuses, and with the true defaults."""
        schema = handler.resolve_ref_schema(handler(core))
        for name, key in schema.get("properties", {}).items():
            if "default" in key and key["default"] is None:
                del key["default"]
                if name not in cls.nullable:
                    options = [option for option in key.pop("anyOf", ()) if option != {"type": "null"}]
                    key |= options[0] if len(options) == 1 else {"anyOf": options}
            if name in cls.defaults:
                key["default"] = cls.defaults[name]
        return schema


class ColumnDefinition(Definition):
    """A column of a table. A bare type is short for `{type: …}`."""

    type: ColumnType = Field(description="The column's type.", examples=["bigint"])
    column: str | None = Field(
        None, description="The physical column, where it is called otherwise.", examples=["visits"]
    )
    additive: bool = Field(True, description="false: the column may not be summed over days (daily unique users, say).")
    money: bool = Field(
        False,
        description="true: an amount in the table's currency; amounts in several currencies are never added.",
    )


class DimensionDefinition(Definition):
    """What a request may filter and break down by. A bare column is short for `{column: …}`."""

    column: str | None = Field(
        None,
        description="The column whose values are the members; the dimension's name unless said.",
        examples=["campaign_id"],
    )
    label: str | None = Field(
        None, description="The text column that names a member: its latest row's.", examples=["campaign_name"]
    )
    title: str | None = Field(None, description="The title; made from the name unless said.", examples=["Campaign"])


class TableDefinition(Definition):
    """A fact table, or a query over fact tables."""

    time: str = Field(description="The date column that windows and buckets are cut by.", examples=["date"])
    tenant: str = Field("user_id", description="The uuid column that tells whose row it is.", examples=["user_id"])
    name: str | None = Field(
        None, description="The physical table, where it is called otherwise.", examples=["analytics.ga4_fact"]
    )
    sql: str | None = Field(
        None,
        description="One SELECT, or several joined by UNION ALL, over tables that are named by `{{ table('…') }}`.",
        examples=["SELECT user_id, date, sessions FROM {{ table('ga4_channels_daily') }} WHERE channel = 'Email'"],
    )
    restates: Annotated[int, Field(ge=1, le=366)] | None = Field(
        None, description="How many of the latest days the source may still restate.", examples=[3]
    )
    currency: str | None = Field(
        None,
        description="The text column that holds the currency of the money columns.",
        examples=["currency"],
    )
    key: list[str] = Field(
        default_factory=list,
        description="The columns that identify a row.",
        examples=[["user_id", "date", "property_id"]],
    )
    account: str | None = Field(
        None,
        description="The text column of the source's account; without it all rows are of one connection.",
        examples=["property_id"],
    )
    dimensions: dict[str, Annotated[DimensionDefinition, accept_shorthand("column")]] = Field(
        default_factory=dict,
        description="What a request may filter and break down by, and nothing else.",
        examples=[{"property": {"column": "property_id", "title": "Property"}}],
    )
    columns: Annotated[dict[str, Annotated[ColumnDefinition, accept_shorthand("type")]], Field(min_length=1)] = Field(
        description="The columns by name: a type, or a mapping.",
        examples=[{"user_id": "uuid", "date": "date"}],
    )


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
    chart: str | None = Field(None, description="A hint for the frontend.", examples=["line", "bar"])
    group: str | None = Field(None, description="The section of a page that it belongs to.", examples=["Traffic"])
    position: Annotated[float, Field(allow_inf_nan=False)] | None = Field(
        None, description="Its place in its section, the least first.", examples=[10]
    )
    hidden: bool = Field(False, description="true: usable by other metrics, not served.")
    tests: list[TestDefinition] = Field(
        default_factory=list, description="The metric's own tests; `metric-engine test` runs them."
    )


class SourceDefinition(Definition):
    """A source without a provider: its rows come from elsewhere. A bare title is short for `{title: …}`."""

    title: str | None = Field(
        None, description="What it is called; made from the name unless said.", examples=["Google Ads"]
    )


class FileDefinition(Definition):
    """A metric file."""

    source: str | None = Field(
        None,
        description="Whose connection feeds this file's tables: a source of `sources:`, or "
        f"{', '.join(SOURCES)}. A file with tables needs it, unless they are all queries.",
        examples=["ga4"],
    )
    sources: dict[str, Annotated[SourceDefinition, accept_shorthand("title")]] = Field(
        default_factory=dict,
        description="Sources of one's own by name; a name is given once in the folder.",
        examples=[{"google_ads": "Google Ads"}],
    )
    table: str | None = Field(None, description="The default table of this file's metrics.", examples=["ga4_daily"])
    vars: dict[str, JsonValue] = Field(
        default_factory=dict,
        description="Values for `{{ … }}`, shared by all files.",
        examples=[{"paid": "('Paid Search', 'Paid Social')"}],
    )
    tables: dict[str, TableDefinition] = Field(
        default_factory=dict, description="Tables by name; a name is given once in the folder."
    )
    metrics: dict[str, Annotated[MetricDefinition, accept_shorthand("value")]] = Field(
        default_factory=dict,
        description="Metrics by key; a key is given once in the folder.",
        examples=[{"ga4.sessions": "sum(sessions)"}],
    )
