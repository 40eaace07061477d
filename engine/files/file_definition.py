"""The shape of a metric file, with its sources, tables and metrics."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, JsonValue

from engine.files.definition import Definition, accept_shorthand
from engine.files.metric_definitions import MetricDefinition
from engine.files.table_definitions import TableDefinition
from engine.sources import SOURCES


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
