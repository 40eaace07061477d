"""The shapes of what happened, in sentences."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.shared import Absent
from engine import Compare


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
