"""Meta's insights: the campaigns' days of an ad account, at once or by a report."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from datetime import date
from decimal import Decimal
from typing import Any

from engine import Window
from sync.backfill import fetch_in_halves
from sync.errors import NeedsReauth, NotPermitted, ProviderError, Throttled, TooMuchData, Unreachable, Unreadable
from sync.parsing import JsonObject, Site
from sync.provider import Row
from sync.providers.graph import GraphClient, ObjectNotFound, RejectedRequest, classify_error

META = Site.of_source("meta")

# The days of one direct answer; a longer one would time out.
MAX_DAYS_AT_ONCE = 31
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
COLUMNS = (
    "date",
    "campaign_id",
    "campaign_name",
    "spend",
    "impressions",
    "clicks",
    "reach",
    "conversions",
    "conversion_value",
    "currency",
)
# Without a filter Meta leaves out what is archived. Deleted campaigns are not listed in any case.
EVERY_STATUS = ("ACTIVE", "ARCHIVED", "DELETED", "IN_PROCESS", "PAUSED", "WITH_ISSUES")

# An answer that changes between its pages is read again.
MAX_READINGS = 3

REPORT_FIELDS = "async_status,async_percent_completion,error_code,error_subcode,error_message,error_user_msg"
COMPLETED = "Job Completed"
GIVEN_UP = ("Job Failed", "Job Skipped")


class AdInsights:
    """The insights of an ad account in one sync.

    `conversions` are the types of action that count, best first, and `actions` those that were seen. `has_reports` is
    whether Meta prepares reports for the account, as far as is known. `astray` is the number of rows outside of the
    requested days, and `silent` the campaigns that answer nothing, so that their rows stay as they are.
    """

    def __init__(self, graph: GraphClient, account: str, conversions: Sequence[str]) -> None:
        self.graph = graph
        self.account = account
        self.conversions = conversions
        self.has_reports = True
        self.astray = 0
        self.silent: set[str] = set()
        self.actions: set[str] = set()

    async def fetch_rows(self, window: Window, held: Sequence[Row]) -> Sequence[Row]:
        """Fetch a window's rows; `held` are those that the table has. Raises ProviderError.

        A campaign without a row in the answer may have been deleted, and is asked itself: its rows are money that was
        spent. One that does not answer keeps them.
        """
        parts = await fetch_in_halves(self.fetch_once, window)
        rows = [row for part in parts for row in part]
        listed = {row["campaign_id"] for row in rows}
        for campaign in sorted({row["campaign_id"] for row in held} - listed):
            # Any other id was loaded from a file, and is none of Meta's.
            if campaign.isascii() and campaign.isdigit():
                before = [{name: row.get(name) for name in COLUMNS} for row in held if row["campaign_id"] == campaign]
                rows += await self.fetch_campaign(campaign, window, before)
        return rows

    async def fetch_campaign(self, campaign: str, window: Window, before: Sequence[Row]) -> Sequence[Row]:
        """Fetch the rows of one campaign, deleted or not; `before` if it does not answer."""
        try:
            return await self.fetch_pages(campaign, window)
        except (Throttled, NeedsReauth):
            raise
        except ProviderError:
            self.silent.add(campaign)
            return before

    async def fetch_once(self, window: Window) -> list[Row]:
        """Fetch the account's rows of one answer or report. Raises ProviderError."""
        return await self.fetch_pages(self.account, window)

    async def fetch_pages(self, node: str, window: Window) -> list[Row]:
        """Fetch the rows of an account or campaign, again if they change between their pages.

        A campaign's day that comes twice is the same row, and the later one is newer.
        """
        for _ in range(MAX_READINGS - 1):
            rows, count = await self.read_pages(node, window)
            if len(rows) == count:
                break
        else:
            rows, _ = await self.read_pages(node, window)
        # Rows of other days, such as today's, are not complete.
        wanted: list[Row] = [row for row in rows.values() if window.start <= row["date"] <= window.end]
        self.astray += len(rows) - len(wanted)
        return wanted

    async def read_pages(self, node: str, window: Window) -> tuple[dict[tuple[date, str], Row], int]:
        """Read the pages once; return the rows, by day and campaign, and how many there were."""
        question = {
            "level": "campaign",
            "time_increment": "1",
            "time_range": json.dumps({"since": window.start.isoformat(), "until": window.end.isoformat()}),
            "fields": ",".join(FIELDS),
        }
        if node == self.account:
            every_status = {"field": "campaign.effective_status", "operator": "IN", "value": EVERY_STATUS}
            question["filtering"] = json.dumps([every_status])
        if window.days <= MAX_DAYS_AT_ONCE or node != self.account:
            pages = self.graph.iter_pages(f"{node}/insights", {**question, "limit": PAGE_SIZE})
        elif self.has_reports:
            pages = self.iter_report_pages(question)
        else:
            raise TooMuchData("Meta prepares no report for this account")
        rows: dict[tuple[date, str], Row] = {}
        count = 0
        async with aclosing(pages):
            async for page in pages:
                for found in page:
                    row = self.parse_row(found)
                    rows[row["date"], row["campaign_id"]] = row
                    count += 1
        return rows, count

    async def iter_report_pages(self, question: Mapping[str, str]) -> AsyncGenerator[Sequence[JsonObject], None]:
        """Yield the pages of a report that Meta prepares asynchronously."""
        graph, client = self.graph, self.graph.client
        limits = client.limits
        try:
            ordered = await graph.post(f"{self.account}/insights", question)
            run = graph.reader.read_text(ordered, "report_run_id")
        except (ObjectNotFound, RejectedRequest, Unreadable, Unreachable):
            # This account, or a proxy, allows no reports; short windows are answered directly.
            self.has_reports = False
            raise TooMuchData("Meta prepares no report for this account") from None
        if not run.isdigit():
            raise META.unreadable_without("a number for 'report_run_id'")

        waited, wait = 0.0, limits.poll
        while not await self.is_report_ready(run):
            if waited >= limits.report:
                self.has_reports = False
                raise TooMuchData("Meta takes too long to prepare its report; the next sync asks again")
            await client.sleep(wait)
            waited += wait
            wait = min(2 * wait, limits.max_poll)
        async with aclosing(graph.iter_pages(f"{run}/insights", {"limit": PAGE_SIZE})) as pages:
            async for page in pages:
                yield page

    async def is_report_ready(self, run: str) -> bool:
        """Whether the report can be read. Raises TooMuchData if Meta gave up on it."""
        reader = self.graph.reader
        state = await self.graph.get(run, {"fields": REPORT_FIELDS})
        status = reader.read_text(state, "async_status")
        if status in GIVEN_UP:
            words = " ".join(str(state.get(name)) for name in ("error_message", "error_user_msg"))
            error = {"code": state.get("error_code"), "error_subcode": state.get("error_subcode"), "message": words}
            fault = classify_error(META, error)
            if isinstance(fault, (Throttled, NeedsReauth, NotPermitted)):
                raise fault
            # Meta recommends a shorter report, whatever else the reason is.
            raise TooMuchData("Meta gave up on its report; the next sync asks again")
        return status == COMPLETED

    def parse_row(self, found: JsonObject) -> dict[str, Any]:
        reader = self.graph.reader
        try:
            day = date.fromisoformat(reader.read_text(found, "date_start"))
        except ValueError:
            raise META.unreadable_without("a date for 'date_start'") from None
        if found.get("date_stop", found["date_start"]) != found["date_start"]:
            raise META.unreadable("for several days at once")
        conversions, value = self.count_conversions(found)
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

    def count_conversions(self, found: JsonObject) -> tuple[Decimal, Decimal]:
        """Return a row's conversions and their value, of the first type of action that it has."""
        counts = self.read_actions(found, "actions")
        self.actions |= counts.keys()
        for action in self.conversions:
            if action in counts:
                return counts[action], self.read_actions(found, "action_values").get(action, Decimal(0))
        return Decimal(0), Decimal(0)

    def read_actions(self, found: JsonObject, name: str) -> dict[str, Decimal]:
        """Return the values of a list of actions, by type; an action that never happened is missing."""
        reader = self.graph.reader
        # Refunds make a value negative, but never a count.
        parse = reader.parse_amount if name == "actions" else reader.parse_number
        return {
            reader.read_text(action, "action_type"): parse(action.get("value"), name)
            for action in reader.read_list(found, name)
        }
