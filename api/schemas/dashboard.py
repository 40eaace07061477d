"""The shapes of a saved dashboard, and of what it tells of its data."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictInt

from api.schemas.shared import Absent

MAX_WIDGETS = 200


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
    """When the data came, when it comes again, and what is connected."""

    last_sync_at: datetime | None
    next_scheduled_at: datetime | None
    connected_sources: dict[str, bool]


class Dashboard(DashboardMeta):
    """What a page needs beside the catalog before it asks for numbers.

    The day is the one with which windows end by default.
    """

    last_complete_day: date
    layout: Layout
