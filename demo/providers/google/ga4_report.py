"""A GA4 report: the answer of `runReport` for one property."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from difflib import get_close_matches
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from demo.providers.accounts import CHANNEL, PAGE, PAGE_AND_QUERY, Property, PropertyVisits
from demo.providers.google.google_errors import build_error
from demo.providers.wire import ErrorResponse

MAX_ROWS = 250_000
DEFAULT_ROWS = 10_000
MAX_RANGES = 4
SCHEMA = (
    "For a list of valid dimensions and metrics, see "
    "https://developers.google.com/analytics/devguides/reporting/data/v1/api-schema "
)
DIMENSIONS = ("date", CHANNEL, PAGE, PAGE_AND_QUERY)
RANGE = "dateRange"

TYPES = {
    "activeUsers": "TYPE_INTEGER",
    "averageSessionDuration": "TYPE_SECONDS",
    "bounceRate": "TYPE_FLOAT",
    "ecommercePurchases": "TYPE_INTEGER",
    "engagedSessions": "TYPE_INTEGER",
    "engagementRate": "TYPE_FLOAT",
    "eventCount": "TYPE_INTEGER",
    "keyEvents": "TYPE_FLOAT",
    "newUsers": "TYPE_INTEGER",
    "purchaseRevenue": "TYPE_CURRENCY",
    "screenPageViews": "TYPE_INTEGER",
    "sessionKeyEventRate": "TYPE_FLOAT",
    "sessions": "TYPE_INTEGER",
    "totalRevenue": "TYPE_CURRENCY",
    "totalUsers": "TYPE_INTEGER",
    "transactions": "TYPE_INTEGER",
}

Json = dict[str, Any]
Values = Mapping[str, float]

# Metrics that are computed from others if a row lacks them.
DERIVED: dict[str, Callable[[Values], float]] = {
    "totalUsers": lambda row: row.get("activeUsers", 0),
    "purchaseRevenue": lambda row: row.get("totalRevenue", 0),
    "engagementRate": lambda row: _divide_or_zero(row.get("engagedSessions", 0), row.get("sessions", 0)),
    "bounceRate": lambda row: 1 - _divide_or_zero(row.get("engagedSessions", 0), row.get("sessions", 0)),
}
# Metrics whose value over several rows is the average weighted by sessions, not the sum.
RATES = frozenset({"averageSessionDuration", "bounceRate", "engagementRate", "sessionKeyEventRate"})


class ReportRange(NamedTuple):
    """A date range, with the name that marks its rows if there are several."""

    name: str
    first: date
    last: date

    def includes(self, day: date) -> bool:
        return self.first <= day <= self.last


class ReportRow(NamedTuple):
    """A report's row: the values of the dimensions, and of the metrics as numbers."""

    dimensions: tuple[str, ...]
    metrics: tuple[float, ...]


class Ga4Report:
    """One validated request. Raises `ErrorResponse` with INVALID_ARGUMENT where Google does."""

    def __init__(self, account: Property, request: Any, now: datetime, *, most_rows: int = MAX_ROWS) -> None:
        if not isinstance(request, dict):
            raise _build_invalid_argument("Invalid JSON payload received. Expected an object.")
        self.account = account
        self.now = now
        self.ranges = list(_iter_ranges(request.get("dateRanges"), now.astimezone(ZoneInfo(account.zone)).date()))
        self.dimensions = [_read_name(item, "dimension") for item in request.get("dimensions") or ()]
        self.metrics = [_read_name(item, "metric") for item in request.get("metrics") or ()]
        for names, known, kind in ((self.dimensions, DIMENSIONS, "dimension"), (self.metrics, TYPES, "metric")):
            for name in names:
                _check_name(name, known, kind)
        if not self.metrics and not self.dimensions:
            raise _build_invalid_argument("At least one dimension or metric is required.")
        self.orders = request.get("orderBys") or []
        self.offset = _parse_count(request.get("offset"), "offset", 0)
        self.limit = min(_parse_count(request.get("limit"), "limit", DEFAULT_ROWS) or DEFAULT_ROWS, most_rows)
        self.keeps_empty = bool(request.get("keepEmptyRows"))
        self.shows_quota = bool(request.get("returnPropertyQuota"))

    def build_content(self) -> Json:
        """Build the answer's JSON; as in proto3, empty and zero values are left out."""
        rows = self._sort_rows(self._build_rows())
        page = rows[self.offset : self.offset + self.limit]
        content: Json = {}
        names = [*self.dimensions, RANGE] if len(self.ranges) > 1 else self.dimensions
        if names:
            content["dimensionHeaders"] = [{"name": name} for name in names]
        if self.metrics:
            content["metricHeaders"] = [{"name": name, "type": TYPES[name]} for name in self.metrics]
        if page:
            content["rows"] = [self._format_row(row) for row in page]
        if rows:
            content["rowCount"] = len(rows)
        content["metadata"] = self._build_metadata()
        return {**content, "kind": "analyticsData#runReport"}

    def _build_metadata(self) -> Json:
        metadata: Json = {"currencyCode": self.account.currency, "timeZone": self.account.zone}
        if self.account.other is not None:
            metadata["dataLossFromOtherRow"] = True
        if self.account.thresholded or self.account.threshold:
            metadata["subjectToThresholding"] = True
        if self.account.sampled is not None:
            read, size = (str(count) for count in self.account.sampled)
            metadata["samplingMetadatas"] = [{"samplesReadCount": read, "samplingSpaceSize": size} for _ in self.ranges]
        if reasons := list(self._iter_truncations()):
            metadata["dataTruncationReasons"] = reasons
        return metadata

    def _iter_truncations(self) -> Iterator[Json]:
        """Yield the reason why days are missing, which may name them."""
        missing = sorted(day for day in self.account.truncated if any(each.includes(day) for each in self.ranges))
        if missing:
            reason: Json = {"dataTruncationType": "DATA_TRUNCATION_TYPE_DATE_RANGE"}
            if self.account.names_truncated:
                spans = [{"startDate": day.isoformat(), "endDate": day.isoformat()} for day in missing]
                reason["dataTruncationDateRanges"] = spans
            yield reason

    def _is_withheld(self, visits: PropertyVisits) -> bool:
        return visits.day in self.account.truncated or visits.metrics.get("activeUsers", 0) < self.account.threshold

    def _format_row(self, row: ReportRow) -> Json:
        content: Json = {}
        if row.dimensions:
            content["dimensionValues"] = [{"value": value} for value in row.dimensions]
        content["metricValues"] = [
            {"value": _format_number(value, TYPES[name])} for name, value in zip(self.metrics, row.metrics, strict=True)
        ]
        return content

    def _build_rows(self) -> list[ReportRow]:
        members = [name for name in self.dimensions if name != "date"]
        if len(members) > 1:
            raise _build_invalid_argument("Please remove a dimension to make the request compatible.")
        groups: dict[tuple[str, ...], list[Values]] = defaultdict(list)
        for span in self.ranges:
            mark = (span.name,) if len(self.ranges) > 1 else ()
            for visits in self.account.iter_rows(members[0] if members else None, span.first, span.last, self.now):
                if self._is_withheld(visits):
                    continue
                groups[(*self._iter_key(visits), *mark)].append(visits.metrics)
            if self.account.other is not None and "date" in self.dimensions:
                key = tuple("(other)" for _ in self.dimensions)
                groups[(*key, *mark)].append(self.account.other)
        rows = [
            ReportRow(key, tuple(_combine_values(name, group) for name in self.metrics))
            for key, group in groups.items()
        ]
        # Like Google, leave out rows whose metrics are all zero.
        return [row for row in rows if self.keeps_empty or not self.metrics or any(row.metrics)]

    def _iter_key(self, visits: PropertyVisits) -> Iterator[str]:
        for name in self.dimensions:
            yield visits.day.strftime("%Y%m%d") if name == "date" else str(visits.member)

    def _sort_rows(self, rows: list[ReportRow]) -> list[ReportRow]:
        """Sort in the request's order; without one by the first metric, largest first."""
        rows.sort(key=lambda row: row.dimensions)
        if not self.orders and self.metrics:
            rows.sort(key=lambda row: row.metrics[0], reverse=True)
        for order in reversed(self.orders):
            reverse = bool(order.get("desc"))
            name = order.get("dimension", {}).get("dimensionName") or order.get("metric", {}).get("metricName")
            if name in self.dimensions:
                position = self.dimensions.index(name)
                rows.sort(key=lambda row: row.dimensions[position], reverse=reverse)
            elif name in self.metrics:
                position = self.metrics.index(name)
                rows.sort(key=lambda row: row.metrics[position], reverse=reverse)
            else:
                raise _build_invalid_argument(
                    f"Field {name} is not in the request, so the report cannot be ordered by it."
                )
        return rows


def _iter_ranges(items: Any, today: date) -> Iterator[ReportRange]:
    if not isinstance(items, list) or not items:
        raise _build_invalid_argument("A date range is required.")
    if len(items) > MAX_RANGES:
        raise _build_invalid_argument(f"Requests are allowed up to {MAX_RANGES} date ranges.")
    for number, item in enumerate(items):
        first, last = _parse_day(item.get("startDate"), today), _parse_day(item.get("endDate"), today)
        if first > last:
            raise _build_invalid_argument(f"The start date {first} is after the end date {last}.")
        yield ReportRange(item.get("name") or f"date_range_{number}", first, last)


def _parse_day(text: Any, today: date) -> date:
    if text == "today":
        return today
    if text == "yesterday":
        return today - timedelta(days=1)
    if isinstance(text, str) and (ago := re.fullmatch(r"(\d+)daysAgo", text)):
        return today - timedelta(days=int(ago[1]))
    if isinstance(text, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    raise _build_invalid_argument(f"Did not recognize date {text!r}; use YYYY-MM-DD, NdaysAgo, yesterday, or today.")


def _read_name(item: Any, kind: str) -> str:
    name = item.get("name") if isinstance(item, dict) else None
    if not isinstance(name, str):
        raise _build_invalid_argument(f"Each {kind} has a name.")
    return name


def _check_name(name: str, known: Iterable[str], kind: str) -> None:
    if name not in known:
        near = "keyEvents" if name == "conversions" else next(iter(get_close_matches(name, known, 1)), None)
        hint = f"Did you mean {near}? " if near else ""
        raise _build_invalid_argument(f"{hint}Field {name} is not a valid {kind}. {SCHEMA}")


def _parse_count(value: Any, name: str, default: int) -> int:
    """Parse a 64-bit number, which Google's JSON writes as text and accepts as either."""
    if value is None:
        return default
    try:
        count = int(value)
    except (TypeError, ValueError):
        count = -1
    if count < 0 or isinstance(value, bool):
        raise _build_invalid_argument(f"Invalid value at '{name}' (TYPE_INT64), {value!r}")
    return count


def _combine_values(name: str, rows: list[Values]) -> float:
    values = [_read_metric(name, row) for row in rows]
    if name in RATES and len(rows) > 1:
        sessions = [row.get("sessions", 0) for row in rows]
        return _divide_or_zero(sum(value * count for value, count in zip(values, sessions, strict=True)), sum(sessions))
    return sum(values)


def _read_metric(name: str, row: Values) -> float:
    if name in row:
        return row[name]
    return DERIVED[name](row) if name in DERIVED else 0


def _divide_or_zero(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _format_number(value: float, kind: str) -> str:
    """Format a number like Google: whole numbers without a point, others with all digits."""
    if kind == "TYPE_INTEGER" or value == int(value):
        return str(int(value))
    return repr(float(value))


def _build_invalid_argument(message: str) -> ErrorResponse:
    return ErrorResponse(build_error(400, "INVALID_ARGUMENT", message))
