"""The shapes of the widgets' catalog, of their members, and of several asked at once."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.answer import Widget
from api.schemas.shared import SOURCE_LIST, Absent, Better, Day, FilterMembers, Format, Problem, Text, describe_optional
from engine import MAX_OFFSET, MAX_ROWS, Compare, Grain

MAX_KEYS = 50


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
    items: list[str] | Absent = Field(None, description="What is told of each item of a widget that ranks items.")
    grains: list[Grain]
    group: str | None = Field(description="The section of a page that the widget belongs to.")
    position: float | None = Field(description="The widget's place in its section, the least first.")
    delta: Literal["relative", "absolute"]
    dimensions: list[DimensionEntry] = Field(description="What the widget can be filtered by.")
    breakdowns: list[str] = Field(description="The dimensions that a request may break the widget down by (`by`).")
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
    """The answers by key; a problem in the place of one that there is not."""

    widgets: dict[str, Widget | Problem]
