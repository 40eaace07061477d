"""An Instagram account's media, by the day they were posted on, with the values of their whole life so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, date
from typing import Any
from zoneinfo import ZoneInfo

from engine.calendar import Window
from sync.parsing import Object
from sync.provider import Intake
from sync.providers.graph import INVALID, Gone, Graph, Refused, Withheld
from sync.providers.instagram_insights import INSTAGRAM, Insights

TABLE = "ig_media"
# Media of so many days are asked for again each time; a day more fits into one window.
RESTATES = 30
CHUNK = 31

PAGE = "100"
FIELDS = (
    "id",
    "caption",
    "media_type",
    "media_product_type",
    "permalink",
    "timestamp",
    "like_count",
    "comments_count",
)
METRICS = {
    "reach": "reach",
    "saved": "saves",
    "shares": "shares",
    "views": "views",
    "total_interactions": "interactions",
}
COUNTS = {"like_count": "likes", "comments_count": "comments"}
COLUMNS = (
    "posted_on",
    "media_id",
    "posted_at",
    "media_type",
    "caption",
    "permalink",
    *COUNTS.values(),
    *METRICS.values(),
)


@dataclass(frozen=True, slots=True)
class Medium:
    """A medium as the list has it: its columns of the table, and the kind that tells which metrics it has."""

    id: str
    kind: str
    posted_on: date
    columns: Mapping[str, Any]


class Media:
    """Restates the media of one account."""

    def __init__(self, account: str, insights: Insights, intake: Intake, zone: ZoneInfo) -> None:
        self.account = account
        self.insights = insights
        self.intake = intake
        self.zone = zone
        self.listed: Sequence[Medium] = ()

    async def list(self, since: date) -> None:
        """Read the list, newest first, back to the media of a day. Raises ProviderError."""
        graph = self.insights.graph
        found: dict[str, Medium] = {}
        query = {"fields": ",".join(FIELDS), "limit": PAGE}
        async with aclosing(graph.pages(f"{self.account}/media", query)) as pages:
            async for page in pages:
                media = [medium(graph, each, self.zone) for each in page]
                found |= {each.id: each for each in media}
                if media and all(each.posted_on < since for each in media):
                    break
        self.listed = list(found.values())

    async def restate(self, window: Window) -> None:
        """Ask for the metrics of a window's media, and lay the answers over what the table has.

        A medium leaves the table only when Instagram says of itself that there is none: one that the list lacks is
        asked for all the same. Raises ProviderError.
        """
        held = {row["media_id"]: known(row) for row in await self.intake.held(TABLE, window)}
        listed = {each.id: each for each in self.listed if window.start <= each.posted_on <= window.end}
        rows, skipped = [], 0
        for media_id in dict.fromkeys((*listed, *held)):
            before, found = held.get(media_id), listed.get(media_id)
            try:
                answered = await self.values(media_id, found.kind if found else str((before or {})["media_type"]))
            except Gone:
                continue
            except (Withheld, Refused) as error:
                if isinstance(error, Refused) and error.code != INVALID:
                    raise
                skipped += 1
                rows += [before] if before else []
                continue
            rows.append(dict.fromkeys(COLUMNS) | (before or {}) | (dict(found.columns) if found else {}) | answered)
        if skipped:
            self.intake.skip(skipped, "posts without insights")
        await self.intake.restate(TABLE, window, rows)

    async def values(self, media_id: str, kind: str) -> dict[str, int]:
        """The values that there are, by column. Raises ProviderError."""
        if not media_id.isdigit():
            # It was never one of Instagram's: somebody loaded it.
            return {}
        found = await self.insights.of(media_id, kind, list(METRICS), {})
        values = {METRICS[name]: self.insights.value(metric, name) for name, metric in found.items() if name in METRICS}
        return {column: value for column, value in values.items() if value is not None}


def medium(graph: Graph, found: Object, zone: ZoneInfo) -> Medium:
    read = graph.read
    media_id = read.text(found, "id")
    if not (media_id.isascii() and media_id.isdigit()):
        raise INSTAGRAM.without("a number for 'id'")
    posted_at = read.moment(found.get("timestamp"), "timestamp").astimezone(UTC)
    media_type = read.text(found, "media_type")
    product = read.optional_text(found, "media_product_type")
    posted_on = posted_at.astimezone(zone).date()
    columns = {
        "posted_on": posted_on,
        "media_id": media_id,
        "posted_at": posted_at,
        "media_type": media_type,
        "caption": read.optional_text(found, "caption"),
        "permalink": read.optional_text(found, "permalink"),
        # Likes that the account hides are left out.
        **{column: read.whole(found[name], name) for name, column in COUNTS.items() if name in found},
    }
    return Medium(media_id, media_type if product is None else f"{product} {media_type}", posted_on, columns)


def known(row: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that are loaded here, of a row that the table has."""
    return {name: row.get(name) for name in COLUMNS}
