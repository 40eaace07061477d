"""The shape of tables, with their columns and dimensions."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from engine.files.definition import Definition, accept_shorthand

ColumnType = Literal[
    "uuid", "text", "date", "timestamp", "timestamptz", "boolean", "integer", "bigint", "double", "numeric"
]


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
