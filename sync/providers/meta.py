"""Meta Ads: each campaign's days in an ad account, from the Marketing API's insights."""

from __future__ import annotations

from pydantic import SecretStr

from sync.backfill import HISTORY_DAYS, plan_windows
from sync.http import ProviderClient
from sync.provider import Account, Sink, get_local_yesterday
from sync.providers.graph import GraphClient
from sync.providers.graph_version import GRAPH_VERSION, add_version
from sync.providers.meta_insights import MAX_DAYS_AT_ONCE, META, AdInsights
from sync.rereading import OptionCursor

TABLE = "meta_ads_daily"
RESTATE_DAYS = 28
# The days of one prepared report.
CHUNK_DAYS = 100
# Meta keeps 37 months.
MAX_HISTORY_DAYS = 37 * 30

CONVERSION_OPTION = "conversion_action"
MAX_NAMED_ACTIONS = 30
# One purchase has all of these types: the first that a row has counts, and never their sum.
PURCHASES = ("omni_purchase", "purchase", "offsite_conversion.fb_pixel_purchase")


class MetaAds:
    """The provider of the source `meta`; an account is an ad account, `act_…`."""

    def __init__(
        self,
        client: ProviderClient,
        *,
        base: str,
        version: str = GRAPH_VERSION,
        app_id: str | None = None,
        app_secret: SecretStr | None = None,
        history: int = HISTORY_DAYS,
    ) -> None:
        self.client = client
        self.base = add_version(base, version)
        self.app_id = app_id
        self.app_secret = app_secret
        self.history = min(history, MAX_HISTORY_DAYS)

    async def sync(self, account: Account, sink: Sink) -> None:
        """Bring the table up to date, if the installation has it. Raises ProviderError."""
        if TABLE not in sink.tables:
            return
        graph = GraphClient(
            self.client, META, self.base, account.id, META.require_token(account.credentials, "access_token")
        )
        await self.renew_token(graph, account, sink)
        about = await graph.get(account.id, {"fields": "timezone_name"})
        zone = graph.reader.read_time_zone(about, "timezone_name")
        named = account.options.get(CONVERSION_OPTION)
        conversions = (named,) if isinstance(named, str) and named else PURCHASES
        insights = AdInsights(graph, account.id, conversions)
        cursor = OptionCursor(sink, account, TABLE, CONVERSION_OPTION)
        await cursor.load()
        yesterday = get_local_yesterday(sink.now(), zone)
        asked = plan_windows(
            cursor.days,
            yesterday,
            restate_days=RESTATE_DAYS,
            chunk=CHUNK_DAYS,
            # At once, so that a first sync has something soon, whatever becomes of its reports.
            first_chunk=MAX_DAYS_AT_ONCE,
            history=min(cursor.extend_history(self.history, yesterday), MAX_HISTORY_DAYS),
        )
        for done, window in enumerate(asked, 1):
            held = await sink.get_rows(TABLE, window)
            await sink.restate(TABLE, window, await insights.fetch_rows(window, held))
            await cursor.save_progress(window)
            sink.report_progress(done / len(asked))
        sink.skip(insights.astray, "rows of days that were not asked for")
        sink.skip(len(insights.silent), "campaigns that Meta knows no more, whose rows stay")
        if conversions != PURCHASES and insights.actions and conversions[0] not in insights.actions:
            seen = ", ".join(sorted(insights.actions)[:MAX_NAMED_ACTIONS])
            sink.add_remark(
                f"no row has the {CONVERSION_OPTION} {conversions[0]!r}; the rows that were read have {seen}"
            )

    async def renew_token(self, graph: GraphClient, account: Account, sink: Sink) -> None:
        if self.app_id is not None and self.app_secret is not None:
            await graph.exchange_token(account, sink, self.app_id, self.app_secret)
