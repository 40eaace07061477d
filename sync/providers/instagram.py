"""Instagram: an account's days and its media.

A missing value is not known yet; it is never a reason to delete.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from pydantic import SecretStr

from engine import DAY, Window
from sync.backfill import HISTORY_DAYS, plan_windows
from sync.http import ProviderClient
from sync.parsing import parse_time_zone
from sync.provider import Account, Sink, get_local_yesterday
from sync.providers.graph import GraphClient
from sync.providers.graph_version import GRAPH_VERSION, add_version, drop_version
from sync.providers.instagram_days import CHUNK_DAYS as DAYS_CHUNK
from sync.providers.instagram_days import PACIFIC, InstagramDays
from sync.providers.instagram_days import RESTATE_DAYS as DAYS_RESTATES
from sync.providers.instagram_days import TABLE as DAYS_TABLE
from sync.providers.instagram_insights import INSTAGRAM, InstagramInsights
from sync.providers.instagram_media import CHUNK_DAYS as MEDIA_CHUNK
from sync.providers.instagram_media import RESTATE_DAYS as MEDIA_RESTATES
from sync.providers.instagram_media import TABLE as MEDIA_TABLE
from sync.providers.instagram_media import InstagramMedia
from sync.rereading import OptionCursor

# Tokens of Facebook's login begin with this, and those of Instagram's with IG.
FACEBOOK_TOKEN = "EA"  # noqa: S105
# The zone of a post's day.
ZONE_OPTION = "time_zone"

Step = Callable[[], Awaitable[None]]


class Instagram:
    """The provider of the source `instagram`; an account is a professional account.

    A token of Instagram's login is used and refreshed at Instagram's host, one of Facebook's at Facebook's, where
    `app_id` and `app_secret` exchange it.
    """

    def __init__(
        self,
        client: ProviderClient,
        *,
        base: str,
        facebook_base: str,
        version: str = GRAPH_VERSION,
        app_id: str | None = None,
        app_secret: SecretStr | None = None,
        history: int = HISTORY_DAYS,
    ) -> None:
        self.client = client
        self.base = add_version(base, version)
        self.facebook_base = add_version(facebook_base, version)
        self.app_id = app_id
        self.app_secret = app_secret
        self.history = history

    async def sync(self, account: Account, sink: Sink) -> None:
        """Bring the installation's Instagram tables up to date. Raises ProviderError."""
        graph = await self.open_graph(account, sink)
        insights = InstagramInsights(graph, sink, account.options)
        days = await self.plan_days(account, insights, sink) if DAYS_TABLE in sink.tables else []
        media = await self.plan_media(account, insights, sink) if MEDIA_TABLE in sink.tables else []
        # The newest window of each table comes before the older ones of both.
        steps = [step for _, step in sorted((*enumerate(days), *enumerate(media)), key=lambda each: each[0])]
        for done, step in enumerate(steps, 1):
            await step()
            sink.report_progress(done / len(steps))

    async def open_graph(self, account: Account, sink: Sink) -> GraphClient:
        """Open the Graph API of the token's login, and renew the token. Raises ProviderError."""
        token = INSTAGRAM.require_token(account.credentials, "access_token")
        if token.startswith(FACEBOOK_TOKEN):
            graph = GraphClient(self.client, INSTAGRAM, self.facebook_base, account.id, token)
            if self.app_id is not None and self.app_secret is not None:
                await graph.exchange_token(account, sink, self.app_id, self.app_secret)
            return graph
        graph = GraphClient(self.client, INSTAGRAM, self.base, account.id, token)
        query = {"grant_type": "ig_refresh_token", "access_token": token}
        # This one address of Instagram's is documented without a version.
        await graph.renew_token(account, sink, f"{drop_version(self.base)}/refresh_access_token", query)
        return graph

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
        zone = parse_time_zone(account.options.get(ZONE_OPTION)) or PACIFIC
        media = InstagramMedia(account.id, insights, sink, zone)
        cursor = OptionCursor(sink, account, MEDIA_TABLE, ZONE_OPTION)
        await cursor.load()
        yesterday = get_local_yesterday(sink.now(), zone)
        asked = plan_windows(
            cursor.days,
            yesterday,
            restate_days=MEDIA_RESTATES,
            chunk=MEDIA_CHUNK,
            history=cursor.extend_history(self.history, yesterday),
        )
        if asked:
            await media.fetch_list(min(window.start for window in asked))

        async def restate(window: Window) -> None:
            await media.restate(window)
            await cursor.save_progress(window)

        steps: list[Step] = [partial(restate, window) for window in asked]
        if cursor.stored is not None and cursor.stored.end > yesterday:
            # The former zone was a day ahead; its last day is not over in this one.
            steps.append(partial(sink.restate, MEDIA_TABLE, Window(yesterday + DAY, cursor.stored.end), ()))
        return steps
