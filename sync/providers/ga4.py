"""GA4: a property's days, channels and landing pages, by the Data API's reports."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from engine.calendar import Window
from sync.backfill import HISTORY_DAYS, windows
from sync.errors import NeedsReauth, NotPermitted, Unreadable
from sync.http import Calls, Request
from sync.parsing import Answer, Object, clean, positive, zone_named
from sync.provider import Account, Intake, Row, local_yesterday
from sync.providers.google import GOOGLE, READ, Bearer, SignIn

ASSUMED_ZONE = ZoneInfo("America/Los_Angeles")
RESTATES = 3
WEEKLY = 30
PAGE = 10_000
DAY_TEXT = re.compile(r"[0-9]{8}", re.ASCII)
RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo"

RATE = "sessionKeyEventRate"
WHOLE = {
    "users": "activeUsers",
    "new_users": "newUsers",
    "sessions": "sessions",
    "engaged_sessions": "engagedSessions",
}
CONVERSIONS = "keyEvents"
REVENUE = "totalRevenue"


@dataclass(frozen=True, slots=True)
class Report:
    """What fills a table: the dimension beside the date and its column, the metrics, and the days asked at once."""

    table: str
    chunk: int
    metrics: Sequence[str]
    dimension: str | None = None
    column: str | None = None

    @property
    def dimensions(self) -> Sequence[str]:
        return ("date",) if self.dimension is None else ("date", self.dimension)


REPORTS = (
    Report("ga4_daily", 100, (*WHOLE.values(), CONVERSIONS, RATE, REVENUE)),
    Report(
        "ga4_channels_daily",
        100,
        ("activeUsers", "sessions", "engagedSessions", CONVERSIONS, REVENUE),
        dimension="sessionDefaultChannelGroup",
        column="channel",
    ),
    Report(
        "ga4_landing_pages_daily",
        # The days of a week's deeper look, and the one that has passed since.
        WEEKLY + 1,
        ("activeUsers", "sessions", "engagedSessions", CONVERSIONS),
        dimension="landingPage",
        column="landing_page",
    ),
)


@dataclass(frozen=True, slots=True)
class Found:
    """A window's rows, how many more had no date or one outside the window, and the property's time zone."""

    rows: Sequence[Row]
    undated: int
    astray: int
    zone: ZoneInfo


class GA4:
    """The provider of the source `ga4`; an account is a property."""

    def __init__(self, calls: Calls, sign_in: SignIn, *, base: str, history: int = HISTORY_DAYS) -> None:
        self.calls = calls
        self.sign_in = sign_in
        self.base = base.rstrip("/")
        self.history = history

    async def sync(self, account: Account, intake: Intake) -> None:
        """Bring the three tables up to date, as far as the installation has them. Raises ProviderError."""
        bearer = Bearer(self.sign_in, account.id, account.credentials, intake.now)
        zone: ZoneInfo | None = zone_named(account.options.get("time_zone")) or ASSUMED_ZONE
        # Only an answer tells where the property's day ends; one that moves it is asked for anew.
        for _ in range(2):
            if zone is not None:
                zone = await self.advance(account.id, bearer, intake, zone)
        if zone is not None:
            raise GOOGLE.odd("with one time zone and then with another")

    async def advance(self, account: str, bearer: Bearer, intake: Intake, zone: ZoneInfo) -> ZoneInfo | None:
        """Go on from the cursors to yesterday in `zone`; or stop and say in which zone the property really is."""
        yesterday = local_yesterday(intake.now(), zone)
        asked = await self.asked(intake, yesterday)
        for done, (report, window) in enumerate(asked, 1):
            found = await self.read(account, bearer, report, window)
            if found.zone.key != zone.key:
                zone = found.zone
                await intake.remember({"time_zone": zone.key})
                if local_yesterday(intake.now(), zone) != yesterday:
                    return zone
            for count, reason in ((found.undated, "without a date"), (found.astray, "of days that were not asked for")):
                if count:
                    intake.skip(count, f"rows {reason} ({report.table})")
            await intake.restate(report.table, window, found.rows)
            intake.progress(done / len(asked))
        return None

    async def asked(self, intake: Intake, yesterday: date) -> Sequence[tuple[Report, Window]]:
        """The windows of all tables, so that each table's newest days come before any table's older ones."""
        found: list[tuple[int, Report, Window]] = []
        for report in REPORTS:
            if report.table in intake.tables:
                cursor = await intake.cursor(report.table)
                chosen = windows(
                    cursor,
                    yesterday,
                    restates=RESTATES,
                    weekly=WEEKLY,
                    chunk=report.chunk,
                    history=self.history,
                )
                found += [(place, report, window) for place, window in enumerate(chosen)]
        return [(report, window) for _, report, window in sorted(found, key=lambda each: each[0])]

    async def read(self, account: str, bearer: Bearer, report: Report, window: Window) -> Found:
        """All pages of a window."""
        rows: dict[tuple[Any, ...], dict[str, Any]] = {}
        offset, total, undated, astray = 0, 1, 0, 0
        while offset < total:
            page = await self.page(account, bearer, report, window, offset)
            listed = READ.items(page, "rows")
            total = READ.whole(page.get("rowCount", 0), "rowCount")
            if total > offset and not listed:
                raise GOOGLE.without("some of its rows")
            metadata = READ.part(page, "metadata")
            zone = READ.zone(metadata, "timeZone")
            for row in rows_of(page, report, listed, metadata):
                if row is None:
                    undated += 1
                    continue
                if not window.start <= row["date"] <= window.end:
                    # Today's, say, which is not complete.
                    astray += 1
                    continue
                key = (row["date"], row.get(report.column or ""))
                rows[key] = row if key not in rows else together(rows[key], row)
            offset += len(listed)
        return Found(list(rows.values()), undated, astray, zone)

    async def page(self, account: str, bearer: Bearer, report: Report, window: Window, offset: int) -> Object:
        body = {
            "dateRanges": [{"startDate": window.start.isoformat(), "endDate": window.end.isoformat()}],
            "dimensions": [{"name": name} for name in report.dimensions],
            "metrics": [{"name": name} for name in report.metrics],
            # Pages of a report without an order may overlap.
            "orderBys": [{"dimension": {"dimensionName": name}} for name in report.dimensions],
            "limit": str(PAGE),
            "offset": str(offset),
        }
        url = f"{self.base}/v1beta/properties/{account}:runReport"
        token = await bearer.token()
        try:
            return await self.calls.ask(GOOGLE, account, Request("POST", url, json=body, token=token), reported)
        except NeedsReauth:
            # A token may go before its time; a second one is not wrong twice.
            bearer.forget()
            token = await bearer.token()
            return await self.calls.ask(GOOGLE, account, Request("POST", url, json=body, token=token), reported)


def reported(answer: Answer) -> Object:
    """The answer to a report. Raises ProviderError, of the class that its status says."""
    if answer.status >= 500:
        raise GOOGLE.faulty()
    if answer.status == 429:
        raise GOOGLE.throttled(retry_delay(answer))
    found = answer.object()
    match answer.status:
        case 200:
            return found
        case 401:
            raise GOOGLE.disconnected()
        case 403:
            raise GOOGLE.forbidden("give them at least the role Viewer on the property, or connect it again")
        case 404:
            raise NotPermitted("Google Analytics knows no such property; check its number and connect it again")
    raise GOOGLE.odd("that it does not understand the question")


def retry_delay(answer: Answer) -> float | None:
    """The seconds that the answer to too many calls asks for, in its header or in its details."""
    return answer.retry_after() or detailed_delay(answer)


def detailed_delay(answer: Answer) -> float | None:
    try:
        for detail in answer.object()["error"]["details"]:
            if detail["@type"] == RETRY_INFO:
                return positive(float(detail["retryDelay"].removesuffix("s")))
    except (Unreadable, LookupError, AttributeError, TypeError, ValueError):
        # A hint that cannot be read is none.
        pass
    return None


def rows_of(page: Object, report: Report, listed: Sequence[Object], metadata: Object) -> list[dict[str, Any] | None]:
    """The rows of a page by column, each value read by its header; None for one without a date."""
    dimensions = places(page, "dimensionHeaders", report.dimensions) if listed else {}
    metrics = places(page, "metricHeaders", report.metrics) if listed else {}
    currency = READ.text(metadata, "currencyCode") if report.table == "ga4_daily" and listed else None
    rows: list[dict[str, Any] | None] = []
    for each in listed:
        members = values(each, "dimensionValues", dimensions)
        numbers = values(each, "metricValues", metrics)
        day = day_of(members["date"])
        if day is None:
            rows.append(None)
            continue
        row: dict[str, Any] = {"date": day}
        if report.dimension is not None and report.column is not None:
            row[report.column] = clean(members[report.dimension])
        row |= {column: READ.whole(numbers[name], name) for column, name in WHOLE.items() if name in numbers}
        row["conversions"] = float(READ.amount(numbers[CONVERSIONS], CONVERSIONS))
        if RATE in numbers:
            # A rate is rounded to its last digits, and so many sessions are not.
            row["converting_sessions"] = float(round(READ.amount(numbers[RATE], RATE) * row["sessions"], 6))
        if REVENUE in numbers:
            row["revenue"] = READ.amount(numbers[REVENUE], REVENUE)
        if currency is not None:
            row["currency"] = currency
        rows.append(row)
    return rows


def places(page: Object, headers: str, wanted: Sequence[str]) -> Mapping[str, int]:
    """Where each wanted value stands in a row."""
    found = {header.get("name"): place for place, header in enumerate(READ.items(page, headers))}
    for name in wanted:
        if name not in found:
            raise GOOGLE.without(f"the column {name!r}")
    return {name: found[name] for name in wanted}


def values(row: Object, name: str, where: Mapping[str, int]) -> Mapping[str, str]:
    listed = READ.items(row, name)
    found = {}
    for wanted, place in where.items():
        value = listed[place].get("value") if place < len(listed) else None
        if not isinstance(value, str):
            raise GOOGLE.without(f"a value for {wanted!r}")
        found[wanted] = value
    return found


def day_of(text: str) -> date | None:
    """The day; None for `(other)` and the like, which can stand where a date stands."""
    if text.startswith("("):
        return None
    if DAY_TEXT.fullmatch(text):
        try:
            return date(int(text[:4]), int(text[4:6]), int(text[6:]))
        except ValueError:
            pass
    raise GOOGLE.without("a date for 'date'")


def together(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Two rows of the same key, added up."""
    return {
        name: value + other[name] if isinstance(value, (int, float, Decimal)) else value for name, value in one.items()
    }
