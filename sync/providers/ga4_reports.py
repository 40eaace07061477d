"""GA4's reports: the table that each fills, and an answer's rows, or the error of its refusal."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sync.errors import NeedsReauth, NotPermitted, ProviderError, Unreadable
from sync.parsing import JsonObject, ProviderResponse, clean_text, parse_wait
from sync.provider import Row
from sync.providers.ga4_metadata import ReportMetadata
from sync.providers.google import GOOGLE, READER

WEEKLY_RESTATE_DAYS = 30
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

    def get_key(self, row: Row) -> Hashable:
        """Return the day and the member of a row."""
        return (row["date"], row.get(self.column or ""))


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
    """A window's rows and metadata, the counts of rows without a date or outside of it, and the time zone.

    `has_moved` is whether the report changed between its pages.
    """

    rows: Sequence[Row]
    metadata: ReportMetadata
    undated: int
    astray: int
    zone: ZoneInfo
    has_moved: bool


def parse_report(answer: ProviderResponse) -> JsonObject:
    """Parse the answer to a report. Raises the ProviderError of its status."""
    if answer.status >= 500:
        # Others are not asked in halves: a project may cause few server errors in an hour.
        raise GOOGLE.server_fault(is_overload=answer.status == 504)
    if answer.status == 429:
        raise GOOGLE.too_many_calls(read_retry_delay(answer))
    found = answer.parse_object()
    match answer.status:
        case 200:
            return found
        case 401:
            raise GOOGLE.needs_reauth()
        case 403:
            raise explain_denial(found)
        case 404:
            raise NotPermitted("Google Analytics knows no such property; check its number and connect it again")
    raise GOOGLE.unreadable("that it does not understand the question")


def explain_denial(found: JsonObject) -> ProviderError:
    """Return the error of a 403: its reason tells who can help."""
    match read_reason(found):
        case "SERVICE_DISABLED":
            return NotPermitted(
                "Google Analytics cannot be read: whoever runs this installation has to enable the Google Analytics "
                "Data API in its project at Google"
            )
        case "ACCESS_TOKEN_SCOPE_INSUFFICIENT":
            return NeedsReauth(
                "These credentials do not cover Google Analytics; connect the account again and allow it"
            )
    return GOOGLE.not_permitted("give them at least the role Viewer on the property, or connect it again")


def read_reason(found: JsonObject) -> str | None:
    """Return the reason in an error's details, such as SERVICE_DISABLED; None if it has none."""
    details = READER.read_list(READER.read_object(found, "error"), "details")
    return next((str(detail["reason"]) for detail in details if "reason" in detail), None)


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
) -> dict[tuple[str, ...], dict[str, Any] | None]:
    """Parse the rows of a page, by their dimensions; None for a row without a date."""
    dimensions = locate_columns(page, "dimensionHeaders", report.dimensions) if listed else {}
    metrics = locate_columns(page, "metricHeaders", report.metrics) if listed else {}
    currency = READER.read_currency(metadata, "currencyCode") if REVENUE in metrics else None
    rows: dict[tuple[str, ...], dict[str, Any] | None] = {}
    for each in listed:
        members = read_values(each, "dimensionValues", dimensions)
        numbers = read_values(each, "metricValues", metrics)
        key = tuple(members.values())
        # The later of two equal keys comes last.
        rows.pop(key, None)
        day = parse_day(members["date"])
        if day is None:
            rows[key] = None
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
        rows[key] = row
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


def merge_reports(parts: Sequence[ReportRows]) -> ReportRows:
    """Return the reports of a window's parts as one."""
    if len(parts) == 1:
        return parts[0]
    said = ReportMetadata()
    for part in parts:
        said.add(part.metadata)
    return ReportRows(
        [row for part in parts for row in part.rows],
        said,
        undated=sum(part.undated for part in parts),
        astray=sum(part.astray for part in parts),
        zone=parts[-1].zone,
        has_moved=False,
    )


def merge_rows(rows: Sequence[dict[str, Any]], report: TableReport) -> list[dict[str, Any]]:
    """Add up rows whose members differ only in what a database refuses."""
    merged: dict[Hashable, dict[str, Any]] = {}
    for row in rows:
        key = report.get_key(row)
        merged[key] = row if key not in merged else sum_rows(merged[key], row)
    return list(merged.values())


def sum_rows(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Add up two rows of the same key."""
    return {
        name: value + other[name] if isinstance(value, (int, float, Decimal)) else value for name, value in one.items()
    }
