"""Instagram: an account's days and its media.

A missing value is not known yet; it is never a reason to delete.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from sync.backfill import HISTORY_DAYS, plan_windows
from sync.http import ProviderClient
from sync.parsing import parse_time_zone
from sync.provider import Account, Sink, get_local_yesterday
from sync.providers.graph import GraphClient
from sync.providers.instagram_days import CHUNK_DAYS as DAYS_CHUNK
from sync.providers.instagram_days import PACIFIC, InstagramDays
from sync.providers.instagram_days import RESTATE_DAYS as DAYS_RESTATES
from sync.providers.instagram_days import TABLE as DAYS_TABLE
from sync.providers.instagram_insights import INSTAGRAM, InstagramInsights
from sync.providers.instagram_media import CHUNK_DAYS as MEDIA_CHUNK
from sync.providers.instagram_media import RESTATE_DAYS as MEDIA_RESTATES
from sync.providers.instagram_media import TABLE as MEDIA_TABLE
from sync.providers.instagram_media import InstagramMedia

Step = Callable[[], Awaitable[None]]


class Instagram:
    """The provider of the source `instagram`; an account is a professional account."""

    def __init__(self, client: ProviderClient, *, base: str, history: int = HISTORY_DAYS) -> None:
        self.client = client
        self.base = base.rstrip("/")
        self.history = history

    async def sync(self, account: Account, sink: Sink) -> None:
        """Bring the installation's Instagram tables up to date. Raises ProviderError."""
        token = INSTAGRAM.require_token(account.credentials, "access_token")
        graph = GraphClient(self.client, INSTAGRAM, self.base, account.id, token)
        query = {"grant_type": "ig_refresh_token", "access_token": token}
        await graph.renew_token(account, sink, "refresh_access_token", query)
        insights = InstagramInsights(graph, sink, account.options)
        days = await self.plan_days(account, insights, sink) if DAYS_TABLE in sink.tables else []
        media = await self.plan_media(account, insights, sink) if MEDIA_TABLE in sink.tables else []
        # The newest window of each table comes before the older ones of both.
        steps = [step for _, step in sorted((*enumerate(days), *enumerate(media)), key=lambda each: each[0])]
        for done, step in enumerate(steps, 1):
            await step()
            sink.report_progress(done / len(steps))

    async def plan_days(self, account: Account, insights: InstagramInsights, sink: Sink) -> list[Step]:
        yesterday = get_local_yesterday(sink.now(), PACIFIC)
        about = await insights.graph.get(account.id, {"fields": "followers_count"})
        followers = insights.graph.reader.parse_count(about.get("followers_count"), "followers_count")
        days = InstagramDays(account.id, insights, sink, yesterday, followers, account.options)
        asked = plan_windows(
            await sink.get_cursor(DAYS_TABLE),
            yesterday,
            restate_days=DAYS_RESTATES,
            chunk=DAYS_CHUNK,
            history=self.history,
        )
        return [partial(days.restate, window) for window in asked]

    async def plan_media(self, account: Account, insights: InstagramInsights, sink: Sink) -> list[Step]:
        zone = parse_time_zone(account.options.get("time_zone")) or PACIFIC
        media = InstagramMedia(account.id, insights, sink, zone)
        asked = plan_windows(
            await sink.get_cursor(MEDIA_TABLE),
            get_local_yesterday(sink.now(), zone),
            restate_days=MEDIA_RESTATES,
            chunk=MEDIA_CHUNK,
            history=self.history,
        )
        if asked:
            await media.fetch_list(min(window.start for window in asked))
        return [partial(media.restate, window) for window in asked]
