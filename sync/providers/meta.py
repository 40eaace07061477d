"""Meta Ads: each campaign's days in an ad account, from the Marketing API's insights."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from pydantic import SecretStr

from engine import DAY, Window
from sync.backfill import HISTORY_DAYS, plan_windows
from sync.errors import TooMuchData, Unreachable, Unreadable
from sync.http import ProviderClient
from sync.parsing import JsonObject, Site
from sync.provider import Account, Row, Sink, get_local_yesterday
from sync.providers.graph import GraphClient, ObjectNotFound, RejectedRequest

META = Site.of_source("meta")
VERSION = "v26.0"
VERSION_SUFFIX = re.compile(r"/v[0-9]+\.[0-9]+", re.ASCII)

TABLE = "meta_ads_daily"
RESTATE_DAYS = 28
# The days of one direct answer, and of one prepared report; a longer direct answer would time out.
MAX_DAYS_AT_ONCE = 31
CHUNK_DAYS = 100
# Meta keeps 37 months.
MAX_HISTORY_DAYS = 37 * 30

PAGE_SIZE = "500"
FIELDS = (
    "account_currency",
    "campaign_id",
    "campaign_name",
    "spend",
    "impressions",
    "clicks",
    "reach",
    "actions",
    "action_values",
)
# One purchase has all of these types: the first that a row has counts, and never their sum.
PURCHASES = ("omni_purchase", "purchase", "offsite_conversion.fb_pixel_purchase")

COMPLETED = "Job Completed"
GIVEN_UP = ("Job Failed", "Job Skipped")


@dataclass(slots=True)
class AdAccountSync:
    """One sync of an ad account, with the types of action that count, best first.

    `has_reports` is whether Meta prepares reports for it, as far as is known. `astray` is the number of rows outside
    of the requested days.
    """

    graph: GraphClient
    account: str
    conversions: Sequence[str]
    has_reports: bool = True
    astray: int = 0


class MetaAds:
    """The provider of the source `meta`; an account is an ad account, `act_…`."""

    def __init__(
        self,
        client: ProviderClient,
        *,
        base: str,
        app_id: str | None = None,
        app_secret: SecretStr | None = None,
        history: int = HISTORY_DAYS,
    ) -> None:
        self.client = client
        self.base = add_version(base)
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
        named = account.options.get("conversion_action")
        conversions = (named,) if isinstance(named, str) and named else PURCHASES
        ad_account = AdAccountSync(graph, account.id, conversions)
        cursor = await sink.get_cursor(TABLE)
        yesterday = get_local_yesterday(sink.now(), zone)
        asked = plan_windows(cursor, yesterday, restate_days=RESTATE_DAYS, chunk=CHUNK_DAYS, history=self.history)
        for done, window in enumerate(asked, 1):
            await sink.restate(TABLE, window, await self.fetch_rows(ad_account, window))
            sink.report_progress(done / len(asked))
        if ad_account.astray:
            sink.skip(ad_account.astray, "rows of days that were not asked for")

    async def renew_token(self, graph: GraphClient, account: Account, sink: Sink) -> None:
        if self.app_id is None or self.app_secret is None:
            return
        query = {
            "grant_type": "fb_exchange_token",
            "client_id": self.app_id,
            "client_secret": self.app_secret.get_secret_value(),
            "fb_exchange_token": graph.token,
        }
        await graph.renew_token(account, sink, "oauth/access_token", query)

    async def fetch_rows(self, ad_account: AdAccountSync, window: Window) -> Sequence[Row]:
        """Fetch a window's rows, in halves if it is too much at once."""
        try:
            return await self.fetch_rows_at_once(ad_account, window)
        except TooMuchData:
            if window.days == 1:
                raise
        middle = window.start + timedelta(days=window.days // 2 - 1)
        earlier = await self.fetch_rows(ad_account, Window(window.start, middle))
        return [*earlier, *await self.fetch_rows(ad_account, Window(middle + DAY, window.end))]

    async def fetch_rows_at_once(self, ad_account: AdAccountSync, window: Window) -> Sequence[Row]:
        question = {
            "level": "campaign",
            "time_increment": "1",
            "time_range": json.dumps({"since": window.start.isoformat(), "until": window.end.isoformat()}),
            "fields": ",".join(FIELDS),
        }
        if window.days <= MAX_DAYS_AT_ONCE:
            pages = ad_account.graph.iter_pages(f"{ad_account.account}/insights", {**question, "limit": PAGE_SIZE})
        elif ad_account.has_reports:
            pages = self.iter_report_pages(ad_account, question)
        else:
            raise TooMuchData("Meta prepares no report for this account")
        rows: dict[tuple[date, str], dict[str, Any]] = {}
        seen: set[str] = set()
        async with aclosing(pages):
            async for page in pages:
                for found in page:
                    # Equal rows on two pages are one row; different rows of one campaign and day are added up.
                    text = json.dumps(found, sort_keys=True)
                    if text not in seen:
                        seen.add(text)
                        row = parse_row(ad_account, found)
                        if not window.start <= row["date"] <= window.end:
                            # Such as today's, which is not complete.
                            ad_account.astray += 1
                            continue
                        key = (row["date"], row["campaign_id"])
                        rows[key] = row if key not in rows else sum_rows(rows[key], row)
        return list(rows.values())

    async def iter_report_pages(
        self, ad_account: AdAccountSync, question: Mapping[str, str]
    ) -> AsyncGenerator[Sequence[JsonObject], None]:
        """Yield the pages of a report that Meta prepares asynchronously."""
        graph, limits = ad_account.graph, self.client.limits
        try:
            ordered = await graph.post(f"{ad_account.account}/insights", question)
            run = graph.reader.read_text(ordered, "report_run_id")
        except (ObjectNotFound, RejectedRequest, Unreadable, Unreachable):
            # This account, or a proxy, allows no reports; short windows are answered directly.
            ad_account.has_reports = False
            raise TooMuchData("Meta prepares no report for this account") from None
        if not run.isdigit():
            raise META.unreadable_without("a number for 'report_run_id'")

        waited, wait = 0.0, limits.poll
        while not await self.is_report_ready(graph, run):
            if waited >= limits.report:
                raise Unreachable("Meta takes too long to prepare its report; the next sync asks again")
            await self.client.sleep(wait)
            waited += wait
            wait = min(2 * wait, limits.max_poll)
        async with aclosing(graph.iter_pages(f"{run}/insights", {"limit": PAGE_SIZE})) as pages:
            async for page in pages:
                yield page

    async def is_report_ready(self, graph: GraphClient, run: str) -> bool:
        state = await graph.get(run, {"fields": "async_status,async_percent_completion"})
        status = graph.reader.read_text(state, "async_status")
        if status in GIVEN_UP:
            # Meta gives no reason, and recommends a shorter report.
            raise TooMuchData("Meta gave up on its report; the next sync asks again")
        return status == COMPLETED


def add_version(base: str) -> str:
    """Return the base of all addresses with the version, unless the setting has one."""
    base = base.rstrip("/")
    return base if VERSION_SUFFIX.fullmatch(base[base.rfind("/") :]) else f"{base}/{VERSION}"


def parse_row(ad_account: AdAccountSync, found: JsonObject) -> dict[str, Any]:
    reader = ad_account.graph.reader
    try:
        day = date.fromisoformat(reader.read_text(found, "date_start"))
    except ValueError:
        raise META.unreadable_without("a date for 'date_start'") from None
    if found.get("date_stop", found["date_start"]) != found["date_start"]:
        raise META.unreadable("for several days at once")
    conversions, value = count_conversions(ad_account, found)
    return {
        "date": day,
        "campaign_id": reader.read_text(found, "campaign_id"),
        "campaign_name": reader.read_optional_text(found, "campaign_name"),
        "spend": reader.parse_amount(found.get("spend"), "spend"),
        **{name: reader.parse_count(found.get(name), name) for name in ("impressions", "clicks", "reach")},
        "conversions": float(conversions),
        "conversion_value": value,
        "currency": reader.read_currency(found, "account_currency"),
    }


def count_conversions(ad_account: AdAccountSync, found: JsonObject) -> tuple[Decimal, Decimal]:
    """Return a row's conversions and their value, of the first type of action that it has."""
    counts = read_actions(ad_account, found, "actions")
    for action in ad_account.conversions:
        if action in counts:
            return counts[action], read_actions(ad_account, found, "action_values").get(action, Decimal(0))
    return Decimal(0), Decimal(0)


def read_actions(ad_account: AdAccountSync, found: JsonObject, name: str) -> dict[str, Decimal]:
    """Return the values of a list of actions, by type; an action that never happened is missing."""
    reader = ad_account.graph.reader
    # Refunds make a value negative, but never a count.
    parse = reader.parse_amount if name == "actions" else reader.parse_number
    return {
        reader.read_text(action, "action_type"): parse(action.get("value"), name)
        for action in reader.read_list(found, name)
    }


def sum_rows(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Add up two rows of the same campaign and day."""
    return {
        name: value + other[name] if isinstance(value, (int, float, Decimal)) else value for name, value in one.items()
    }
