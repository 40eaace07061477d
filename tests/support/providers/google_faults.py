"""Google's errors as faults to plant, and what can be wrong with a report."""

from __future__ import annotations

from collections.abc import Callable

from demo.providers.google.google_errors import (
    PERMISSION_DENIED,
    Json,
    build_dead_refresh_token,
    build_error,
    build_refused_token,
    build_unknown_client,
)
from tests.support.providers.faults import CallFault, change_json

TOKENS_PER_DAY = (
    "Exhausted property tokens per day. These quota tokens will return in under 24 hours. To learn more, see "
    "https://developers.google.com/analytics/devguides/reporting/data/v1/quotas"
)


def refuse_token() -> CallFault:
    """401: the access token is not accepted."""
    return CallFault("401", answer=lambda request: build_refused_token())


def deny_permission() -> CallFault:
    """403: the account may not read the property."""
    return CallFault("403", answer=lambda request: build_error(403, "PERMISSION_DENIED", PERMISSION_DENIED))


def deny_for_reason(reason: str, message: str) -> CallFault:
    """403 with an ErrorInfo that says why, as SERVICE_DISABLED or ACCESS_TOKEN_SCOPE_INSUFFICIENT."""
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"}
    help_ = {"@type": "type.googleapis.com/google.rpc.Help", "links": []}
    return CallFault(
        reason, answer=lambda request: build_error(403, "PERMISSION_DENIED", message, details=[help_, info])
    )


def exhaust_quota(message: str = TOKENS_PER_DAY) -> CallFault:
    """429: a quota is used up."""
    return CallFault("429", answer=lambda request: build_error(429, "RESOURCE_EXHAUSTED", message))


def fail_server(code: int = 500) -> CallFault:
    """500 INTERNAL, 502, 503 UNAVAILABLE or 504."""
    status = {503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED"}.get(code, "INTERNAL")
    message = "The service is currently unavailable." if code == 503 else "Internal error encountered."
    return CallFault(str(code), answer=lambda request: build_error(code, status, message))


def refuse_argument(message: str = "The request is not valid.") -> CallFault:
    """400: the request can never succeed as it is."""
    return CallFault("400", answer=lambda request: build_error(400, "INVALID_ARGUMENT", message))


def refuse_grant() -> CallFault:
    """The token endpoint: the refresh token is dead."""
    return CallFault("invalid_grant", answer=lambda request: build_dead_refresh_token())


def refuse_client() -> CallFault:
    """The token endpoint: the installation's own client id or secret is wrong."""
    return CallFault("invalid_client", answer=lambda request: build_unknown_client())


def reverse_columns() -> CallFault:
    """Headers and values turned round together: right for who reads by the headers."""
    return change_json("other column order", _reverse_report)


def drop_column(name: str) -> CallFault:
    """The report lacks a metric or a dimension that was asked for, header and values."""
    return change_json(
        f"missing column {name}", lambda report: _select_columns(report, lambda header: header["name"] != name)
    )


def shorten_rows() -> CallFault:
    """Every row has a metric less than the headers say."""

    def change(report: Json) -> Json:
        rows = [{**row, "metricValues": row["metricValues"][:-1]} for row in report.get("rows", [])]
        return {**report, "rows": rows}

    return change_json("short rows", change)


def null_metrics() -> CallFault:
    """Every metric of every row is null."""

    def change(report: Json) -> Json:
        rows = [
            {**row, "metricValues": [{"value": None} for _ in row["metricValues"]]} for row in report.get("rows", [])
        ]
        return {**report, "rows": rows}

    return change_json("nulls", change)


def replace_metrics_with_words() -> CallFault:
    """Every metric of every row is a word."""

    def change(report: Json) -> Json:
        rows = [
            {**row, "metricValues": [{"value": "(data not available)"} for _ in row["metricValues"]]}
            for row in report.get("rows", [])
        ]
        return {**report, "rows": rows}

    return change_json("words for numbers", change)


def replace_metric(name: str, value: str) -> CallFault:
    """A metric of every row has this value."""

    def change(report: Json) -> Json:
        place = [header["name"] for header in report["metricHeaders"]].index(name)
        rows = []
        for row in report.get("rows", []):
            values = [*row["metricValues"]]
            values[place] = {"value": value}
            rows.append({**row, "metricValues": values})
        return {**report, "rows": rows}

    return change_json(f"{name} {value}", change)


def replace_currency(code: str) -> CallFault:
    """The report is in a currency of this code."""
    return change_json(
        "other currency", lambda report: {**report, "metadata": {**report["metadata"], "currencyCode": code}}
    )


def _reverse_report(report: Json) -> Json:
    turned = {
        **report,
        "dimensionHeaders": report["dimensionHeaders"][::-1],
        "metricHeaders": report["metricHeaders"][::-1],
    }
    if "rows" in report:
        turned["rows"] = [
            {"dimensionValues": row["dimensionValues"][::-1], "metricValues": row["metricValues"][::-1]}
            for row in report["rows"]
        ]
    return turned


def _select_columns(report: Json, keep: Callable[[Json], bool]) -> Json:
    left = dict(report)
    for headers, values in (("dimensionHeaders", "dimensionValues"), ("metricHeaders", "metricValues")):
        kept = [position for position, header in enumerate(report[headers]) if keep(header)]
        left[headers] = [report[headers][position] for position in kept]
        if "rows" in left:
            left["rows"] = [{**row, values: [row[values][position] for position in kept]} for row in left["rows"]]
    return left
