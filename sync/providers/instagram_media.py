"""An Instagram account's media by their day of posting, with the values of their lifetime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, date
from typing import Any
from zoneinfo import ZoneInfo

from engine import Window
from sync.errors import NeedsReauth, ProviderError, Throttled, Unreadable
from sync.parsing import JsonObject
from sync.provider import Sink
from sync.providers.graph import INVALID, AccessWithheld, GraphClient, ObjectNotFound, RejectedRequest
from sync.providers.instagram_insights import INSTAGRAM, InstagramInsights

TABLE = "ig_media"
# The media of this many days are requested each time; a window holds one day more.
RESTATE_DAYS = 30
CHUNK_DAYS = 31

# From so many on, and if they are the most, items that fail are the account's or Instagram's own failure.
MIN_FAILURES = 3

PAGE_SIZE = "100"
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
class MediaItem:
    """A medium of the list: its columns, and the kind that decides which metrics it has."""

    id: str
    kind: str
    posted_on: date
    columns: Mapping[str, Any]


class ItemFailures:
    """The items that were read and those that failed: a few are passed over, most of them are a failure."""

    def __init__(self) -> None:
        self.read = 0
        self.failed = 0

    def count_failure(self, error: ProviderError) -> None:
        """Count an item that failed. Raises its error if too many have."""
        self.failed += 1
        if self.failed >= MIN_FAILURES and self.failed > self.read:
            raise error


class InstagramMedia:
    """The media of one account."""

    def __init__(self, account: str, insights: InstagramInsights, sink: Sink, zone: ZoneInfo) -> None:
        self.account = account
        self.insights = insights
        self.sink = sink
        self.zone = zone
        self.listed: Sequence[MediaItem] = ()
        self.answers = ItemFailures()

    async def fetch_list(self, since: date) -> None:
        """Fetch the list, newest first, back to the media of a day. Raises ProviderError."""
        graph = self.insights.graph
        found: dict[str, MediaItem] = {}
        entries = ItemFailures()
        query = {"fields": ",".join(FIELDS), "limit": PAGE_SIZE}
        async with aclosing(graph.iter_pages(f"{self.account}/media", query)) as pages:
            async for page in pages:
                media = []
                for each in page:
                    try:
                        media.append(parse_media_item(graph, each, self.zone))
                    except Unreadable as error:
                        entries.count_failure(error)
                    else:
                        entries.read += 1
                found |= {each.id: each for each in media}
                if media and all(each.posted_on < since for each in media):
                    break
        self.listed = list(found.values())
        self.sink.skip(entries.failed, "posts that cannot be read")

    async def restate(self, window: Window) -> None:
        """Fetch a window's media and merge them with the table's rows. Raises ProviderError.

        A medium is deleted only if Instagram answers that it does not exist; one that is missing in the list is
        requested nevertheless. A row under any other id was loaded from a file, and gives way to Instagram's own.
        """
        stored = {row["media_id"]: pick_columns(row) for row in await self.sink.get_rows(TABLE, window)}
        # An empty list brings nothing that such a row would stand beside.
        held = {media_id: row for media_id, row in stored.items() if is_media_id(media_id) or not self.listed}
        self.sink.skip(len(stored) - len(held), "loaded posts whose ids are not Instagram's")
        listed = {each.id: each for each in self.listed if window.start <= each.posted_on <= window.end}
        # In another time zone a medium may lie in another window.
        moved = {each.id for each in self.listed} - listed.keys()
        rows, skipped = [], 0
        for media_id in dict.fromkeys((*listed, *(each for each in held if each not in moved))):
            before, found = held.get(media_id), listed.get(media_id)
            try:
                answered = await self.fetch_values(media_id, found.kind if found else str((before or {})["media_type"]))
            except ObjectNotFound:
                continue
            except (Throttled, NeedsReauth):
                raise
            except ProviderError as error:
                # Single media fail for ever, whatever is wrong with them.
                if not is_without_insights(error):
                    self.answers.count_failure(error)
                skipped += 1
                rows += [before] if before else []
                continue
            self.answers.read += 1
            rows.append(dict.fromkeys(COLUMNS) | (before or {}) | (dict(found.columns) if found else {}) | answered)
        self.sink.skip(skipped, "posts without insights")
        await self.sink.restate(TABLE, window, rows)

    async def fetch_values(self, media_id: str, kind: str) -> dict[str, int]:
        """Fetch the available values of a medium, by column. Raises ProviderError."""
        if not is_media_id(media_id):
            return {}
        found = await self.insights.fetch_metrics(media_id, kind, list(METRICS), {})
        values = {
            METRICS[name]: self.insights.read_value(metric, name) for name, metric in found.items() if name in METRICS
        }
        return {column: value for column, value in values.items() if value is not None}


def is_media_id(text: str) -> bool:
    """Whether Instagram may have given this id; any other was loaded from a file."""
    return text.isascii() and text.isdigit()


def is_without_insights(error: ProviderError) -> bool:
    """Whether Instagram says that this medium has none, as of one that too few people have seen."""
    return isinstance(error, AccessWithheld) or (isinstance(error, RejectedRequest) and error.code == INVALID)


def parse_media_item(graph: GraphClient, found: JsonObject, zone: ZoneInfo) -> MediaItem:
    reader = graph.reader
    media_id = reader.read_text(found, "id")
    if not is_media_id(media_id):
        raise INSTAGRAM.unreadable_without("a number for 'id'")
    posted_at = reader.parse_datetime(found.get("timestamp"), "timestamp").astimezone(UTC)
    media_type = reader.read_text(found, "media_type")
    product = reader.read_optional_text(found, "media_product_type")
    posted_on = posted_at.astimezone(zone).date()
    columns = {
        "posted_on": posted_on,
        "media_id": media_id,
        "posted_at": posted_at,
        "media_type": media_type,
        "caption": reader.read_optional_text(found, "caption"),
        "permalink": reader.read_optional_text(found, "permalink"),
        # Hidden likes are missing in the answer.
        **{column: reader.parse_count(found[name], name) for name, column in COUNTS.items() if name in found},
    }
    return MediaItem(media_id, media_type if product is None else f"{product} {media_type}", posted_on, columns)


def pick_columns(row: Mapping[str, Any]) -> dict[str, Any]:
    """Pick the columns that this module loads from a row of the table."""
    return {name: row.get(name) for name in COLUMNS}
