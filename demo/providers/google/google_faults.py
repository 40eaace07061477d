"""Google's errors, as answers and as faults to plant, and what can be wrong with a report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from demo.providers.faults import Fault, changed
from demo.providers.wire import StandInResponse

Json = dict[str, Any]

NO_STORE = {"Cache-Control": "no-cache, no-store, max-age=0, must-revalidate", "Pragma": "no-cache"}

UNAUTHENTICATED = (
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
    "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
)
PERMISSION_DENIED = (
    "User does not have sufficient permissions for this property. To learn more about Property ID, see "
    "https://developers.google.com/analytics/devguides/reporting/data/v1/property-id."
)
TOKENS_PER_DAY = (
    "Exhausted property tokens per day. These quota tokens will return in under 24 hours. To learn more, see "
    "https://developers.google.com/analytics/devguides/reporting/data/v1/quotas"
)
TOO_MANY_AT_ONCE = (
    "Exhausted concurrent requests quota. Please send fewer requests concurrently. To learn more, see "
    "https://developers.google.com/analytics/devguides/reporting/data/v1/quotas"
)
SERVER_ERRORS = (
    "Exhausted server errors quota. This project has been blocked from requesting this property for up to an hour. "
    "To learn more, see https://developers.google.com/analytics/devguides/reporting/data/v1/quotas"
)


def error(
    code: int,
    status: str,
    message: str,
    *,
    details: list[Json] | None = None,
    headers: Mapping[str, str] | None = None,
) -> StandInResponse:
    """An error of a Google API."""
    content: Json = {"code": code, "message": message, "status": status}
    if details:
        content["details"] = details
    return StandInResponse.json({"error": content}, code, {"Vary": "Origin, X-Origin, Referer", **(headers or {})})


def token_error(name: str, description: str, status: int = 400) -> StandInResponse:
    """An error of the token endpoint, which has a form of its own."""
    return StandInResponse.json({"error": name, "error_description": description}, status, NO_STORE)


def refused_token(reason: str = "ACCESS_TOKEN_EXPIRED") -> StandInResponse:
    details = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": {
            "service": "analyticsdata.googleapis.com",
            "method": "google.analytics.data.v1beta.BetaAnalyticsData.RunReport",
        },
    }
    headers = {"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/", error="invalid_token"'}
    return error(401, "UNAUTHENTICATED", UNAUTHENTICATED, details=[details], headers=headers)


def unauthenticated() -> Fault:
    """401: the access token is not accepted."""
    return Fault("401", answer=lambda request: refused_token())


def permission_denied() -> Fault:
    """403: the account may not read the property."""
    return Fault("403", answer=lambda request: error(403, "PERMISSION_DENIED", PERMISSION_DENIED))


def exhausted(message: str = TOKENS_PER_DAY) -> Fault:
    """429: a quota is used up."""
    return Fault("429", answer=lambda request: error(429, "RESOURCE_EXHAUSTED", message))


def server_error(code: int = 500) -> Fault:
    """500 INTERNAL, 502, 503 UNAVAILABLE or 504."""
    status = {503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED"}.get(code, "INTERNAL")
    message = "The service is currently unavailable." if code == 503 else "Internal error encountered."
    return Fault(str(code), answer=lambda request: error(code, status, message))


def invalid_argument(message: str = "The request is not valid.") -> Fault:
    """400: the request can never succeed as it is."""
    return Fault("400", answer=lambda request: error(400, "INVALID_ARGUMENT", message))


def invalid_grant() -> Fault:
    """The token endpoint: the refresh token is dead."""
    return Fault("invalid_grant", answer=lambda request: dead_refresh_token())


def invalid_client() -> Fault:
    """The token endpoint: the installation's own client id or secret is wrong."""
    return Fault("invalid_client", answer=lambda request: unknown_client())


def dead_refresh_token() -> StandInResponse:
    return token_error("invalid_grant", "Token has been expired or revoked.")


def unknown_client() -> StandInResponse:
    return token_error("invalid_client", "The OAuth client was not found.", 401)


def other_column_order() -> Fault:
    """Headers and values turned round together: right for who reads by the headers."""
    return changed("other column order", _turned)


def missing_column(name: str) -> Fault:
    """The report lacks a metric or a dimension that was asked for, header and values."""
    return changed(f"missing column {name}", lambda report: _columns(report, lambda header: header["name"] != name))


def short_rows() -> Fault:
    """Every row has a metric less than the headers say."""

    def change(report: Json) -> Json:
        rows = [{**row, "metricValues": row["metricValues"][:-1]} for row in report.get("rows", [])]
        return {**report, "rows": rows}

    return changed("short rows", change)


def nulls() -> Fault:
    """Every metric of every row is null."""

    def change(report: Json) -> Json:
        rows = [
            {**row, "metricValues": [{"value": None} for _ in row["metricValues"]]} for row in report.get("rows", [])
        ]
        return {**report, "rows": rows}

    return changed("nulls", change)


def words_for_numbers() -> Fault:
    """Every metric of every row is a word."""

    def change(report: Json) -> Json:
        rows = [
            {**row, "metricValues": [{"value": "(data not available)"} for _ in row["metricValues"]]}
            for row in report.get("rows", [])
        ]
        return {**report, "rows": rows}

    return changed("words for numbers", change)


def _turned(report: Json) -> Json:
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


def _columns(report: Json, keep: Callable[[Json], bool]) -> Json:
    left = dict(report)
    for headers, values in (("dimensionHeaders", "dimensionValues"), ("metricHeaders", "metricValues")):
        kept = [position for position, header in enumerate(report[headers]) if keep(header)]
        left[headers] = [report[headers][position] for position in kept]
        if "rows" in left:
            left["rows"] = [{**row, values: [row[values][position] for position in kept]} for row in left["rows"]]
    return left
