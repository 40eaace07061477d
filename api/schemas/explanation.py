"""The shape of what an answer rests on."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from api.schemas.answer import MetaFilters, Stats
from api.schemas.shared import Absent
from engine import Compare, Grain


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
