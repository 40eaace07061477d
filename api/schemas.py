"""The shapes of the API, for its documentation and typed clients; the hot path needs none."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictInt, WithJsonSchema
from pydantic.json_schema import SkipJsonSchema

from engine import MAX_ACCOUNT_LENGTH, MAX_OFFSET, MAX_ROWS, SOURCE_PATTERN, Compare, Grain

Format = Literal["integer", "decimal", "percent", "currency", "duration"]
Better = Literal["up", "down", "neutral"]

SyncStatus = Literal["queued", "running", "succeeded", "partial", "failed", "cancelled"]
# An account whose rows come from elsewhere is skipped.
SyncPartStatus = Literal["queued", "running", "succeeded", "partial", "failed", "cancelled", "skipped"]

MAX_KEYS = 50
MAX_WIDGETS = 200


# What the engine itself reads and explains is documented here, not validated.
# The document of an installation has its catalog's sources in place of these two.
ONE_SOURCE = f"^{SOURCE_PATTERN}$"
SOURCE_LIST = f"^({SOURCE_PATTERN}(,{SOURCE_PATTERN})*)?$"


def describe_optional(kind: str, **keywords: Any) -> WithJsonSchema:
    """Return the JSON schema of an optional value of this type."""
    return WithJsonSchema({"type": [kind, "null"], **keywords})


Text = Annotated[str, WithJsonSchema({"type": "string", "pattern": "^[^\\x00]*$"})]
# A member that is left out where there is nothing to say; it is never null.
Absent = SkipJsonSchema[None]
FilterMembers = dict[str, list[Text]] | None
Day = Annotated[str | None, describe_optional("string", format="date")]


class Fault(BaseModel):
    """One of several things that are wrong: a parameter by its name, a place in the body by its JSON pointer."""

    detail: str
    parameter: str | Absent = None
    pointer: str | Absent = None


class Problem(BaseModel):
    """An error (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    errors: list[Fault] | Absent = None


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
    """Something to be known of an account's data from one day to another, such as `late` or `sampled`."""

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


class DefinitionText(BaseModel):
    """Where something is defined: the metric file, its line, and what stands there."""

    file: str | None
    line: int | None
    text: str | None


class ExplainedDefinition(DefinitionText):
    """The definition of the widget, and the digest of what it means."""

    hash: str


class UsedDefinition(DefinitionText):
    """The definition of a table or a metric that the widget is made of."""

    table: str | Absent = None
    metric: str | Absent = None


class RowsState(BaseModel):
    """Where a statement's rows came from, and how old they are."""

    state: Literal["hit", "miss", "stale"]
    age_seconds: int


class ExplainedStatement(BaseModel):
    """A statement, what was bound to it, and where its rows came from."""

    table: str
    statement: str
    parameters: dict[str, Any]
    cache: RowsState


class ExplainedExtent(BaseModel):
    """The days that are known of a table; null where it has no rows."""

    table: str
    first: date | None
    through: date | None


class ExplainedQuery(BaseModel):
    """What was asked; `sources` are those of the widget that are on."""

    start: date
    end: date
    compare: Compare
    compare_start: date | None
    grain: Grain
    sources: list[str]
    by: str | None
    top: int | None


class ReceiptDifference(BaseModel):
    """One thing that is not as it was, and what that means."""

    what: str
    detail: str


class ReceiptVerdict(BaseModel):
    """Whether the number of a receipt is still that, and what is not as it was."""

    id: str
    same: bool
    changed: list[ReceiptDifference]


class Explanation(BaseModel):
    """What the answer of a widget rests on; `receipt` where one was given to compare with."""

    model_config = ConfigDict(extra="allow")

    id: str
    key: str
    title: str
    stats: Stats
    definition: ExplainedDefinition
    uses: list[UsedDefinition]
    query: ExplainedQuery
    filters: MetaFilters
    statements: list[ExplainedStatement]
    extent: list[ExplainedExtent]
    data_through: date | None
    data_version: int
    receipt: ReceiptVerdict | Absent = None


class MemberEntry(BaseModel):
    """A member of a dimension: what a filter names, what is shown, and its value over the window."""

    id: str
    label: str
    value: float | None


class MemberList(BaseModel):
    """The members of a dimension, the largest first."""

    members: list[MemberEntry]


class DimensionEntry(BaseModel):
    """What a widget can be filtered by."""

    name: str
    title: str


class WidgetEntry(BaseModel):
    """A widget of the catalog."""

    model_config = ConfigDict(extra="allow")

    key: str
    title: str
    description: str
    sources: list[str]
    format: Format
    decimals: int | None = Field(description="How many decimals are shown; null leaves it to the frontend.")
    better: Better
    chart: str | None
    by: str | None = Field(description="The dimension or column that the widget is broken down by.")
    columns: list[str] | Absent = Field(None, description="The columns of a table, by which its rows can be sorted.")
    rows: str | Absent = Field(None, description="The dimension or column whose members are the rows of a table.")
    sort: str | Absent = Field(None, description="The order of a table's rows, as a request may name it.")
    grains: list[Grain]
    group: str | None = Field(description="The section of a page that the widget belongs to.")
    position: float | None = Field(description="The widget's place in its section, the least first.")
    delta: Literal["relative", "absolute"]
    dimensions: list[DimensionEntry] = Field(description="What the widget can be filtered by.")
    hash: str = Field(description="A digest that changes with the definition, but not with titles and comments.")


class SourceEntry(BaseModel):
    """A source of the catalog, which requests and connections name."""

    name: str
    title: str


class WidgetCatalog(BaseModel):
    """All the widgets that are served, and all sources, connected or not."""

    widgets: list[WidgetEntry]
    sources: list[SourceEntry]


class BatchQuestion(BaseModel):
    """Several widgets asked at once; the parameters are those of one widget."""

    # Unknown members are caught by the router, which names the nearest one.
    model_config = ConfigDict(extra="allow", json_schema_extra={"additionalProperties": False})

    keys: Annotated[list[Text], Field(max_length=MAX_KEYS, examples=[["ga4.sessions", "meta.roas"]])]
    start: Day = None
    end: Day = None
    compare: Annotated[str | None, describe_optional("string", enum=[*Compare, None], default=Compare.OFF)] = None
    compare_start: Day = None
    sources: Annotated[str | None, describe_optional("string", pattern=SOURCE_LIST)] = None
    grain: Annotated[str | None, describe_optional("string", enum=[*Grain, None], default=Grain.DAY)] = None
    sort: Annotated[str | None, describe_optional("string")] = None
    limit: Annotated[int | None, describe_optional("integer", minimum=1, maximum=MAX_ROWS)] = None
    offset: Annotated[int | None, describe_optional("integer", minimum=0, maximum=MAX_OFFSET)] = None
    filter: FilterMembers = Field(None, examples=[{"channel": ["Email"]}])
    exclude: FilterMembers = None


class Batch(BaseModel):
    """The answers by key; a problem in the place of a widget that is not known."""

    widgets: dict[str, Widget | Problem]


class InsightGroup(BaseModel):
    """Sentences under one heading, the most important first: plain text of at most 240 characters each."""

    group: Literal["Cross-channel", "Ads", "Traffic", "Content"]
    bullets: list[Annotated[str, Field(max_length=240)]]


class InsightMeta(BaseModel):
    """Who wrote the sentences, and over which data.

    `dropped` counts what a language model answered and nothing offered it, by reason; `fallback` tells why the rules
    speak in its place.
    """

    model_config = ConfigDict(extra="allow")

    generated_by: Literal["llm", "rules"]
    dropped: dict[str, int]
    start: date
    end: date
    compare: Compare
    sources: list[str]
    fallback: str | Absent = None
    stale: Literal[True] | Absent = None


class InsightList(BaseModel):
    """What happened, in a few sentences."""

    items: list[InsightGroup]
    meta: InsightMeta


class LayoutWidget(BaseModel):
    """A widget's place on the dashboard; every property but `id` is the frontend's own."""

    model_config = ConfigDict(extra="allow")

    id: Annotated[str, Field(examples=["ga4.sessions"])]


class NewLayout(BaseModel):
    """A layout to save. `version` is the one last read; without it the last write wins."""

    model_config = ConfigDict(extra="allow")

    widgets: Annotated[list[LayoutWidget], Field(max_length=MAX_WIDGETS)]
    version: Annotated[StrictInt, Field(ge=0)] | None = None


class Layout(BaseModel):
    """A saved layout. `unknown` lists the ids that no longer name a widget."""

    model_config = ConfigDict(extra="allow")

    widgets: list[LayoutWidget]
    version: int | Absent = None
    unknown: list[str] | Absent = None


class DashboardMeta(BaseModel):
    """When the data came, when it comes again, what is connected, and the day with which windows end by default."""

    last_sync_at: datetime | None
    next_scheduled_at: datetime | None
    connected_sources: dict[str, bool]
    last_complete_day: date


class SyncStarted(BaseModel):
    """The job that is running now."""

    job_id: UUID


class SyncRun(BaseModel):
    """The run of a local date; `started` unless all users were in it already."""

    run_id: UUID
    date: date
    started: bool


class SyncAccount(BaseModel):
    """One account of a job: its rows, what was passed over by reason, and notes on the rows."""

    status: SyncPartStatus
    rows: int
    error: str | None
    skipped: dict[str, int]
    notes: list[str] = Field(default_factory=list)


class SyncSource(BaseModel):
    """One source of a job; `error` is a sentence for the user."""

    status: SyncPartStatus
    rows: int
    error: str | None
    accounts: dict[str, SyncAccount]


class SyncJob(BaseModel):
    """A sync; `detail` is what there is to say of the whole."""

    id: UUID
    status: SyncStatus
    progress: float = Field(ge=0, le=1)
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    sources: dict[str, SyncSource]
    detail: str | None


class RejectedEntry(BaseModel):
    """How often a problem is at a line of a rejected metric file; without a file, the files cannot be read."""

    code: str
    count: int
    file: str | None
    line: int | None


class CatalogEvent(BaseModel):
    """The served catalog: the hashes that changed, null for a widget that is gone, all of them if `complete`."""

    version: str
    hashes: dict[str, str | None]
    complete: bool
    diagnostics: list[RejectedEntry]


class DataEvent(BaseModel):
    """The version of the user's data: after it an answer may differ."""

    version: int


class ConnectionOptions(BaseModel):
    """How an account is read: which action of Meta's counts as a conversion, and in which zone a post has its day."""

    model_config = ConfigDict(extra="forbid")

    conversion_action: str | None = Field(None, pattern=r"^[A-Za-z0-9_.]{1,100}$", examples=["lead"])
    time_zone: str | None = Field(None, max_length=64, examples=["Pacific/Auckland"])


class NewConnection(BaseModel):
    """An account to connect; without credentials its rows come from elsewhere."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    account_id: Annotated[
        str,
        WithJsonSchema(
            {
                "type": "string",
                "minLength": 1,
                "maxLength": MAX_ACCOUNT_LENGTH,
                "description": "Digits, of Meta with `act_` before them; of a declared source any text.",
                "examples": ["123456789", "act_123456789"],
            }
        ),
    ]
    credentials: dict[str, Any] | None = None
    options: ConnectionOptions | None = None


class ConnectionEntry(BaseModel):
    """A connected account. Credentials never come out."""

    source: str
    account_id: str
    status: str
    last_success_at: datetime | None
    last_error: str | None


class ConnectionList(BaseModel):
    """The user's connected accounts."""

    connections: list[ConnectionEntry]
