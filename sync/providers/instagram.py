"""Instagram: an account's days and its media. What it does not answer is not known yet, never a reason to delete."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from sync.backfill import HISTORY_DAYS, windows
from sync.http import Calls
from sync.parsing import zone_named
from sync.provider import Account, Intake, local_yesterday
from sync.providers.graph import Graph
from sync.providers.instagram_days import CHUNK as DAYS_CHUNK
from sync.providers.instagram_days import PACIFIC, Days
from sync.providers.instagram_days import RESTATES as DAYS_RESTATES
from sync.providers.instagram_days import TABLE as DAYS_TABLE
from sync.providers.instagram_insights import INSTAGRAM, Insights
from sync.providers.instagram_media import CHUNK as MEDIA_CHUNK
from sync.providers.instagram_media import RESTATES as MEDIA_RESTATES
from sync.providers.instagram_media import TABLE as MEDIA_TABLE
from sync.providers.instagram_media import Media

Step = Callable[[], Awaitable[None]]


class Instagram:
    """The provider of the source `instagram`; an account is a professional account."""

    def __init__(self, calls: Calls, *, base: str, history: int = HISTORY_DAYS) -> None:
        self.calls = calls
        self.base = base.rstrip("/")
        self.history = history

    async def sync(self, account: Account, intake: Intake) -> None:
        """Bring the two tables up to date, as far as the installation has them. Raises ProviderError."""
        token = INSTAGRAM.bearer(account.credentials, "access_token")
        graph = Graph(self.calls, INSTAGRAM, self.base, account.id, token)
        query = {"grant_type": "ig_refresh_token", "access_token": token}
        await graph.renew(account, intake, "refresh_access_token", query)
        insights = Insights(graph, intake, account.options)
        days = await self.days(account, insights, intake) if DAYS_TABLE in intake.tables else []
        media = await self.media(account, insights, intake) if MEDIA_TABLE in intake.tables else []
        # Each table's newest window comes before either's older ones.
        steps = [step for _, step in sorted((*enumerate(days), *enumerate(media)), key=lambda each: each[0])]
        for done, step in enumerate(steps, 1):
            await step()
            intake.progress(done / len(steps))

    async def days(self, account: Account, insights: Insights, intake: Intake) -> list[Step]:
        yesterday = local_yesterday(intake.now(), PACIFIC)
        about = await insights.graph.get(account.id, {"fields": "followers_count"})
        followers = insights.graph.read.whole(about.get("followers_count"), "followers_count")
        days = Days(account.id, insights, intake, yesterday, followers, account.options)
        asked = windows(
            await intake.cursor(DAYS_TABLE),
            yesterday,
            restates=DAYS_RESTATES,
            chunk=DAYS_CHUNK,
            history=self.history,
        )
        return [partial(days.restate, window) for window in asked]

    async def media(self, account: Account, insights: Insights, intake: Intake) -> list[Step]:
        zone = zone_named(account.options.get("time_zone")) or PACIFIC
        media = Media(account.id, insights, intake, zone)
        asked = windows(
            await intake.cursor(MEDIA_TABLE),
            local_yesterday(intake.now(), zone),
            restates=MEDIA_RESTATES,
            chunk=MEDIA_CHUNK,
            history=self.history,
        )
        if asked:
            await media.list(min(window.start for window in asked))
        return [partial(media.restate, window) for window in asked]
