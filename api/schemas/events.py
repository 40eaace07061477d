"""The shapes of what a stream tells."""

from __future__ import annotations

from pydantic import BaseModel


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
