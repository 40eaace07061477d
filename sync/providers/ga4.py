"""GA4: a property's days, channels and landing pages, from the Data API's reports."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from engine import Window
from sync.backfill import HISTORY_DAYS, plan_windows
from sync.errors import NeedsReauth, NotPermitted, Unreadable
from sync.http import ProviderClient, ProviderRequest
from sync.parsing import JsonObject, ProviderResponse, clean_text, parse_time_zone, parse_wait
from sync.provider import Account, Row, Sink, get_local_yesterday
from sync.providers.google import GOOGLE, READER, GoogleSignIn, TokenCache

ASSUMED_ZONE = ZoneInfo("America/Los_Angeles")
RESTATE_DAYS = 3
WEEKLY_RESTATE_DAYS = 30
PAGE_SIZE = 10_000
DAY_TEXT = re.compile(r"[0-9]{8}", re.ASCII)
RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo"

RATE = "sessionKeyEventRate"
WHOLE_METRICS = {
    "users": "activeUsers",
    "new_users": "newUsers",
    "sessions": "sessions",
    "engaged_sessions": "engagedSessions",
}
CONVERSIONS = "keyEvents"
REVENUE = "totalRevenue"


@dataclass(frozen=True, slots=True)
class TableReport:
    """The report that fills a table; `chunk` is the number of days of one request."""

    table: str
    chunk: int
    metrics: Sequence[str]
    dimension: str | None = None
    column: str | None = None

    @property
    def dimensions(self) -> Sequence[str]:
        return ("date",) if self.dimension is None else ("date", self.dimension)


REPORTS = (
    TableReport("ga4_daily", 100, (*WHOLE_METRICS.values(), CONVERSIONS, RATE, REVENUE)),
    TableReport(
        "ga4_channels_daily",
        100,
        ("activeUsers", "sessions", "engagedSessions", CONVERSIONS, REVENUE),
        dimension="sessionDefaultChannelGroup",
        column="channel",
    ),
    TableReport(
        "ga4_landing_pages_daily",
        # The days that are restated weekly, and the day since.
        WEEKLY_RESTATE_DAYS + 1,
        ("activeUsers", "sessions", "engagedSessions", CONVERSIONS),
        dimension="landingPage",
        column="landing_page",
    ),
)


@dataclass(frozen=True, slots=True)
class ReportRows:
    """A window's rows, the counts of rows without a date or outside of it, and the time zone."""

    rows: Sequence[Row]
    undated: int
    astray: int
    zone: ZoneInfo


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
            found = await self.fetch_window(account, tokens, report, window)
            if found.zone.key != zone.key:
                zone = found.zone
                await sink.add_options({"time_zone": zone.key})
                if get_local_yesterday(sink.now(), zone) != yesterday:
                    return zone
            for count, reason in ((found.undated, "without a date"), (found.astray, "of days that were not asked for")):
                if count:
                    sink.skip(count, f"rows {reason} ({report.table})")
            await sink.restate(report.table, window, found.rows)
            sink.report_progress(done / len(asked))
        return None

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
        """Fetch all pages of a window."""
        rows: dict[tuple[Any, ...], dict[str, Any]] = {}
        offset, total, undated, astray = 0, 1, 0, 0
        while offset < total:
            page = await self.fetch_page(account, tokens, report, window, offset)
            listed = READER.read_list(page, "rows")
            total = READER.parse_count(page.get("rowCount", 0), "rowCount")
            if total > offset and not listed:
                raise GOOGLE.unreadable_without("some of its rows")
            metadata = READER.read_object(page, "metadata")
            zone = READER.read_time_zone(metadata, "timeZone")
            for row in parse_rows(page, report, listed, metadata):
                if row is None:
                    undated += 1
                    continue
                if not window.start <= row["date"] <= window.end:
                    # Such as today's, which is not complete.
                    astray += 1
                    continue
                key = (row["date"], row.get(report.column or ""))
                rows[key] = row if key not in rows else sum_rows(rows[key], row)
            offset += len(listed)
        return ReportRows(list(rows.values()), undated, astray, zone)

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


def parse_report(answer: ProviderResponse) -> JsonObject:
    """Parse the answer to a report. Raises the ProviderError of its status."""
    if answer.status >= 500:
        raise GOOGLE.server_fault()
    if answer.status == 429:
        raise GOOGLE.too_many_calls(read_retry_delay(answer))
    found = answer.parse_object()
    match answer.status:
        case 200:
            return found
        case 401:
            raise GOOGLE.needs_reauth()
        case 403:
            raise GOOGLE.not_permitted("give them at least the role Viewer on the property, or connect it again")
        case 404:
            raise NotPermitted("Google Analytics knows no such property; check its number and connect it again")
    raise GOOGLE.unreadable("that it does not understand the question")


def read_retry_delay(answer: ProviderResponse) -> float | None:
    """Return the seconds to wait after too many calls, from the header or the details."""
    return answer.read_retry_after() or read_delay_detail(answer)


def read_delay_detail(answer: ProviderResponse) -> float | None:
    try:
        for detail in answer.parse_object()["error"]["details"]:
            if detail["@type"] == RETRY_INFO:
                return parse_wait(float(detail["retryDelay"].removesuffix("s")))
    except (Unreadable, LookupError, AttributeError, TypeError, ValueError):
        # An invalid hint counts as missing.
        pass
    return None


def parse_rows(
    page: JsonObject, report: TableReport, listed: Sequence[JsonObject], metadata: JsonObject
) -> list[dict[str, Any] | None]:
    """Parse the rows of a page, by column; None for a row without a date."""
    dimensions = locate_columns(page, "dimensionHeaders", report.dimensions) if listed else {}
    metrics = locate_columns(page, "metricHeaders", report.metrics) if listed else {}
    currency = READER.read_currency(metadata, "currencyCode") if report.table == "ga4_daily" and listed else None
    rows: list[dict[str, Any] | None] = []
    for each in listed:
        members = read_values(each, "dimensionValues", dimensions)
        numbers = read_values(each, "metricValues", metrics)
        day = parse_day(members["date"])
        if day is None:
            rows.append(None)
            continue
        row: dict[str, Any] = {"date": day}
        if report.dimension is not None and report.column is not None:
            row[report.column] = clean_text(members[report.dimension])
        row |= {
            column: READER.parse_count(numbers[name], name) for column, name in WHOLE_METRICS.items() if name in numbers
        }
        row["conversions"] = float(READER.parse_amount(numbers[CONVERSIONS], CONVERSIONS))
        if RATE in numbers:
            # A rate is rounded to its last digits, and so many sessions are not.
            row["converting_sessions"] = float(round(READER.parse_amount(numbers[RATE], RATE) * row["sessions"], 6))
        if REVENUE in numbers:
            row["revenue"] = READER.parse_number(numbers[REVENUE], REVENUE)
        if currency is not None:
            row["currency"] = currency
        rows.append(row)
    return rows


def locate_columns(page: JsonObject, headers: str, wanted: Sequence[str]) -> Mapping[str, int]:
    """Return the index of each wanted value in a row."""
    found = {header.get("name"): place for place, header in enumerate(READER.read_list(page, headers))}
    for name in wanted:
        if name not in found:
            raise GOOGLE.unreadable_without(f"the column {name!r}")
    return {name: found[name] for name in wanted}


def read_values(row: JsonObject, name: str, where: Mapping[str, int]) -> Mapping[str, str]:
    listed = READER.read_list(row, name)
    found = {}
    for wanted, place in where.items():
        value = listed[place].get("value") if place < len(listed) else None
        if not isinstance(value, str):
            raise GOOGLE.unreadable_without(f"a value for {wanted!r}")
        found[wanted] = value
    return found


def parse_day(text: str) -> date | None:
    """Parse the day; None for `(other)` and the like, which may replace a date."""
    if text.startswith("("):
        return None
    if DAY_TEXT.fullmatch(text):
        try:
            return date(int(text[:4]), int(text[4:6]), int(text[6:]))
        except ValueError:
            pass
    raise GOOGLE.unreadable_without("a date for 'date'")


def sum_rows(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Add up two rows of the same key."""
    return {
        name: value + other[name] if isinstance(value, (int, float, Decimal)) else value for name, value in one.items()
    }
