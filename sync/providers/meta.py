"""Meta Ads: what each campaign of an ad account did on each day, by the Marketing API's insights."""

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

from engine.calendar import DAY, Window
from sync.backfill import HISTORY_DAYS, windows
from sync.errors import TooMuchData, Unreachable, Unreadable
from sync.http import Calls
from sync.parsing import Object, Site
from sync.provider import Account, Intake, Row, local_yesterday
from sync.providers.graph import Gone, Graph, Refused

META = Site("meta", "Meta")
VERSION = "v26.0"
VERSIONED = re.compile(r"/v[0-9]+\.[0-9]+", re.ASCII)

TABLE = "meta_ads_daily"
RESTATES = 28
# Days asked for in one answer, and in one report that Meta prepares; beyond the first it would time out.
AT_ONCE = 31
CHUNK = 100
# Meta keeps 37 months.
MOST_HISTORY = 37 * 30

PAGE = "500"
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
# One purchase appears under all of them: the first that a row has counts, and never their sum.
PURCHASES = ("omni_purchase", "purchase", "offsite_conversion.fb_pixel_purchase")

COMPLETED = "Job Completed"
GIVEN_UP = ("Job Failed", "Job Skipped")


@dataclass(slots=True)
class Reading:
    """How an ad account's rows are read: the types of action that count, best first.

    `reports` is whether Meta prepares reports for it, as far as is known; `astray` how many rows lay outside of what
    was asked.
    """

    graph: Graph
    account: str
    conversions: Sequence[str]
    reports: bool = True
    astray: int = 0


class Meta:
    """The provider of the source `meta`; an account is an ad account, `act_…`."""

    def __init__(
        self,
        calls: Calls,
        *,
        base: str,
        app_id: str | None = None,
        app_secret: SecretStr | None = None,
        history: int = HISTORY_DAYS,
    ) -> None:
        self.calls = calls
        self.base = versioned(base)
        self.app_id = app_id
        self.app_secret = app_secret
        self.history = min(history, MOST_HISTORY)

    async def sync(self, account: Account, intake: Intake) -> None:
        """Bring the table up to date, if the installation has it. Raises ProviderError."""
        if TABLE not in intake.tables:
            return
        graph = Graph(self.calls, META, self.base, account.id, META.bearer(account.credentials, "access_token"))
        await self.renew(graph, account, intake)
        about = await graph.get(account.id, {"fields": "timezone_name"})
        zone = graph.read.zone(about, "timezone_name")
        named = account.options.get("conversion_action")
        conversions = (named,) if isinstance(named, str) and named else PURCHASES
        reading = Reading(graph, account.id, conversions)
        cursor = await intake.cursor(TABLE)
        yesterday = local_yesterday(intake.now(), zone)
        asked = windows(cursor, yesterday, restates=RESTATES, chunk=CHUNK, history=self.history)
        for done, window in enumerate(asked, 1):
            await intake.restate(TABLE, window, await self.rows(reading, window))
            intake.progress(done / len(asked))
        if reading.astray:
            intake.skip(reading.astray, "rows of days that were not asked for")

    async def renew(self, graph: Graph, account: Account, intake: Intake) -> None:
        if self.app_id is None or self.app_secret is None:
            return
        query = {
            "grant_type": "fb_exchange_token",
            "client_id": self.app_id,
            "client_secret": self.app_secret.get_secret_value(),
            "fb_exchange_token": graph.token,
        }
        await graph.renew(account, intake, "oauth/access_token", query)

    async def rows(self, reading: Reading, window: Window) -> Sequence[Row]:
        """A window's rows, asked for in halves where it is too much at once."""
        try:
            return await self.whole(reading, window)
        except TooMuchData:
            if window.days == 1:
                raise
        middle = window.start + timedelta(days=window.days // 2 - 1)
        earlier = await self.rows(reading, Window(window.start, middle))
        return [*earlier, *await self.rows(reading, Window(middle + DAY, window.end))]

    async def whole(self, reading: Reading, window: Window) -> Sequence[Row]:
        question = {
            "level": "campaign",
            "time_increment": "1",
            "time_range": json.dumps({"since": window.start.isoformat(), "until": window.end.isoformat()}),
            "fields": ",".join(FIELDS),
        }
        if window.days <= AT_ONCE:
            pages = reading.graph.pages(f"{reading.account}/insights", {**question, "limit": PAGE})
        elif reading.reports:
            pages = self.reported(reading, question)
        else:
            raise TooMuchData("Meta prepares no report for this account")
        rows: dict[tuple[date, str], dict[str, Any]] = {}
        seen: set[str] = set()
        async with aclosing(pages):
            async for page in pages:
                for found in page:
                    # The same row on two pages is one row; another row of the same campaign and day is not.
                    text = json.dumps(found, sort_keys=True)
                    if text not in seen:
                        seen.add(text)
                        row = read_row(reading, found)
                        if not window.start <= row["date"] <= window.end:
                            # Today's, say, which is not complete.
                            reading.astray += 1
                            continue
                        key = (row["date"], row["campaign_id"])
                        rows[key] = row if key not in rows else together(rows[key], row)
        return list(rows.values())

    async def reported(self, reading: Reading, question: Mapping[str, str]) -> AsyncGenerator[Sequence[Object], None]:
        """The pages of a report that Meta prepares meanwhile."""
        graph, pace = reading.graph, self.calls.pace
        try:
            ordered = await graph.post(f"{reading.account}/insights", question)
            run = graph.read.text(ordered, "report_run_id")
        except (Gone, Refused, Unreadable, Unreachable):
            # No report can be ordered for this account, or by way of what stands between: it answers short windows.
            reading.reports = False
            raise TooMuchData("Meta prepares no report for this account") from None
        if not run.isdigit():
            raise META.without("a number for 'report_run_id'")

        waited, wait = 0.0, pace.poll
        while not await self.ready(graph, run):
            if waited >= pace.report:
                raise Unreachable("Meta takes too long to prepare its report; the next sync asks again")
            await self.calls.sleep(wait)
            waited += wait
            wait = min(2 * wait, pace.longest_poll)
        async with aclosing(graph.pages(f"{run}/insights", {"limit": PAGE})) as pages:
            async for page in pages:
                yield page

    async def ready(self, graph: Graph, run: str) -> bool:
        state = await graph.get(run, {"fields": "async_status,async_percent_completion"})
        status = graph.read.text(state, "async_status")
        if status in GIVEN_UP:
            # Meta does not say why; a shorter report is the remedy that it recommends.
            raise TooMuchData("Meta gave up on its report; the next sync asks again")
        return status == COMPLETED


def versioned(base: str) -> str:
    """The base of all addresses with the version in it, whether or not the setting has one."""
    base = base.rstrip("/")
    return base if VERSIONED.fullmatch(base[base.rfind("/") :]) else f"{base}/{VERSION}"


def read_row(reading: Reading, found: Object) -> dict[str, Any]:
    read = reading.graph.read
    try:
        day = date.fromisoformat(read.text(found, "date_start"))
    except ValueError:
        raise META.without("a date for 'date_start'") from None
    if found.get("date_stop", found["date_start"]) != found["date_start"]:
        raise META.odd("for several days at once")
    conversions, value = converted(reading, found)
    return {
        "date": day,
        "campaign_id": read.text(found, "campaign_id"),
        "campaign_name": read.optional_text(found, "campaign_name"),
        "spend": read.amount(found.get("spend"), "spend"),
        **{name: read.whole(found.get(name), name) for name in ("impressions", "clicks", "reach")},
        "conversions": float(conversions),
        "conversion_value": value,
        "currency": read.text(found, "account_currency"),
    }


def converted(reading: Reading, found: Object) -> tuple[Decimal, Decimal]:
    """How many conversions a row has, and their value: of the first type of action that it has."""
    counts = totals(reading, found, "actions")
    for action in reading.conversions:
        if action in counts:
            return counts[action], totals(reading, found, "action_values").get(action, Decimal(0))
    return Decimal(0), Decimal(0)


def totals(reading: Reading, found: Object, name: str) -> dict[str, Decimal]:
    """The values of a list of actions by type; one that never happened is left out."""
    read = reading.graph.read
    return {
        read.text(action, "action_type"): read.amount(action.get("value"), name) for action in read.items(found, name)
    }


def together(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Two rows of the same campaign and day, added up."""
    return {
        name: value + other[name] if isinstance(value, (int, float, Decimal)) else value for name, value in one.items()
    }
