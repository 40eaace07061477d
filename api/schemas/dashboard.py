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


class DataState(BaseModel):
    """When the data came, when it comes again, what is connected, and the day with which windows end by default."""

    last_sync_at: datetime | None
    next_scheduled_at: datetime | None
    connected_sources: dict[str, bool]
    last_complete_day: date


class DashboardMeta(DataState):
    """The state of the data, and the saved layout: what a page needs beside the catalog before it asks for numbers."""

    layout: Layout
