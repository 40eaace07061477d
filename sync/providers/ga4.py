"""GA4: a property's days, channels and landing pages, asked of the Data API."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from engine import DAY, Window
from sync.backfill import HISTORY_DAYS, fetch_in_halves, plan_windows
from sync.errors import NeedsReauth
from sync.http import ProviderClient, ProviderRequest
from sync.parsing import JsonObject, parse_time_zone
from sync.provider import Account, Sink, get_local_yesterday
from sync.providers.ga4_metadata import ReportMetadata, keep_held_rows, note_days
from sync.providers.ga4_reports import (
    REPORTS,
    WEEKLY_RESTATE_DAYS,
    ReportRows,
    TableReport,
    merge_reports,
    merge_rows,
    parse_report,
    parse_rows,
)
from sync.providers.google import GOOGLE, READER, GoogleSignIn, TokenCache

ASSUMED_ZONE = ZoneInfo("America/Los_Angeles")
RESTATE_DAYS = 3
PAGE_SIZE = 10_000
# A report that changes between its pages is read again.
MAX_READINGS = 3


class GA4:
    """The provider of the source `ga4`; an account is a property."""

    def __init__(
        self, client: ProviderClient, sign_in: GoogleSignIn, *, base: str, history: int = HISTORY_DAYS
    ) -> None:
        self.client = client
        self.sign_in = sign_in
        self.base = base.rstrip("/")
        self.history = history

    async def sync(self, account: Account, sink: Sink) -> None:
        """Bring the installation's GA4 tables up to date. Raises ProviderError."""
        tokens = TokenCache(self.sign_in, account.id, account.credentials, sink.now)
        zone: ZoneInfo | None = parse_time_zone(account.options.get("time_zone")) or ASSUMED_ZONE
        # Only an answer tells the property's time zone; if it differs, the days are requested again.
        for _ in range(2):
            if zone is not None:
                zone = await self.sync_tables(account.id, tokens, sink, zone)
        if zone is not None:
            raise GOOGLE.unreadable("with one time zone and then with another")

    async def sync_tables(self, account: str, tokens: TokenCache, sink: Sink, zone: ZoneInfo) -> ZoneInfo | None:
        """Sync from the cursors to yesterday in `zone`; return the right zone if it is another one."""
        yesterday = get_local_yesterday(sink.now(), zone)
        asked = await self.plan_reports(sink, yesterday)
        for done, (report, window) in enumerate(asked, 1):
            parts = await fetch_in_halves(partial(self.fetch_window, account, tokens, report), window)
            found = merge_reports(parts)
            if found.zone.key != zone.key:
                zone = found.zone
                await sink.add_options({"time_zone": zone.key})
                if get_local_yesterday(sink.now(), zone) != yesterday:
                    return zone
            for count, reason in ((found.undated, "without a date"), (found.astray, "of days that were not asked for")):
                if count:
                    sink.skip(count, f"rows {reason} ({report.table})")
            await self.restate_window(sink, report, window, found, is_newest=window.end == yesterday)
            sink.report_progress(done / len(asked))
        return None

    async def restate_window(
        self, sink: Sink, report: TableReport, window: Window, found: ReportRows, *, is_newest: bool
    ) -> None:
        """Replace a window's rows; what an incomplete report leaves out stays, and is noted.

        The newest days count as read only up to the last one that the report answers for.
        """
        metadata = found.metadata
        rows, days = found.rows, window
        if metadata.codes:
            held = await sink.get_rows(report.table, window)
            rows = keep_held_rows(rows, held, metadata.truncated, report.get_key)
            answered = [day for day in window if day not in metadata.truncated] if is_newest else [window.end]
            days = Window(window.start, max(answered, default=window.start - DAY))
        if days.days > 0:
            await sink.restate(report.table, days, [row for row in rows if row["date"] <= days.end])
        await sink.replace_notes(report.table, window, note_days(metadata, window))
        if metadata.hidden:
            names = ", ".join(sorted(metadata.hidden))
            sink.add_remark(f"Google Analytics hides {names} from these credentials, so they are 0 here")

    async def plan_reports(self, sink: Sink, yesterday: date) -> Sequence[tuple[TableReport, Window]]:
        """Plan the windows of all tables: the newest days of each before the older ones of any."""
        found: list[tuple[int, TableReport, Window]] = []
        for report in REPORTS:
            if report.table in sink.tables:
                cursor = await sink.get_cursor(report.table)
                chosen = plan_windows(
                    cursor,
                    yesterday,
                    restate_days=RESTATE_DAYS,
                    weekly_days=WEEKLY_RESTATE_DAYS,
                    chunk=report.chunk,
                    history=self.history,
                )
                found += [(place, report, window) for place, window in enumerate(chosen)]
        return [(report, window) for _, report, window in sorted(found, key=lambda each: each[0])]

    async def fetch_window(self, account: str, tokens: TokenCache, report: TableReport, window: Window) -> ReportRows:
        """Fetch a window, again if the report changes between its pages; then a later row counts."""
        for _ in range(MAX_READINGS - 1):
            found = await self.fetch_pages(account, tokens, report, window)
            if not found.has_moved:
                return found
        return await self.fetch_pages(account, tokens, report, window)

    async def fetch_pages(self, account: str, tokens: TokenCache, report: TableReport, window: Window) -> ReportRows:
        """Fetch all pages of a window once."""
        rows: dict[tuple[str, ...], dict[str, Any] | None] = {}
        said = ReportMetadata()
        totals: set[int] = set()
        offset, total, listed = 0, 1, 0
        while offset < total:
            page = await self.fetch_page(account, tokens, report, window, offset)
            page_rows = READER.read_list(page, "rows")
            total = READER.parse_count(page.get("rowCount", 0), "rowCount")
            totals.add(total)
            if total > offset and not page_rows:
                raise GOOGLE.unreadable_without("some of its rows")
            metadata = READER.read_object(page, "metadata")
            zone = READER.read_time_zone(metadata, "timeZone")
            said.add_page(metadata, window)
            # A key that comes twice is the same row, and the later one is newer.
            rows.update(parse_rows(page, report, page_rows, metadata))
            listed += len(page_rows)
            offset += len(page_rows)
        dated = [row for row in rows.values() if row is not None]
        # Rows of other days, such as today's, are not complete.
        wanted = [row for row in dated if window.start <= row["date"] <= window.end]
        said.add_silent_days(window, (row["date"] for row in wanted))
        return ReportRows(
            merge_rows(wanted, report),
            said,
            undated=len(rows) - len(dated),
            astray=len(dated) - len(wanted),
            zone=zone,
            has_moved=len(totals) > 1 or listed > len(rows),
        )

    async def fetch_page(
        self, account: str, tokens: TokenCache, report: TableReport, window: Window, offset: int
    ) -> JsonObject:
        body = {
            "dateRanges": [{"startDate": window.start.isoformat(), "endDate": window.end.isoformat()}],
            "dimensions": [{"name": name} for name in report.dimensions],
            "metrics": [{"name": name} for name in report.metrics],
            # Pages of a report without an order may overlap.
            "orderBys": [{"dimension": {"dimensionName": name}} for name in report.dimensions],
            "limit": str(PAGE_SIZE),
            "offset": str(offset),
        }
        url = f"{self.base}/v1beta/properties/{account}:runReport"
        token = await tokens.get_token()
        try:
            return await self.client.request(
                GOOGLE, account, ProviderRequest("POST", url, json=body, token=token), parse_report
            )
        except NeedsReauth:
            # A token may be revoked early; a second one must be accepted.
            tokens.forget()
            token = await tokens.get_token()
            return await self.client.request(
                GOOGLE, account, ProviderRequest("POST", url, json=body, token=token), parse_report
            )
